//! What becomes due by itself: expiry, the reminder to set out, forgetting.

use event_schemas::Timestamp;
use event_schemas::request::{MatchReminderDue, RequestEvent, RequestTextForgotten};

use super::values::{RejectReason, Status};
use super::{Accepted, Ask, Command, ExpireRequest, Matched, Open, RemindMatch, Text};
use crate::Timer;

impl Open {
    pub(super) fn expiry_timer(&self) -> Timer<Command> {
        Timer {
            due: self.terms.expires_at,
            kind: "expiry",
            armed_by: self.armed_by,
            command: Command::ExpireRequest(ExpireRequest::default()),
        }
    }

    /// Nobody was found in time; nothing before that time.
    pub(super) fn expire(&self, it: &ExpireRequest, now: Timestamp) -> Vec<RequestEvent> {
        if now < self.terms.expires_at {
            return vec![];
        }
        let expired = self.ask.expired(it.windows, now);
        let updated = self.ask.status_changed(Status::Open, Status::Expired);
        self.reject_all(RejectReason::RequestExpired).chain([expired, updated]).collect()
    }
}

impl Matched {
    pub(super) fn reminder_timer(&self) -> Option<Timer<Command>> {
        let Accepted { match_id, remind_at, armed_by, .. } = self.accepted;
        let command = Command::RemindMatch(RemindMatch { match_id });
        remind_at.map(|due| Timer { due, kind: "reminder", armed_by, command })
    }

    /// Once per match, and not when the time to be there has passed too.
    pub(super) fn remind(&self, it: &RemindMatch, now: Timestamp) -> Vec<RequestEvent> {
        let due =
            self.accepted.match_id == it.match_id && self.accepted.remind_at.is_some_and(|due| due <= now);
        let scheduled_at = self.terms.scheduled_at.filter(|at| due && now < *at);
        let reminder = scheduled_at.map(|scheduled_at| MatchReminderDue {
            request_id: self.ask.request_id,
            match_id: self.accepted.match_id,
            requester_id: self.ask.requester,
            responder_id: self.accepted.responder,
            scheduled_at,
        });
        reminder.into_iter().map(Into::into).collect()
    }
}

impl Text {
    pub(super) fn timer(self) -> Option<Timer<Command>> {
        match self {
            Self::Present { forget_at: due, armed_by } => {
                Some(Timer { due, kind: "forgetting", armed_by, command: Command::ForgetText })
            }
            Self::Forgotten => None,
        }
    }

    /// Once, when its time has come.
    pub(super) fn forget(self, ask: &Ask, now: Timestamp) -> Vec<RequestEvent> {
        match self {
            Self::Present { forget_at, .. } if forget_at <= now => {
                vec![RequestTextForgotten { request_id: ask.request_id, forgotten_at: now }.into()]
            }
            Self::Present { .. } | Self::Forgotten => vec![],
        }
    }
}

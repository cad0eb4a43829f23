//! What each event does to an open or matched request: the steps of `evolve`. None of them can fail.

use event_schemas::request::{
    FeedbackGiven, MatchAccepted, MatchCancelled, MatchCreated, MatchDoneMarked, MatchRejected,
    MatchReminderDue, PrivacySettingsUpdated, RequestCancelled, RequestCompleted, RequestCreated,
    RequestDetached, RequestExpired, RequestUpdated,
};
use event_schemas::{MatchId, Timestamp};

use super::lifetime::reminder;
use super::past::End;
use super::values::{CancelReason, RejectReason, RequestType, Side, Urgency};
use super::{
    Accepted, Ask, Cancelled, Completed, Exchange, Expired, Matched, Open, Past, Proposal, Sides, State,
    Terms, Text,
};
use crate::Meta;

impl Open {
    pub(super) fn created(it: &RequestCreated, meta: Meta) -> Self {
        let ask = Ask {
            request_id: it.request_id,
            requester: it.requester_id,
            request_type: RequestType::named(&it.request_type).unwrap_or(RequestType::Generic),
            posted_in: it.community_id,
            communities: it.community_ids.clone(),
            urgency: Urgency::named(&it.urgency).unwrap_or(Urgency::Medium),
            is_public: None,
            visibility_consent: None,
        };
        let terms = Box::new(Terms {
            category: it.category.clone(),
            scheduled_at: it.scheduled_at,
            preferred_start_at: it.preferred_start_at,
            preferred_end_at: it.preferred_end_at,
            expires_at: it.expires_at,
        });
        Self { ask, terms, proposals: Vec::new(), past: Past::default(), armed_by: meta.event_id }
    }

    pub(super) fn updated(mut self, it: &RequestUpdated) -> Self {
        let cleared = |name: &str| it.cleared.iter().any(|it| it == name);
        let changed = |before: Option<Timestamp>, after: Option<Timestamp>, name: &str| {
            if cleared(name) { None } else { after.or(before) }
        };
        let Self { ask, terms, .. } = &mut self;
        ask.urgency = it.urgency.as_deref().and_then(Urgency::named).unwrap_or(ask.urgency);
        terms.scheduled_at = changed(terms.scheduled_at, it.scheduled_at, "scheduledAt");
        terms.preferred_start_at =
            changed(terms.preferred_start_at, it.preferred_start_at, "preferredStartAt");
        terms.preferred_end_at = changed(terms.preferred_end_at, it.preferred_end_at, "preferredEndAt");
        self
    }

    pub(super) fn detached(mut self, it: &RequestDetached) -> Self {
        self.ask.communities.retain(|linked| *linked != it.community_id);
        self
    }

    pub(super) fn proposed(mut self, it: &MatchCreated) -> Self {
        let proposal = Proposal { match_id: it.match_id, responder: it.responder_id, outsider: it.outsider };
        self.proposals.push(proposal);
        self
    }

    pub(super) fn rejected(self, it: &MatchRejected) -> Self {
        self.ended(it.match_id, End::Rejected(reason(it)))
    }

    pub(super) fn match_cancelled(self, it: &MatchCancelled) -> Self {
        self.ended(it.match_id, End::Cancelled(Side::named(&it.by_role)))
    }

    pub(super) fn accepted(mut self, it: &MatchAccepted, meta: Meta) -> State {
        let Some(at) = self.proposals.iter().position(|proposal| proposal.match_id == it.match_id) else {
            return State::Open(self);
        };
        let chosen = self.proposals.remove(at);
        // The events that reject the others follow in the same transaction and say the same.
        for other in self.proposals {
            self.past.note(other.match_id, other.responder, End::Rejected(RejectReason::SiblingAccepted));
        }
        let accepted = Accepted {
            match_id: chosen.match_id,
            responder: chosen.responder,
            done: None,
            remind_at: reminder(it.scheduled_at, it.travel_time_minutes, meta.at),
            armed_by: meta.event_id,
        };
        State::Matched(Matched { ask: self.ask, terms: self.terms, accepted, past: self.past })
    }

    pub(super) fn cancelled(self, it: &RequestCancelled, meta: Meta) -> Cancelled {
        let reason = CancelReason::named(&it.reason).unwrap_or(CancelReason::Requester);
        let text = Text::Present { forget_at: it.forget_at, armed_by: meta.event_id };
        let (ask, past) = self.closed(RejectReason::RequestCancelled);
        Cancelled { ask, reason, past, text }
    }

    pub(super) fn expired(self, it: &RequestExpired, meta: Meta) -> Expired {
        let text = Text::Present { forget_at: it.forget_at, armed_by: meta.event_id };
        let (ask, past) = self.closed(RejectReason::RequestExpired);
        Expired { ask, past, text }
    }

    /// As it will be once the timer has written its end, whose dates only that event says.
    pub(super) fn overdue(self) -> Expired {
        let text = Text::Present { forget_at: Timestamp::from_micros(i64::MAX), armed_by: self.armed_by };
        let (ask, past) = self.closed(RejectReason::RequestExpired);
        Expired { ask, past, text }
    }

    /// Moves a proposal to the past.
    fn ended(mut self, match_id: MatchId, end: End) -> Self {
        if let Some(at) = self.proposals.iter().position(|it| it.match_id == match_id) {
            let proposal = self.proposals.remove(at);
            self.past.note(match_id, proposal.responder, end);
        }
        self
    }

    fn closed(mut self, why: RejectReason) -> (Ask, Past) {
        for proposal in self.proposals {
            self.past.note(proposal.match_id, proposal.responder, End::Rejected(why));
        }
        (self.ask, self.past)
    }
}

impl Matched {
    pub(super) fn rejected(mut self, it: &MatchRejected) -> Self {
        if it.match_id != self.accepted.match_id {
            self.past.note(it.match_id, it.responder_id, End::Rejected(reason(it)));
        }
        self
    }

    pub(super) fn reminded(mut self, it: &MatchReminderDue) -> Self {
        if it.match_id == self.accepted.match_id {
            self.accepted.remind_at = None;
        }
        self
    }

    pub(super) fn done_marked(mut self, it: &MatchDoneMarked) -> Self {
        if it.match_id == self.accepted.match_id {
            self.accepted.done = self.accepted.done.or_else(|| Side::named(&it.by_role));
        }
        self
    }

    pub(super) fn cancelled(mut self, it: &MatchCancelled, meta: Meta) -> State {
        if it.match_id != self.accepted.match_id {
            return State::Matched(self);
        }
        self.past.note(it.match_id, self.accepted.responder, End::Cancelled(Side::named(&it.by_role)));
        State::Open(Open {
            ask: self.ask,
            terms: self.terms,
            proposals: Vec::new(),
            past: self.past,
            armed_by: meta.event_id,
        })
    }

    pub(super) fn completed(self, it: &RequestCompleted, meta: Meta) -> Completed {
        let Accepted { match_id, responder, .. } = self.accepted;
        Completed {
            ask: self.ask,
            exchange: Exchange { match_id, responder, completed_at: it.at },
            rated: Sides::default(),
            past: self.past,
            text: Text::Present { forget_at: it.forget_at, armed_by: meta.event_id },
        }
    }
}

impl Completed {
    pub(super) fn rated(mut self, it: &FeedbackGiven) -> Self {
        let side = self.ask.side_of(it.from_user_id);
        if it.match_id == self.exchange.match_id {
            self.rated.insert(side);
        }
        self
    }
}

impl State {
    pub(super) fn text_forgotten(mut self) -> Self {
        match &mut self {
            Self::Absent | Self::Open(_) | Self::Matched(_) => {}
            Self::Completed(Completed { text, .. })
            | Self::Cancelled(Cancelled { text, .. })
            | Self::Expired(Expired { text, .. }) => *text = Text::Forgotten,
        }
        self
    }

    pub(super) fn privacy_updated(mut self, it: &PrivacySettingsUpdated) -> Self {
        if let Some(ask) = self.ask_mut() {
            ask.is_public = it.is_public.or(ask.is_public);
            ask.visibility_consent = it.visibility_consent.or(ask.visibility_consent);
        }
        self
    }

    const fn ask_mut(&mut self) -> Option<&mut Ask> {
        match self {
            Self::Absent => None,
            Self::Open(Open { ask, .. })
            | Self::Matched(Matched { ask, .. })
            | Self::Completed(Completed { ask, .. })
            | Self::Cancelled(Cancelled { ask, .. })
            | Self::Expired(Expired { ask, .. }) => Some(ask),
        }
    }
}

fn reason(it: &MatchRejected) -> RejectReason {
    RejectReason::named(&it.reason).unwrap_or(RejectReason::ByRequester)
}

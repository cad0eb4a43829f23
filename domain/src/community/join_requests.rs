//! Who asks to belong to a community, and how that ended.
//!
//! ```text
//! none ──JoinCommunity──▶ Pending ──DecideJoin, WithdrawJoin──▶ Decided ──JoinCommunity──▶ Pending …
//! ```
//! The words of an applicant are forgotten 30 days after the decision. All of one applicant's words here share a key,
//! so that asking again postpones the forgetting of what was written before.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use event_schemas::community::{
    CommunityEvent, JoinMessageForgotten, JoinRequestCreated, JoinRequestRejected, JoinRequestWithdrawn,
};
use event_schemas::{CommunityId, EventId, Sealable, Timestamp, UserId};

use super::members::{Membership, Via};
use super::{
    AccessType, Active, Command, DecideJoin, ForgetJoinMessage, JoinCommunity, Rejection, Role, Verdict,
    WithdrawJoin,
};
use crate::{Meta, Timer};

/// How long an applicant's words outlive the decision.
const MESSAGE_WINDOW: TimeDelta = TimeDelta::days(30);

/// The last join request of everybody who ever made one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JoinRequests(BTreeMap<UserId, JoinRequest>);

/// One person's last join request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinRequest {
    /// Somebody has to decide.
    Pending {
        /// Whether there are words to forget.
        written: bool,
    },
    /// It is over.
    Decided {
        /// How it ended.
        outcome: Outcome,
        /// When words are forgotten, while there are any.
        forget: Option<Forgetting>,
    },
}

/// How a join request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The applicant became a member.
    Approved,
    /// The applicant was turned down.
    Rejected,
    /// The applicant took it back.
    Withdrawn,
    /// The community was closed before.
    Closed,
}

/// Words that are due to be forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forgetting {
    due: Timestamp,
    armed_by: EventId,
}

impl Active {
    pub(super) fn join(
        &self,
        join: &JoinCommunity,
        now: Timestamp,
    ) -> Result<Vec<CommunityEvent>, Rejection> {
        if self.role_of(join.by).is_some() {
            return Err(Rejection::AlreadyMember);
        }
        if self.join_requests.is_pending(join.by) {
            return Err(Rejection::JoinRequestPending);
        }
        if self.takes_a_decision(join.by) {
            let message = join.message.as_ref().map(|it| Sealable::Clear(it.as_str().to_owned()));
            let (community_id, user_id) = (self.id, join.by);
            return Ok(vec![
                JoinRequestCreated { community_id, user_id, message, invited_by_id: None }.into(),
            ]);
        }
        self.has_place()?;
        Ok(vec![self.joins(join.by, Role::Member, Via::Public, now)])
    }

    pub(super) fn withdraw_join(&self, withdraw: &WithdrawJoin) -> Result<Vec<CommunityEvent>, Rejection> {
        let (community_id, user_id) = (self.id, withdraw.by);
        match self.join_requests.0.get(&user_id) {
            Some(JoinRequest::Pending { .. }) => {
                Ok(vec![JoinRequestWithdrawn { community_id, user_id, decided_by_id: None }.into()])
            }
            Some(JoinRequest::Decided { outcome: Outcome::Withdrawn, .. }) => Ok(vec![]),
            Some(JoinRequest::Decided { .. }) | None => Err(Rejection::JoinRequestNotFound),
        }
    }

    pub(super) fn decide_join(
        &self,
        decide: &DecideJoin,
        now: Timestamp,
    ) -> Result<Vec<CommunityEvent>, Rejection> {
        self.at_least(Role::Moderator, decide.by)?;
        match (self.join_requests.0.get(&decide.applicant), decide.verdict) {
            (None, _) => Err(Rejection::JoinRequestNotFound),
            (Some(JoinRequest::Decided { .. }), _) => Err(Rejection::JoinRequestDecided),
            (Some(JoinRequest::Pending { .. }), Verdict::Approve) => {
                self.has_place()?;
                let joined = self.joins(decide.applicant, Role::Member, Via::Approval, now);
                Ok(vec![self.approved(decide.applicant, decide.by), joined])
            }
            (Some(JoinRequest::Pending { .. }), Verdict::Reject) => {
                let (community_id, user_id) = (self.id, decide.applicant);
                let decided_by_id = Some(decide.by);
                Ok(vec![JoinRequestRejected { community_id, user_id, decided_by_id }.into()])
            }
        }
    }

    /// Whether somebody has to decide on this person's joining.
    fn takes_a_decision(&self, applicant: UserId) -> bool {
        let sent_away = match self.members.get(applicant) {
            Some(Membership::Inactive { cause, .. }) => cause.by_others(),
            Some(Membership::Active { .. }) | None => false,
        };
        sent_away || self.details.access_type == AccessType::Private
    }
}

impl JoinRequests {
    /// The last join request of a person.
    #[must_use]
    pub fn get(&self, applicant: UserId) -> Option<&JoinRequest> {
        self.0.get(&applicant)
    }

    /// Whether somebody has to decide on this person's request.
    #[must_use]
    pub fn is_pending(&self, applicant: UserId) -> bool {
        matches!(self.0.get(&applicant), Some(JoinRequest::Pending { .. }))
    }

    pub(super) fn forget(
        &self,
        community_id: CommunityId,
        command: &ForgetJoinMessage,
        now: Timestamp,
    ) -> Vec<CommunityEvent> {
        let due = self.forgettings().any(|(applicant, it)| applicant == command.applicant && it.due <= now);
        if due {
            vec![JoinMessageForgotten { community_id, user_id: command.applicant }.into()]
        } else {
            vec![]
        }
    }

    pub(super) fn timer(&self) -> Option<Timer<Command>> {
        let (applicant, next) = self.forgettings().min_by_key(|(_, it)| it.due)?;
        let command = Command::ForgetJoinMessage(ForgetJoinMessage { applicant });
        Some(Timer { due: next.due, kind: "join_message", armed_by: next.armed_by, command })
    }

    pub(super) fn created(&mut self, event: &JoinRequestCreated) {
        let before = self.0.get(&event.user_id).is_some_and(JoinRequest::has_words);
        self.0.insert(event.user_id, JoinRequest::Pending { written: before || event.message.is_some() });
    }

    pub(super) fn decided(&mut self, applicant: UserId, outcome: Outcome, meta: Meta) {
        if let Some(request) = self.0.get_mut(&applicant) {
            request.end(outcome, meta);
        }
    }

    pub(super) fn forgotten(&mut self, event: &JoinMessageForgotten) {
        if let Some(JoinRequest::Decided { forget, .. }) = self.0.get_mut(&event.user_id) {
            *forget = None;
        }
    }

    /// Nobody will decide any more, so that the words of all who waited are due to be forgotten.
    pub(super) fn archived(&mut self, meta: Meta) {
        for request in self.0.values_mut() {
            request.end(Outcome::Closed, meta);
        }
    }

    fn forgettings(&self) -> impl Iterator<Item = (UserId, Forgetting)> {
        self.0.iter().filter_map(|(applicant, request)| match request {
            JoinRequest::Decided { forget, .. } => forget.map(|it| (*applicant, it)),
            JoinRequest::Pending { .. } => None,
        })
    }
}

impl JoinRequest {
    fn end(&mut self, outcome: Outcome, meta: Meta) {
        if let Self::Pending { written } = *self {
            let forgetting = Forgetting { due: meta.at + MESSAGE_WINDOW, armed_by: meta.event_id };
            *self = Self::Decided { outcome, forget: written.then_some(forgetting) };
        }
    }

    const fn has_words(&self) -> bool {
        match self {
            Self::Pending { written } => *written,
            Self::Decided { forget, .. } => forget.is_some(),
        }
    }
}

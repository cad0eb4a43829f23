//! Who asks to belong to a community, and how that ended.
//!
//! ```text
//! none ──JoinCommunity──▶ Pending ──DecideJoin, WithdrawJoin──▶ Decided ──JoinCommunity──▶ Pending …
//! ```
//! The words of an applicant are forgotten 30 days after the decision. All of one applicant's words here share a key,
//! so that asking again postpones the forgetting of what was written before.

use chrono::TimeDelta;
use event_schemas::community::{
    CommunityEvent, JoinMessageForgotten, JoinRequestCreated, JoinRequestRejected, JoinRequestWithdrawn,
};
use event_schemas::{CommunityId, EventId, Sealable, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use super::members::{Membership, Via};
use super::{
    AccessType, Active, Command, DecideJoin, ForgetJoinMessage, JoinCommunity, Rejection, Role, Verdict,
    WithdrawJoin,
};
use crate::growing::{Map, Set};
use crate::{Meta, Timer};

/// How long an applicant's words outlive the decision.
const MESSAGE_WINDOW: TimeDelta = TimeDelta::days(30);

/// The last join request of everybody who ever made one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinRequests {
    of: Map<UserId, JoinRequest>,
    /// Whose words are to be forgotten, the earliest first.
    forgettings: Set<(Timestamp, UserId)>,
}

/// One person's last join request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
        match self.join_requests.of.get(&user_id) {
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
        match (self.join_requests.of.get(&decide.applicant), decide.verdict) {
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
        self.of.get(&applicant)
    }

    /// Whether somebody has to decide on this person's request.
    #[must_use]
    pub fn is_pending(&self, applicant: UserId) -> bool {
        matches!(self.of.get(&applicant), Some(JoinRequest::Pending { .. }))
    }

    pub(super) fn forget(
        &self,
        community_id: CommunityId,
        command: &ForgetJoinMessage,
        now: Timestamp,
    ) -> Vec<CommunityEvent> {
        if self.forgetting(command.applicant).is_some_and(|it| it.due <= now) {
            vec![JoinMessageForgotten { community_id, user_id: command.applicant }.into()]
        } else {
            vec![]
        }
    }

    pub(super) fn timer(&self) -> Option<Timer<Command>> {
        let (_, applicant) = *self.forgettings.first()?;
        let next = self.forgetting(applicant)?;
        let command = Command::ForgetJoinMessage(ForgetJoinMessage { applicant });
        Some(Timer { due: next.due, kind: "join_message", armed_by: next.armed_by, command })
    }

    pub(super) fn created(&mut self, event: &JoinRequestCreated) {
        let before = self.of.get(&event.user_id).is_some_and(JoinRequest::has_words);
        self.set(event.user_id, JoinRequest::Pending { written: before || event.message.is_some() });
    }

    pub(super) fn decided(&mut self, applicant: UserId, outcome: Outcome, meta: Meta) {
        if let Some(request) = self.of.get(&applicant) {
            self.set(applicant, request.ended(outcome, meta));
        }
    }

    pub(super) fn forgotten(&mut self, event: &JoinMessageForgotten) {
        if let Some(JoinRequest::Decided { outcome, .. }) = self.of.get(&event.user_id) {
            self.set(event.user_id, JoinRequest::Decided { outcome: *outcome, forget: None });
        }
    }

    /// Nobody will decide any more, so that the words of all who waited are due to be forgotten.
    pub(super) fn archived(&mut self, meta: Meta) {
        for (applicant, request) in &self.of.clone() {
            self.set(*applicant, request.ended(Outcome::Closed, meta));
        }
    }

    fn forgetting(&self, applicant: UserId) -> Option<Forgetting> {
        match self.of.get(&applicant)? {
            JoinRequest::Decided { forget, .. } => *forget,
            JoinRequest::Pending { .. } => None,
        }
    }

    fn set(&mut self, applicant: UserId, request: JoinRequest) {
        if let Some(before) = self.forgetting(applicant) {
            self.forgettings.remove_mut(&(before.due, applicant));
        }
        self.of.insert_mut(applicant, request);
        if let Some(next) = self.forgetting(applicant) {
            self.forgettings.insert_mut((next.due, applicant));
        }
    }
}

impl JoinRequest {
    /// What becomes of it when somebody, or nobody any more, decides.
    fn ended(self, outcome: Outcome, meta: Meta) -> Self {
        match self {
            Self::Pending { written } => {
                let forgetting = Forgetting { due: meta.at + MESSAGE_WINDOW, armed_by: meta.event_id };
                Self::Decided { outcome, forget: written.then_some(forgetting) }
            }
            Self::Decided { .. } => self,
        }
    }

    const fn has_words(&self) -> bool {
        match self {
            Self::Pending { written } => *written,
            Self::Decided { forget, .. } => forget.is_some(),
        }
    }
}

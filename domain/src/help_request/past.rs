//! The matches of a request that came to nothing, and what asking once more about them means.

use event_schemas::request::RequestEvent;
use event_schemas::{MatchId, UserId};
use serde::{Deserialize, Serialize};

use super::values::{RejectReason, Side};
use super::{Ask, CancelMatch, RejectMatch, Rejection};

/// The matches that came to nothing, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past(Box<[(MatchId, UserId, End)]>);

/// How a match came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    /// While it was a proposal.
    Rejected(RejectReason),
    /// By one of the sides; none: by the system.
    Cancelled(Option<Side>),
}

impl Past {
    /// Match, responder and end of each.
    pub fn iter(&self) -> impl Iterator<Item = (MatchId, UserId, End)> {
        self.0.iter().copied()
    }

    /// Adds a match; one that is already there ends as said last.
    pub(super) fn note(&mut self, match_id: MatchId, responder: UserId, end: End) {
        match self.0.iter_mut().find(|it| it.0 == match_id) {
            Some(known) => known.2 = end,
            None => {
                let mut all = std::mem::take(&mut self.0).into_vec();
                all.push((match_id, responder, end));
                self.0 = all.into_boxed_slice();
            }
        }
    }

    /// Rejecting or withdrawing once more what the same side has rejected or withdrawn.
    pub(super) fn reject_again(&self, ask: &Ask, it: &RejectMatch) -> Result<Vec<RequestEvent>, Rejection> {
        let reason = reject_reason(ask.side_of(it.by));
        let same = self.end_of(it.match_id) == Some(End::Rejected(reason));
        if same { Ok(vec![]) } else { Err(Rejection::MatchNotProposed) }
    }

    /// Cancelling once more what the same side has cancelled.
    pub(super) fn cancel_again(&self, ask: &Ask, it: &CancelMatch) -> Result<Vec<RequestEvent>, Rejection> {
        let same = self.end_of(it.match_id) == Some(End::Cancelled(Some(ask.side_of(it.by))));
        if same { Ok(vec![]) } else { Err(Rejection::MatchFinal) }
    }

    fn end_of(&self, match_id: MatchId) -> Option<End> {
        self.iter().find(|it| it.0 == match_id).map(|it| it.2)
    }
}

/// Why a proposal comes to nothing when this side says so.
pub(super) const fn reject_reason(by: Side) -> RejectReason {
    match by {
        Side::Requester => RejectReason::ByRequester,
        Side::Responder => RejectReason::Withdrawn,
    }
}

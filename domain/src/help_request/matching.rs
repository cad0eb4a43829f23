//! What happens to matches: proposed, accepted, turned down, marked done, ended.

use event_schemas::request::{
    MatchAccepted, MatchCancelled, MatchCompleted, MatchCreated, MatchDoneMarked, MatchRejected,
    RequestCompleted, RequestEvent, RequestExpired,
};
use event_schemas::{MatchId, Sealable, Timestamp, UserId};

use super::past::reject_reason;
use super::values::{RejectReason, Side, Status};
use super::{
    AcceptMatch, Ask, CancelMatch, CompleteMatch, Completed, Matched, Open, Proposal, ProposeMatch,
    RejectMatch, Rejection, Windows,
};

impl Open {
    /// A new proposal; one live proposal per person.
    pub(super) fn propose(&self, it: &ProposeMatch) -> Result<Vec<RequestEvent>, Rejection> {
        // There are no standing offers yet, so none is anybody's own.
        if it.offer_id.is_some() {
            return Err(Rejection::NotYourOffer);
        }
        if self.proposals.iter().any(|proposal| proposal.responder == it.by.user) {
            return Err(Rejection::DuplicateMatch);
        }
        let created = MatchCreated {
            request_id: self.ask.request_id,
            match_id: it.match_id,
            requester_id: self.ask.requester,
            responder_id: it.by.user,
            offer_id: None,
            via: "proposal".to_owned(),
            message: it.message.clone().map(Sealable::Clear),
            community_ids: self.ask.communities.clone(),
            outsider: it.outsider,
        };
        Ok(vec![created.into()])
    }

    /// One proposal is chosen, all others come to nothing.
    pub(super) fn accept(&self, it: &AcceptMatch) -> Result<Vec<RequestEvent>, Rejection> {
        let chosen = self.proposal(it.match_id).ok_or(Rejection::MatchNotProposed)?;
        if !chosen.outsider && !it.present.contains(&chosen.responder) {
            return Err(Rejection::ResponderLeft(chosen.responder));
        }
        let accepted = MatchAccepted {
            request_id: self.ask.request_id,
            match_id: chosen.match_id,
            requester_id: self.ask.requester,
            responder_id: chosen.responder,
            offer_id: None,
            request_type: self.ask.request_type.name().to_owned(),
            scheduled_at: self.terms.scheduled_at,
            travel_time_minutes: it.travel_time_minutes,
        };
        let others = self.proposals.iter().filter(|other| other.match_id != chosen.match_id);
        let rejected = others.map(|other| self.match_rejected(other, RejectReason::SiblingAccepted));
        let updated = self.ask.status_changed(Status::Open, Status::Matched);
        Ok(std::iter::once(accepted.into()).chain(rejected).chain([updated]).collect())
    }

    /// The requester turns it down, or the responder takes it back; the request stays open.
    pub(super) fn reject(&self, it: &RejectMatch) -> Result<Vec<RequestEvent>, Rejection> {
        match self.proposal(it.match_id) {
            Some(proposal) => Ok(vec![self.match_rejected(proposal, reject_reason(self.ask.side_of(it.by)))]),
            None => self.past.reject_again(&self.ask, it),
        }
    }

    /// One of the sides ends a proposal; the request stays open.
    pub(super) fn cancel_match(&self, it: &CancelMatch) -> Result<Vec<RequestEvent>, Rejection> {
        match self.proposal(it.match_id) {
            Some(proposal) => Ok(vec![
                self.ask.match_cancelled(it.match_id, proposal.responder, self.ask.side_of(it.by)).into(),
            ]),
            None => self.past.cancel_again(&self.ask, it),
        }
    }

    /// Every proposal comes to nothing for the same reason.
    pub(super) fn reject_all(&self, why: RejectReason) -> impl Iterator<Item = RequestEvent> {
        self.proposals.iter().map(move |it| self.match_rejected(it, why))
    }

    fn proposal(&self, match_id: MatchId) -> Option<&Proposal> {
        self.proposals.iter().find(|it| it.match_id == match_id)
    }

    fn match_rejected(&self, it: &Proposal, why: RejectReason) -> RequestEvent {
        MatchRejected {
            request_id: self.ask.request_id,
            match_id: it.match_id,
            requester_id: self.ask.requester,
            responder_id: it.responder,
            offer_id: None,
            reason: why.name().to_owned(),
        }
        .into()
    }
}

impl Matched {
    /// Whoever helps already has proposed; for anyone else it is too late.
    pub(super) fn propose(&self, it: &ProposeMatch) -> Result<Vec<RequestEvent>, Rejection> {
        let is_helper = self.accepted.responder == it.by.user;
        Err(if is_helper { Rejection::DuplicateMatch } else { Rejection::RequestNotOpen })
    }

    /// Accepting once more the match that is accepted.
    pub(super) fn accept_again(&self, it: &AcceptMatch) -> Result<Vec<RequestEvent>, Rejection> {
        if self.accepted.match_id == it.match_id { Ok(vec![]) } else { Err(Rejection::MatchNotProposed) }
    }

    /// One side marks it done; the second mark completes match and request.
    pub(super) fn complete(
        &self,
        it: &CompleteMatch,
        now: Timestamp,
    ) -> Result<Vec<RequestEvent>, Rejection> {
        if self.accepted.match_id != it.match_id {
            return Err(Rejection::MatchNotMatched);
        }
        let side = self.ask.side_of(it.by);
        let marked = self.done_by(side, now).into();
        Ok(match self.accepted.done {
            None => vec![marked],
            Some(before) if before == side => vec![],
            Some(_other) => vec![
                marked,
                self.match_completed(now).into(),
                self.request_completed(it, now).into(),
                self.ask.status_changed(Status::Matched, Status::Completed),
            ],
        })
    }

    /// One of the sides ends it: the request asks again, or is over when its time has passed.
    pub(super) fn cancel_match(
        &self,
        it: &CancelMatch,
        now: Timestamp,
    ) -> Result<Vec<RequestEvent>, Rejection> {
        if self.accepted.match_id != it.match_id {
            return self.past.cancel_again(&self.ask, it);
        }
        let cancelled = self.match_cancelled(self.ask.side_of(it.by)).into();
        if now < self.terms.expires_at {
            return Ok(vec![cancelled, self.ask.status_changed(Status::Matched, Status::Open)]);
        }
        let expired = self.ask.expired(it.windows, now);
        Ok(vec![cancelled, expired, self.ask.status_changed(Status::Matched, Status::Expired)])
    }

    /// The match under way is ended by this side.
    pub(super) fn match_cancelled(&self, by: Side) -> MatchCancelled {
        self.ask.match_cancelled(self.accepted.match_id, self.accepted.responder, by)
    }

    fn done_by(&self, side: Side, now: Timestamp) -> MatchDoneMarked {
        MatchDoneMarked {
            request_id: self.ask.request_id,
            match_id: self.accepted.match_id,
            requester_id: self.ask.requester,
            responder_id: self.accepted.responder,
            by_role: side.name().to_owned(),
            at: now,
        }
    }

    fn match_completed(&self, now: Timestamp) -> MatchCompleted {
        MatchCompleted {
            request_id: self.ask.request_id,
            match_id: self.accepted.match_id,
            requester_id: self.ask.requester,
            responder_id: self.accepted.responder,
            community_id: self.ask.communities.first().copied().unwrap_or(self.ask.posted_in),
            community_ids: self.ask.communities.clone(),
            request_type: self.ask.request_type.name().to_owned(),
            category: self.terms.category.clone(),
            offer_id: None,
            completed_at: now,
        }
    }

    fn request_completed(&self, it: &CompleteMatch, now: Timestamp) -> RequestCompleted {
        RequestCompleted {
            request_id: self.ask.request_id,
            at: now,
            forget_at: it.windows.after_completion(now),
        }
    }
}

impl Completed {
    /// Marking done once more what is completed.
    pub(super) fn complete_again(&self, it: &CompleteMatch) -> Result<Vec<RequestEvent>, Rejection> {
        if self.exchange.match_id == it.match_id { Ok(vec![]) } else { Err(Rejection::MatchNotMatched) }
    }
}

impl Ask {
    /// Nobody was found in time.
    pub(super) fn expired(&self, windows: Windows, now: Timestamp) -> RequestEvent {
        RequestExpired { request_id: self.request_id, at: now, forget_at: windows.after_expiry(now) }.into()
    }

    fn match_cancelled(&self, match_id: MatchId, responder: UserId, by: Side) -> MatchCancelled {
        MatchCancelled {
            request_id: self.request_id,
            match_id,
            requester_id: self.requester,
            responder_id: responder,
            offer_id: None,
            by_role: by.name().to_owned(),
            reason: None,
        }
    }
}

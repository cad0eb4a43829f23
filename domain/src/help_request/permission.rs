//! Who may ask for what: the column "Who" of the command table, checked before anything else.

use event_schemas::{MatchId, UserId};

use super::values::Side;
use super::{Ask, Caller, Command, Match, Rejection, State};

impl State {
    /// Refuses whoever may not ask for this, without telling more than they may know.
    pub(super) fn permit(&self, command: &Command) -> Result<(), Rejection> {
        match command {
            // From a route that has checked the poster's memberships, from a policy, or from a timer.
            Command::CreateRequest(_)
            | Command::DetachCommunity(_)
            | Command::ExpireRequest(_)
            | Command::RemindMatch(_)
            | Command::ForgetText => Ok(()),
            Command::UpdateRequest(it) => self.permit_requester(it.by),
            Command::CancelRequest(it) => self.permit_requester(it.by),
            Command::SetRequestPrivacy(it) => self.permit_requester(it.by),
            Command::ProposeMatch(it) => self.permit_helper(it.by),
            Command::AcceptMatch(it) => match self.side_in(it.match_id, it.by)? {
                Side::Requester => Ok(()),
                Side::Responder => Err(Rejection::NotYoursToAccept),
            },
            Command::RejectMatch(it) => self.side_in(it.match_id, it.by).map(drop),
            Command::CompleteMatch(it) => self.side_in(it.match_id, it.by).map(drop),
            Command::CancelMatch(it) => self.side_in(it.match_id, it.by).map(drop),
            Command::GiveFeedback(it) => self.side_in(it.match_id, it.by).map(drop),
        }
    }

    /// Whoever sees the request is told that it is not theirs; for anyone else it does not exist.
    fn permit_requester(&self, by: Caller) -> Result<(), Rejection> {
        match self.ask() {
            Some(ask) if ask.requester == by.user => Ok(()),
            Some(_) if self.is_seen_by(by) => Err(Rejection::NotTheRequester),
            Some(_) | None => Err(Rejection::RequestNotFound),
        }
    }

    /// The audience may propose, except to oneself.
    fn permit_helper(&self, by: Caller) -> Result<(), Rejection> {
        match self.ask() {
            Some(ask) if ask.requester == by.user => Err(Rejection::OwnRequest),
            Some(_) if self.is_seen_by(by) => Ok(()),
            Some(_) | None => Err(Rejection::RequestNotFound),
        }
    }

    /// On which side of the match a person stands.
    fn side_in(&self, match_id: MatchId, person: UserId) -> Result<Side, Rejection> {
        let Match { responder, .. } = self.find(match_id).ok_or(Rejection::MatchNotFound)?;
        match self.ask() {
            Some(ask) if ask.requester == person => Ok(Side::Requester),
            Some(_) if responder == person => Ok(Side::Responder),
            Some(_) | None => Err(Rejection::NotAParticipant),
        }
    }

    /// Whether someone other than the requester may see it: nobody once it is expired or cancelled.
    fn is_seen_by(&self, by: Caller) -> bool {
        match self {
            Self::Absent | Self::Cancelled(_) | Self::Expired(_) => false,
            Self::Open(_) | Self::Matched(_) | Self::Completed(_) => {
                by.in_audience || self.matches().iter().any(|it| it.responder == by.user)
            }
        }
    }
}

impl Ask {
    /// The side of a participant: whoever does not ask, helps.
    pub(super) fn side_of(&self, participant: UserId) -> Side {
        if self.requester == participant { Side::Requester } else { Side::Responder }
    }
}

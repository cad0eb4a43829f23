//! A help request: one ask with everything that is decided about it.
//!
//! ```text
//! Absent ─create─▶ Open ─accept─▶ Matched ─both mark done──▶ Completed
//!                  │ ▲              │ │
//!                  │ └─cancel match─┘ └─cancel request─────▶ Cancelled
//!                  ├─cancel request, or last community lost▶ Cancelled
//!                  └─expiresAt─────────────────────────────▶ Expired
//! ```
//!
//! All proposals (matches) of a request live inside it, and [`Matched`] holds exactly one accepted match, so a second
//! one cannot be represented. A request at its end keeps its texts until `forgetAt`.

mod asking;
mod command;
mod creating;
mod draft;
mod feedback;
mod folding;
mod lifetime;
mod matching;
mod past;
mod payload;
mod permission;
mod reading;
mod rejection;
mod state;
mod timers;
mod values;

use event_schemas::request::RequestEvent;
use event_schemas::{CommunityId, Timestamp};

use crate::{Aggregate, Meta, Timer};

pub use command::{
    AcceptMatch, Caller, CancelMatch, CancelRequest, Command, CompleteMatch, CreateRequest, DetachCommunity,
    ExpireRequest, GiveFeedback, Place, ProposeMatch, RejectMatch, RemindMatch, SetRequestPrivacy,
    UpdateRequest,
};
pub use draft::{Description, Draft, Edit, Title};
pub use lifetime::Windows;
pub use past::{End, Past};
pub use reading::Faults;
pub use rejection::Rejection;
pub use state::{
    Accepted, Ask, Cancelled, Completed, Exchange, Expired, Match, Matched, Open, Proposal, Sides, State,
    Terms, Text,
};
pub use values::{CancelReason, MatchStatus, RejectReason, RequestType, Scope, Side, Status, Urgency};

impl Aggregate for State {
    type Command = Command;
    type Event = RequestEvent;
    type Rejection = Rejection;

    fn decide(&self, command: &Command, now: Timestamp) -> Result<Vec<RequestEvent>, Rejection> {
        match (self, command) {
            (Self::Open(open), Command::ExpireRequest(it)) => Ok(open.expire(it, now)),
            // Past its time it counts as expired, even before the timer has written it.
            (Self::Open(open), command) if open.terms.expires_at <= now => {
                Self::Expired(open.clone().overdue()).decide_in_time(command, now)
            }
            (state, command) => state.decide_in_time(command, now),
        }
    }

    fn evolve(&mut self, event: &RequestEvent, meta: Meta) {
        use RequestEvent as E;
        *self = match (std::mem::take(self), event) {
            (Self::Absent, E::RequestCreated(it)) => Self::Open(Open::created(it, meta)),
            (Self::Open(open), E::RequestUpdated(it)) => Self::Open(open.updated(it)),
            (Self::Open(open), E::RequestDetached(it)) => Self::Open(open.detached(it)),
            (Self::Open(open), E::RequestCancelled(it)) => Self::Cancelled(open.cancelled(it, meta)),
            (Self::Open(open), E::RequestExpired(it)) => Self::Expired(open.expired(it, meta)),
            (Self::Open(open), E::MatchCreated(it)) => Self::Open(open.proposed(it)),
            (Self::Open(open), E::MatchAccepted(it)) => open.accepted(it, meta),
            (Self::Open(open), E::MatchRejected(it)) => Self::Open(open.rejected(it)),
            (Self::Open(open), E::MatchCancelled(it)) => Self::Open(open.match_cancelled(it)),
            (Self::Matched(matched), E::MatchRejected(it)) => Self::Matched(matched.rejected(it)),
            (Self::Matched(matched), E::MatchReminderDue(it)) => Self::Matched(matched.reminded(it)),
            (Self::Matched(matched), E::MatchDoneMarked(it)) => Self::Matched(matched.done_marked(it)),
            (Self::Matched(matched), E::MatchCancelled(it)) => matched.cancelled(it, meta),
            (Self::Matched(matched), E::RequestCompleted(it)) => Self::Completed(matched.completed(it, meta)),
            (Self::Completed(completed), E::FeedbackGiven(it)) => Self::Completed(completed.rated(it)),
            (state, E::RequestTextForgotten(_)) => state.text_forgotten(),
            (state, E::PrivacySettingsUpdated(it)) => state.privacy_updated(it),
            // MatchCompleted follows from RequestCompleted; any other fact fits no state in which it could be met.
            (
                unchanged,
                E::RequestCreated(_)
                | E::RequestUpdated(_)
                | E::RequestDetached(_)
                | E::RequestCompleted(_)
                | E::RequestCancelled(_)
                | E::RequestExpired(_)
                | E::MatchCreated(_)
                | E::MatchAccepted(_)
                | E::MatchRejected(_)
                | E::MatchCancelled(_)
                | E::MatchReminderDue(_)
                | E::MatchDoneMarked(_)
                | E::MatchCompleted(_)
                | E::FeedbackGiven(_),
            ) => unchanged,
        };
    }

    fn timer(&self) -> Option<Timer<Command>> {
        match self {
            Self::Absent => None,
            Self::Open(open) => Some(open.expiry_timer()),
            Self::Matched(matched) => matched.reminder_timer(),
            Self::Completed(Completed { text, .. })
            | Self::Cancelled(Cancelled { text, .. })
            | Self::Expired(Expired { text, .. }) => text.timer(),
        }
    }

    fn community_of(&self, event: &RequestEvent) -> Option<CommunityId> {
        if let RequestEvent::RequestDetached(it) = event {
            return Some(it.community_id);
        }
        match self.ask()?.communities.as_slice() {
            [only] => Some(*only),
            [] | [_, _, ..] => None,
        }
    }
}

impl State {
    /// The table of contents: which command does what in which state.
    fn decide_in_time(&self, command: &Command, now: Timestamp) -> Result<Vec<RequestEvent>, Rejection> {
        use Command as C;
        use State::{Absent, Cancelled, Completed, Expired, Matched, Open};
        self.permit(command)?;
        match (self, command) {
            (Absent, C::CreateRequest(it)) => creating::create(it, now),
            (Open(open), C::UpdateRequest(it)) => open.update(it),
            (Open(open), C::CancelRequest(_)) => Ok(open.cancel(now)),
            (Matched(matched), C::CancelRequest(_)) => Ok(matched.cancel_request(now)),
            (Cancelled(cancelled), C::CancelRequest(_)) => cancelled.cancel_again(),
            (Open(state::Open { ask, .. }), C::SetRequestPrivacy(it))
            | (Matched(state::Matched { ask, .. }), C::SetRequestPrivacy(it))
            | (Completed(state::Completed { ask, .. }), C::SetRequestPrivacy(it))
            | (Cancelled(state::Cancelled { ask, .. }), C::SetRequestPrivacy(it))
            | (Expired(state::Expired { ask, .. }), C::SetRequestPrivacy(it)) => ask.set_privacy(it),

            (Open(open), C::ProposeMatch(it)) => open.propose(it),
            (Matched(matched), C::ProposeMatch(it)) => matched.propose(it),
            (Open(open), C::AcceptMatch(it)) => open.accept(it),
            (Matched(matched), C::AcceptMatch(it)) => matched.accept_again(it),
            (Open(open), C::RejectMatch(it)) => open.reject(it),
            (Matched(state::Matched { ask, past, .. }), C::RejectMatch(it))
            | (Completed(state::Completed { ask, past, .. }), C::RejectMatch(it))
            | (Cancelled(state::Cancelled { ask, past, .. }), C::RejectMatch(it))
            | (Expired(state::Expired { ask, past, .. }), C::RejectMatch(it)) => past.reject_again(ask, it),
            (Matched(matched), C::CompleteMatch(it)) => matched.complete(it, now),
            (Completed(completed), C::CompleteMatch(it)) => completed.complete_again(it),
            (Open(open), C::CancelMatch(it)) => open.cancel_match(it),
            (Matched(matched), C::CancelMatch(it)) => matched.cancel_match(it, now),
            (Completed(state::Completed { ask, past, .. }), C::CancelMatch(it))
            | (Cancelled(state::Cancelled { ask, past, .. }), C::CancelMatch(it))
            | (Expired(state::Expired { ask, past, .. }), C::CancelMatch(it)) => past.cancel_again(ask, it),
            (Completed(completed), C::GiveFeedback(it)) => completed.rate(it, now),

            (Open(open), C::DetachCommunity(it)) => Ok(open.detach(it, now)),
            (Matched(matched), C::RemindMatch(it)) => Ok(matched.remind(it, now)),
            (Completed(state::Completed { ask, text, .. }), C::ForgetText)
            | (Cancelled(state::Cancelled { ask, text, .. }), C::ForgetText)
            | (Expired(state::Expired { ask, text, .. }), C::ForgetText) => Ok(text.forget(ask, now)),

            (Absent | Open(_) | Matched(_) | Completed(_) | Cancelled(_) | Expired(_), unfit) => {
                unfit.in_vain()
            }
        }
    }
}

impl Command {
    /// What it means in a state in which it cannot do anything.
    fn in_vain(&self) -> Result<Vec<RequestEvent>, Rejection> {
        match self {
            // It was posted before; a policy's or a timer's reason has gone.
            Self::CreateRequest(_)
            | Self::DetachCommunity(_)
            | Self::ExpireRequest(_)
            | Self::RemindMatch(_)
            | Self::ForgetText => Ok(vec![]),
            // Who may ask is settled: there is no request without a requester.
            Self::SetRequestPrivacy(_) => Err(Rejection::RequestNotFound),
            Self::UpdateRequest(_) | Self::ProposeMatch(_) => Err(Rejection::RequestNotOpen),
            Self::CancelRequest(_) => Err(Rejection::RequestFinal),
            Self::AcceptMatch(_) | Self::RejectMatch(_) => Err(Rejection::MatchNotProposed),
            Self::CompleteMatch(_) => Err(Rejection::MatchNotMatched),
            Self::CancelMatch(_) => Err(Rejection::MatchFinal),
            Self::GiveFeedback(_) => Err(Rejection::MatchNotCompleted),
        }
    }
}

#[cfg(test)]
mod tests;

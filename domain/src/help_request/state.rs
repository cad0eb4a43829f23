//! What a help request remembers: what its decisions need, and no text.

use event_schemas::{CommunityId, EventId, MatchId, RequestId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use super::past::{End, Past};
use super::values::{CancelReason, MatchStatus, RequestType, Side, Status, Urgency};

/// Where a request stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum State {
    /// Before its creation.
    #[default]
    Absent,
    /// Asks for help; several proposals may coexist.
    Open(Open),
    /// One accepted match.
    Matched(Matched),
    /// The help was given; final.
    Completed(Completed),
    /// Withdrawn; final.
    Cancelled(Cancelled),
    /// Nobody was found in time; final.
    Expired(Expired),
}

impl State {
    /// What is asked; none before the creation.
    #[must_use]
    pub const fn ask(&self) -> Option<&Ask> {
        match self {
            Self::Absent => None,
            Self::Open(Open { ask, .. })
            | Self::Matched(Matched { ask, .. })
            | Self::Completed(Completed { ask, .. })
            | Self::Cancelled(Cancelled { ask, .. })
            | Self::Expired(Expired { ask, .. }) => Some(ask),
        }
    }

    /// Until when, and for when; none before the creation and after the end.
    #[must_use]
    pub const fn terms(&self) -> Option<&Terms> {
        match self {
            Self::Open(Open { terms, .. }) | Self::Matched(Matched { terms, .. }) => Some(terms),
            Self::Absent | Self::Completed(_) | Self::Cancelled(_) | Self::Expired(_) => None,
        }
    }

    /// Its status in answers; none before the creation.
    #[must_use]
    pub const fn status(&self) -> Option<Status> {
        match self {
            Self::Absent => None,
            Self::Open(_) => Some(Status::Open),
            Self::Matched(_) => Some(Status::Matched),
            Self::Completed(_) => Some(Status::Completed),
            Self::Cancelled(_) => Some(Status::Cancelled),
            Self::Expired(_) => Some(Status::Expired),
        }
    }

    /// The match with this id.
    #[must_use]
    pub fn find(&self, match_id: MatchId) -> Option<Match> {
        self.matches().into_iter().find(|it| it.match_id == match_id)
    }

    /// All its matches, live ones last.
    #[must_use]
    pub fn matches(&self) -> Vec<Match> {
        let (past, live) = match self {
            Self::Absent => return Vec::new(),
            Self::Open(open) => (&open.past, open.proposals.iter().map(Match::proposed).collect()),
            Self::Matched(matched) => (&matched.past, vec![Match::matched(&matched.accepted)]),
            Self::Completed(completed) => (&completed.past, vec![Match::completed(&completed.exchange)]),
            Self::Cancelled(Cancelled { past, .. }) | Self::Expired(Expired { past, .. }) => {
                (past, Vec::new())
            }
        };
        past.iter().map(Match::ended).chain(live).collect()
    }
}

/// Facts that hold in every state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    /// The request.
    pub request_id: RequestId,
    /// Who asks.
    pub requester: UserId,
    /// What kind of help is asked.
    pub request_type: RequestType,
    /// The community in which it was posted first.
    pub posted_in: CommunityId,
    /// The linked communities, in order.
    pub communities: Vec<CommunityId>,
    /// How soon it is needed.
    pub urgency: Urgency,
    /// Whether it is public; none as long as nobody chose.
    pub is_public: Option<bool>,
    /// Whether stories may name the requester; none as long as nobody chose.
    pub visibility_consent: Option<bool>,
}

/// Facts that matter until the end; let go then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Terms {
    /// Category of the closed list; none when it is sealed.
    pub category: Option<String>,
    /// When the help is needed.
    pub scheduled_at: Option<Timestamp>,
    /// Start of the preferred time.
    pub preferred_start_at: Option<Timestamp>,
    /// End of the preferred time.
    pub preferred_end_at: Option<Timestamp>,
    /// When it expires unless a match is accepted.
    pub expires_at: Timestamp,
}

/// Asks for help; several proposals may coexist.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Open {
    /// What is asked.
    pub ask: Ask,
    /// Until when, and for when.
    pub terms: Box<Terms>,
    /// Who would help, in the order in which they came.
    pub proposals: Vec<Proposal>,
    /// Matches that came to nothing.
    pub past: Past,
    /// The event that opened it.
    pub armed_by: EventId,
}

/// One match is accepted: there is no room for a second one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Matched {
    /// What is asked.
    pub ask: Ask,
    /// Until when, and for when.
    pub terms: Box<Terms>,
    /// The match under way.
    pub accepted: Accepted,
    /// Matches that came to nothing.
    pub past: Past,
}

/// Both sides say that the help was given. Final.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Completed {
    /// What was asked.
    pub ask: Ask,
    /// The match that was completed.
    pub exchange: Exchange,
    /// The sides that have given feedback.
    pub rated: Sides,
    /// Matches that came to nothing.
    pub past: Past,
    /// Whether its texts are still there.
    pub text: Text,
}

/// Withdrawn. Final.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cancelled {
    /// What was asked.
    pub ask: Ask,
    /// Why it was withdrawn.
    pub reason: CancelReason,
    /// Matches that came to nothing.
    pub past: Past,
    /// Whether its texts are still there.
    pub text: Text,
}

/// Nobody was found in time. Final.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expired {
    /// What was asked.
    pub ask: Ask,
    /// Matches that came to nothing.
    pub past: Past,
    /// Whether its texts are still there.
    pub text: Text,
}

/// Texts of a request at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Text {
    /// Readable until then.
    Present {
        /// When it is forgotten.
        forget_at: Timestamp,
        /// The event that ended the request.
        armed_by: EventId,
    },
    /// Its keys are destroyed.
    Forgotten,
}

impl Text {
    /// Whether it counts as forgotten at `now`, with or without the timer's event.
    #[must_use]
    pub fn is_gone(&self, now: Timestamp) -> bool {
        match self {
            Self::Present { forget_at, .. } => *forget_at <= now,
            Self::Forgotten => true,
        }
    }
}

/// Some of the two sides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sides {
    requester: bool,
    responder: bool,
}

impl Sides {
    /// Whether this side is one of them.
    #[must_use]
    pub const fn contains(self, side: Side) -> bool {
        match side {
            Side::Requester => self.requester,
            Side::Responder => self.responder,
        }
    }

    /// Adds a side.
    pub(super) const fn insert(&mut self, side: Side) {
        match side {
            Side::Requester => self.requester = true,
            Side::Responder => self.responder = true,
        }
    }
}

/// Someone would help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// The match.
    pub match_id: MatchId,
    /// Who would help.
    pub responder: UserId,
    /// Whether they were no member of a linked community when proposing.
    pub outsider: bool,
}

/// A match under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// The match.
    pub match_id: MatchId,
    /// Who helps.
    pub responder: UserId,
    /// The side that has marked it done, when one has.
    pub done: Option<Side>,
    /// When the helper is still to be reminded.
    pub remind_at: Option<Timestamp>,
    /// The event that accepted it.
    pub armed_by: EventId,
}

/// A completed match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// The match.
    pub match_id: MatchId,
    /// Who helped.
    pub responder: UserId,
    /// When the second side marked it done.
    pub completed_at: Timestamp,
}

/// A match, wherever it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match {
    /// The match.
    pub match_id: MatchId,
    /// Who helps, or would.
    pub responder: UserId,
    /// Where it stands.
    pub status: MatchStatus,
    /// The side that has marked it done, while only one has.
    pub done: Option<Side>,
    /// When it was completed.
    pub completed_at: Option<Timestamp>,
}

impl Match {
    /// The side that has yet to mark it done, once the other one has.
    #[must_use]
    pub fn waiting_for(&self) -> Option<Side> {
        self.done.map(Side::other)
    }

    const fn proposed(it: &Proposal) -> Self {
        Self {
            match_id: it.match_id,
            responder: it.responder,
            status: MatchStatus::Proposed,
            done: None,
            completed_at: None,
        }
    }

    const fn matched(it: &Accepted) -> Self {
        Self {
            match_id: it.match_id,
            responder: it.responder,
            status: MatchStatus::Matched,
            done: it.done,
            completed_at: None,
        }
    }

    const fn completed(it: &Exchange) -> Self {
        Self {
            match_id: it.match_id,
            responder: it.responder,
            status: MatchStatus::Completed,
            done: None,
            completed_at: Some(it.completed_at),
        }
    }

    const fn ended((match_id, responder, end): (MatchId, UserId, End)) -> Self {
        let status = match end {
            End::Rejected(_) => MatchStatus::Rejected,
            End::Cancelled(_) => MatchStatus::Cancelled,
        };
        Self { match_id, responder, status, done: None, completed_at: None }
    }
}

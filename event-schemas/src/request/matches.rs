//! Payloads about matches: one proposal of one responder, up to its end and the feedback on it.

use serde::{Deserialize, Serialize};

use crate::{CommunityId, KeyId, MatchId, RequestId, Sealable, SealedFields, SealedSlot, Timestamp, UserId};

/// Someone proposes to help.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MatchCreated {
    /// The request.
    pub request_id: RequestId,
    /// The new match.
    pub match_id: MatchId,
    /// Who asks.
    pub requester_id: UserId,
    /// Who proposes to help.
    pub responder_id: UserId,
    /// UUID of the standing offer that it draws on.
    #[serde(default)]
    pub offer_id: Option<String>,
    /// How it came about: `proposal`, `admin`, `dibs`.
    pub via: String,
    /// What the responder wrote, at most 1000 characters.
    #[serde(default)]
    pub message: Option<Sealable<String>>,
    /// Communities of the request.
    pub community_ids: Vec<CommunityId>,
    /// Whether the responder is an active member of none of them.
    pub outsider: bool,
}

impl SealedFields for MatchCreated {
    fn sealed_fields(&mut self) -> Vec<SealedSlot<'_>> {
        let key = KeyId::author(self.request_id, self.responder_id);
        [SealedSlot::of("message", key, &mut self.message)].into_iter().flatten().collect()
    }
}

/// A proposal was accepted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MatchAccepted {
    /// The request.
    pub request_id: RequestId,
    /// The match.
    pub match_id: MatchId,
    /// Who asks.
    pub requester_id: UserId,
    /// Who helps.
    pub responder_id: UserId,
    /// UUID of the standing offer.
    #[serde(default)]
    pub offer_id: Option<String>,
    /// Type of the request: `generic`, `ride`, `borrow`, `service`, `event`.
    pub request_type: String,
    /// When the help is needed.
    #[serde(default)]
    pub scheduled_at: Option<Timestamp>,
    /// Time to get there in minutes, 0-1440.
    pub travel_time_minutes: i32,
}

impl SealedFields for MatchAccepted {}

/// A proposal came to nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MatchRejected {
    /// The request.
    pub request_id: RequestId,
    /// The match.
    pub match_id: MatchId,
    /// Who asks.
    pub requester_id: UserId,
    /// Who proposed.
    pub responder_id: UserId,
    /// UUID of the standing offer.
    #[serde(default)]
    pub offer_id: Option<String>,
    /// Why: `rejected_by_requester`, `withdrawn_by_responder`, `sibling_accepted`, `request_cancelled`, `request_expired`, `offer_unavailable`.
    pub reason: String,
}

impl SealedFields for MatchRejected {}

/// A match ended before it was completed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MatchCancelled {
    /// The request.
    pub request_id: RequestId,
    /// The match.
    pub match_id: MatchId,
    /// Who asks.
    pub requester_id: UserId,
    /// Who was to help.
    pub responder_id: UserId,
    /// UUID of the standing offer.
    #[serde(default)]
    pub offer_id: Option<String>,
    /// Who cancelled: `requester`, `responder`, `system`.
    pub by_role: String,
    /// `request_cancelled` when the whole request was cancelled.
    #[serde(default)]
    pub reason: Option<String>,
}

impl SealedFields for MatchCancelled {}

/// It is time for the responder to set out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MatchReminderDue {
    /// The request.
    pub request_id: RequestId,
    /// The match.
    pub match_id: MatchId,
    /// Who asks.
    pub requester_id: UserId,
    /// Who helps.
    pub responder_id: UserId,
    /// When the help is needed.
    pub scheduled_at: Timestamp,
}

impl SealedFields for MatchReminderDue {}

/// One side says that the help was given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MatchDoneMarked {
    /// The request.
    pub request_id: RequestId,
    /// The match.
    pub match_id: MatchId,
    /// Who asked.
    pub requester_id: UserId,
    /// Who helped.
    pub responder_id: UserId,
    /// Which side: `requester`, `responder`.
    pub by_role: String,
    /// When.
    pub at: Timestamp,
}

impl SealedFields for MatchDoneMarked {}

/// Both sides say that the help was given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MatchCompleted {
    /// The request.
    pub request_id: RequestId,
    /// The match.
    pub match_id: MatchId,
    /// Who asked.
    pub requester_id: UserId,
    /// Who helped.
    pub responder_id: UserId,
    /// The first community.
    pub community_id: CommunityId,
    /// All communities.
    pub community_ids: Vec<CommunityId>,
    /// Type of the request: `generic`, `ride`, `borrow`, `service`, `event`.
    pub request_type: String,
    /// Category; null when it is sealed.
    #[serde(default)]
    pub category: Option<String>,
    /// UUID of the standing offer.
    #[serde(default)]
    pub offer_id: Option<String>,
    /// When.
    pub completed_at: Timestamp,
}

impl SealedFields for MatchCompleted {}

/// One side rated the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FeedbackGiven {
    /// The request.
    pub request_id: RequestId,
    /// The match.
    pub match_id: MatchId,
    /// Who asked.
    pub requester_id: UserId,
    /// Who helped.
    pub responder_id: UserId,
    /// Who rates.
    pub from_user_id: UserId,
    /// Who is rated.
    pub to_user_id: UserId,
    /// 1-5.
    pub rating: f64,
    /// 1-5.
    #[serde(default)]
    pub helpfulness: Option<i32>,
    /// 1-5.
    #[serde(default)]
    pub responsiveness: Option<i32>,
    /// 1-5.
    #[serde(default)]
    pub clarity: Option<i32>,
    /// What they wrote, at most 2000 characters.
    #[serde(default)]
    pub comment: Option<Sealable<String>>,
    /// Whether the exchange may become a story.
    pub allow_featuring: bool,
    /// Whether the story may name them.
    pub show_name: bool,
    /// Communities of the request.
    pub community_ids: Vec<CommunityId>,
    /// When.
    pub at: Timestamp,
}

impl SealedFields for FeedbackGiven {
    fn sealed_fields(&mut self) -> Vec<SealedSlot<'_>> {
        let key = KeyId::author(self.request_id, self.from_user_id);
        [SealedSlot::of("comment", key, &mut self.comment)].into_iter().flatten().collect()
    }
}

//! Payloads of `request-events` and `request-commands`: help requests and their matches.

use serde::{Deserialize, Serialize};

use crate::catalog::payloads;
use crate::{CommunityId, KeyId, MatchId, RequestId, Sealable, SealedFields, SealedSlot, Timestamp, UserId};

payloads! {
    /// Facts, as they stand on `request-events`.
    RequestEvent: Event of Request in "request" {
        RequestCreated(HelpRequest, "request", ["request_created"], Public, ["v1"]);
        RequestUpdated(HelpRequest, "request", ["request_updated"], Public, ["v1"]);
        RequestDetached(HelpRequest, "request", [], Public, ["v1"]);
        RequestCompleted(HelpRequest, "request", [], Public, ["v1"]);
        RequestCancelled(HelpRequest, "request", [], Public, ["v1"]);
        RequestExpired(HelpRequest, "request", [], Public, ["v1"]);
        RequestTextForgotten(HelpRequest, "request_text", [], Public, ["v1"]);
        PrivacySettingsUpdated(HelpRequest, "privacy_settings", [], Public, ["v1"]);
        MatchCreated(HelpRequest, "match", ["match_created"], Public, ["v1"]);
        MatchAccepted(HelpRequest, "match", ["match_accepted"], Public, ["v1"]);
        MatchRejected(HelpRequest, "match", ["match_rejected"], Public, ["v1"]);
        MatchCancelled(HelpRequest, "match", ["match_cancelled"], Public, ["v1"]);
        MatchReminderDue(HelpRequest, "match_reminder", ["match_reminder"], Public, ["v1"]);
        MatchDoneMarked(HelpRequest, "match", [], Public, ["v1"]);
        MatchCompleted(HelpRequest, "match", ["match_completed"], Public, ["v1"]);
        FeedbackGiven(HelpRequest, "interaction_feedback", ["interaction_feedback_submitted"], Public, ["v1"]);
    }
}

payloads! {
    /// Commands that policies send, as they stand on `request-commands`.
    RequestCommand: Command of Request in "request" {
        DetachCommunity(HelpRequest, "request", [], Public, ["v1"]);
    }
}

/// Someone asks for help.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestCreated {
    /// The new request.
    pub request_id: RequestId,
    /// Who asks.
    pub requester_id: UserId,
    /// The first community.
    pub community_id: CommunityId,
    /// All communities, in order.
    pub community_ids: Vec<CommunityId>,
    /// Those that have to approve it first.
    pub pending_community_ids: Vec<CommunityId>,
    /// Type: `generic`, `ride`, `borrow`, `service`, `event`.
    pub request_type: String,
    /// Category, when it is of the closed list.
    #[serde(default)]
    pub category: Option<String>,
    /// Category, when it is none of the closed list.
    #[serde(default)]
    pub category_sealed: Option<Sealable<String>>,
    /// Urgency: `low`, `medium`, `high`, `urgent`.
    pub urgency: String,
    /// Title, 5-200 characters.
    #[serde(default)]
    pub title: Option<Sealable<String>>,
    /// Text, 10-2000 characters.
    #[serde(default)]
    pub description: Option<Sealable<String>>,
    /// Fields of the type, JSON object, at most 16 KiB.
    #[serde(default)]
    pub payload: Option<Sealable<serde_json::Value>>,
    /// JSON object, at most 4 KiB.
    #[serde(default)]
    pub requirements: Option<Sealable<serde_json::Value>>,
    /// Who may see it beyond its communities: `community`, `trust_network`, `platform`.
    pub visibility_scope: String,
    /// Longest trust path, 1-6.
    pub visibility_max_degrees: i32,
    /// When the help is needed.
    #[serde(default)]
    pub scheduled_at: Option<Timestamp>,
    /// Start of the preferred time.
    #[serde(default)]
    pub preferred_start_at: Option<Timestamp>,
    /// End of the preferred time.
    #[serde(default)]
    pub preferred_end_at: Option<Timestamp>,
    /// When it expires if nobody is found.
    pub expires_at: Timestamp,
}

impl SealedFields for RequestCreated {
    fn sealed_fields(&mut self) -> Vec<SealedSlot<'_>> {
        let key = KeyId::request(self.request_id, Some(self.requester_id));
        [
            SealedSlot::of("categorySealed", key.clone(), &mut self.category_sealed),
            SealedSlot::of("title", key.clone(), &mut self.title),
            SealedSlot::of("description", key.clone(), &mut self.description),
            SealedSlot::of("payload", key.clone(), &mut self.payload),
            SealedSlot::of("requirements", key, &mut self.requirements),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// Details were edited, or the status changed; holds changed fields only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestUpdated {
    /// The request.
    pub request_id: RequestId,
    /// Status before, of pending, open, `dibs_pending`, matched, completed, cancelled, expired.
    #[serde(default)]
    pub status_from: Option<String>,
    /// Status now, of the same.
    #[serde(default)]
    pub status_to: Option<String>,
    /// New urgency, of low, medium, high, urgent.
    #[serde(default)]
    pub urgency: Option<String>,
    /// New title.
    #[serde(default)]
    pub title: Option<Sealable<String>>,
    /// New text.
    #[serde(default)]
    pub description: Option<Sealable<String>>,
    /// New fields of the type.
    #[serde(default)]
    pub payload: Option<Sealable<serde_json::Value>>,
    /// New requirements.
    #[serde(default)]
    pub requirements: Option<Sealable<serde_json::Value>>,
    /// New time of the help.
    #[serde(default)]
    pub scheduled_at: Option<Timestamp>,
    /// New start of the preferred time.
    #[serde(default)]
    pub preferred_start_at: Option<Timestamp>,
    /// New end of the preferred time.
    #[serde(default)]
    pub preferred_end_at: Option<Timestamp>,
    /// Names of optional fields that became null.
    #[serde(default)]
    pub cleared: Vec<String>,
}

impl SealedFields for RequestUpdated {
    fn sealed_fields(&mut self) -> Vec<SealedSlot<'_>> {
        let key = KeyId::request(self.request_id, None);
        [
            SealedSlot::of("title", key.clone(), &mut self.title),
            SealedSlot::of("description", key.clone(), &mut self.description),
            SealedSlot::of("payload", key.clone(), &mut self.payload),
            SealedSlot::of("requirements", key, &mut self.requirements),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// The request left one of its communities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestDetached {
    /// The request.
    pub request_id: RequestId,
    /// The community.
    pub community_id: CommunityId,
}

impl SealedFields for RequestDetached {
    fn sealed_fields(&mut self) -> Vec<SealedSlot<'_>> {
        Vec::new()
    }
}

/// The help was given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestCompleted {
    /// The request.
    pub request_id: RequestId,
    /// When.
    pub at: Timestamp,
    /// When its texts are forgotten.
    pub forget_at: Timestamp,
}

impl SealedFields for RequestCompleted {
    fn sealed_fields(&mut self) -> Vec<SealedSlot<'_>> {
        Vec::new()
    }
}

/// The request was withdrawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestCancelled {
    /// The request.
    pub request_id: RequestId,
    /// When.
    pub at: Timestamp,
    /// When its texts are forgotten.
    pub forget_at: Timestamp,
    /// Why: `requester`, `refused`, `no_community`, `erased`.
    pub reason: String,
}

impl SealedFields for RequestCancelled {
    fn sealed_fields(&mut self) -> Vec<SealedSlot<'_>> {
        Vec::new()
    }
}

/// Nobody was found in time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestExpired {
    /// The request.
    pub request_id: RequestId,
    /// When.
    pub at: Timestamp,
    /// When its texts are forgotten.
    pub forget_at: Timestamp,
}

impl SealedFields for RequestExpired {
    fn sealed_fields(&mut self) -> Vec<SealedSlot<'_>> {
        Vec::new()
    }
}

/// The texts are due to be forgotten; their keys are destroyed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestTextForgotten {
    /// The request.
    pub request_id: RequestId,
    /// When.
    pub forgotten_at: Timestamp,
}

impl SealedFields for RequestTextForgotten {
    fn sealed_fields(&mut self) -> Vec<SealedSlot<'_>> {
        Vec::new()
    }
}

/// The author changed who may see the thing and their name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PrivacySettingsUpdated {
    /// The request.
    pub request_id: RequestId,
    /// What it is: `request`, `offer`.
    pub entity_type: String,
    /// Whether it is public.
    #[serde(default)]
    pub is_public: Option<bool>,
    /// Whether the author's name may be shown.
    #[serde(default)]
    pub visibility_consent: Option<bool>,
}

impl SealedFields for PrivacySettingsUpdated {
    fn sealed_fields(&mut self) -> Vec<SealedSlot<'_>> {
        Vec::new()
    }
}

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

impl SealedFields for MatchAccepted {
    fn sealed_fields(&mut self) -> Vec<SealedSlot<'_>> {
        Vec::new()
    }
}

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

impl SealedFields for MatchRejected {
    fn sealed_fields(&mut self) -> Vec<SealedSlot<'_>> {
        Vec::new()
    }
}

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

impl SealedFields for MatchCancelled {
    fn sealed_fields(&mut self) -> Vec<SealedSlot<'_>> {
        Vec::new()
    }
}

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

impl SealedFields for MatchReminderDue {
    fn sealed_fields(&mut self) -> Vec<SealedSlot<'_>> {
        Vec::new()
    }
}

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

impl SealedFields for MatchDoneMarked {
    fn sealed_fields(&mut self) -> Vec<SealedSlot<'_>> {
        Vec::new()
    }
}

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

impl SealedFields for MatchCompleted {
    fn sealed_fields(&mut self) -> Vec<SealedSlot<'_>> {
        Vec::new()
    }
}

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

/// Take the request out of a community.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DetachCommunity {
    /// The request.
    pub request_id: RequestId,
    /// The community.
    pub community_id: CommunityId,
}

impl SealedFields for DetachCommunity {
    fn sealed_fields(&mut self) -> Vec<SealedSlot<'_>> {
        Vec::new()
    }
}

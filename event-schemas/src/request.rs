//! Payloads of `request-events` and `request-commands`: help requests and their matches.

mod matches;

use serde::{Deserialize, Serialize};

use crate::catalog::payloads;
use crate::{CommunityId, KeyId, RequestId, Sealable, SealedFields, SealedSlot, Timestamp, UserId};

pub use matches::{
    FeedbackGiven, MatchAccepted, MatchCancelled, MatchCompleted, MatchCreated, MatchDoneMarked,
    MatchRejected, MatchReminderDue,
};

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

impl SealedFields for RequestDetached {}

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

impl SealedFields for RequestCompleted {}

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

impl SealedFields for RequestCancelled {}

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

impl SealedFields for RequestExpired {}

/// The texts are due to be forgotten; their keys are destroyed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestTextForgotten {
    /// The request.
    pub request_id: RequestId,
    /// When.
    pub forgotten_at: Timestamp,
}

impl SealedFields for RequestTextForgotten {}

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

impl SealedFields for PrivacySettingsUpdated {}

/// Take the request out of a community.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DetachCommunity {
    /// The request.
    pub request_id: RequestId,
    /// The community.
    pub community_id: CommunityId,
}

impl SealedFields for DetachCommunity {}

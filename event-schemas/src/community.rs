//! Payloads of `community-events` and `community-commands`: tenants and their members.

use serde::{Deserialize, Serialize};

use crate::catalog::payloads;
use crate::{CommunityId, KeyId, MatchId, Sealable, SealedFields, SealedSlot, Timestamp, UserId};

payloads! {
    /// Facts, as they stand on `community-events`.
    CommunityEvent: Event of Community in "community" {
        CommunityCreated(Community, "community", ["community_created", "community.created"], Public, ["v1"]);
        CommunityUpdated(Community, "community", ["community_updated"], Public, ["v1"]);
        CommunityArchived(Community, "community", ["community_archived"], Public, ["v1"]);
        UserJoinedCommunity(Community, "user", ["user_joined_community", "member_joined"], Public, ["v1"]);
        UserLeftCommunity(Community, "user", ["user_left_community"], Public, ["v1"]);
        MemberRoleChanged(Community, "member", ["member_role_changed"], Public, ["v1"]);
        JoinRequestCreated(Community, "join_request", ["join_request_created"], Public, ["v1"]);
        JoinRequestApproved(Community, "join_request", ["join_request_approved"], Public, ["v1"]);
        JoinRequestRejected(Community, "join_request", ["join_request_rejected"], Public, ["v1"]);
        JoinRequestWithdrawn(Community, "join_request", ["join_request_withdrawn"], Public, ["v1"]);
        JoinMessageForgotten(Community, "join_message", [], Public, ["v1"]);
        CommunitySettingsChanged(Community, "community.settings", ["community.settings.updated"], Public, ["v1"]);
        CommunityConfigChanged(Community, "community.config", ["community.config.created", "community.config.updated"], Public, ["v1"]);
        ExchangeCounted(Community, "exchange", [], Public, ["v1"]);
        QualityCounted(Community, "quality", [], Public, ["v1"]);
    }
}

payloads! {
    /// Commands that policies send, as they stand on `community-commands`.
    CommunityCommand: Command of Community in "community" {
        CountExchange(Community, "exchange", [], Public, ["v1"]);
        CountQuality(Community, "quality", [], Public, ["v1"]);
    }
}

/// A community was founded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommunityCreated {
    /// The new community.
    pub community_id: CommunityId,
    /// The founder.
    pub creator_id: UserId,
    /// Name, 3-255 characters.
    pub name: String,
    /// Text, at most 2000 characters.
    #[serde(default)]
    pub description: Option<String>,
    /// Place in words, at most 255 characters.
    #[serde(default)]
    pub location: Option<String>,
    /// Category, at most 100 characters.
    #[serde(default)]
    pub category: Option<String>,
    /// Whether joining needs approval: `public`, `private`.
    pub access_type: String,
    /// Kind of community: `mutual_aid`, `group`.
    pub community_type: String,
    /// Most active members, 1-150.
    pub max_members: i32,
    /// The config template that was used.
    #[serde(default)]
    pub template_id: Option<String>,
}

impl SealedFields for CommunityCreated {
    fn sealed_fields(&mut self) -> Vec<SealedSlot<'_>> {
        Vec::new()
    }
}

/// Details were edited; holds changed fields only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommunityUpdated {
    /// The community.
    pub community_id: CommunityId,
    /// New name.
    #[serde(default)]
    pub name: Option<String>,
    /// New text.
    #[serde(default)]
    pub description: Option<String>,
    /// New place in words.
    #[serde(default)]
    pub location: Option<String>,
    /// New category.
    #[serde(default)]
    pub category: Option<String>,
    /// New access type, of public and private.
    #[serde(default)]
    pub access_type: Option<String>,
    /// New cap, 1-150.
    #[serde(default)]
    pub max_members: Option<i32>,
    /// New tags, lower case, at most 20.
    #[serde(default)]
    pub tags: Option<Vec<String>>,
    /// Latitude in degrees, -90 to 90.
    #[serde(default)]
    pub lat: Option<f64>,
    /// Longitude in degrees, -180 to 180.
    #[serde(default)]
    pub lng: Option<f64>,
    /// Names of optional fields that became null.
    #[serde(default)]
    pub cleared: Vec<String>,
}

impl SealedFields for CommunityUpdated {
    fn sealed_fields(&mut self) -> Vec<SealedSlot<'_>> {
        Vec::new()
    }
}

/// The community was closed for good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommunityArchived {
    /// The community.
    pub community_id: CommunityId,
    /// Why: `admin`, `empty`.
    pub reason: String,
}

impl SealedFields for CommunityArchived {
    fn sealed_fields(&mut self) -> Vec<SealedSlot<'_>> {
        Vec::new()
    }
}

/// Someone became an active member.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserJoinedCommunity {
    /// The member.
    pub user_id: UserId,
    /// The community.
    pub community_id: CommunityId,
    /// The role: `admin`, `moderator`, `member`.
    pub role: String,
    /// How they came in: `founding`, `public`, `approval`, `invite`, `added`, `reactivated`.
    pub via: String,
    /// Who invited them.
    #[serde(default)]
    pub invited_by_id: Option<UserId>,
    /// When.
    pub joined_at: Timestamp,
}

impl SealedFields for UserJoinedCommunity {
    fn sealed_fields(&mut self) -> Vec<SealedSlot<'_>> {
        Vec::new()
    }
}

/// Someone is no longer an active member.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserLeftCommunity {
    /// The community.
    pub community_id: CommunityId,
    /// The former member.
    pub user_id: UserId,
    /// The admin who removed them.
    #[serde(default)]
    pub removed_by_id: Option<UserId>,
    /// Whether they left by themselves.
    pub is_self_remove: bool,
    /// Why: `left`, `removed`, `deactivated`, `erased`.
    pub cause: String,
}

impl SealedFields for UserLeftCommunity {
    fn sealed_fields(&mut self) -> Vec<SealedSlot<'_>> {
        Vec::new()
    }
}

/// A member got another role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberRoleChanged {
    /// The community.
    pub community_id: CommunityId,
    /// The member.
    pub user_id: UserId,
    /// The role before: `admin`, `moderator`, `member`.
    pub from: String,
    /// The role now: `admin`, `moderator`, `member`.
    pub to: String,
    /// Who changed it.
    #[serde(default)]
    pub by_id: Option<UserId>,
}

impl SealedFields for MemberRoleChanged {
    fn sealed_fields(&mut self) -> Vec<SealedSlot<'_>> {
        Vec::new()
    }
}

/// Someone asks to be let in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JoinRequestCreated {
    /// The community.
    pub community_id: CommunityId,
    /// The applicant.
    pub user_id: UserId,
    /// What the applicant wrote, at most 1000 characters.
    #[serde(default)]
    pub message: Option<Sealable<String>>,
    /// Who invited them.
    #[serde(default)]
    pub invited_by_id: Option<UserId>,
}

impl SealedFields for JoinRequestCreated {
    fn sealed_fields(&mut self) -> Vec<SealedSlot<'_>> {
        let key = KeyId::join_message(self.community_id, self.user_id);
        [SealedSlot::of("message", key, &mut self.message)].into_iter().flatten().collect()
    }
}

/// An applicant was let in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JoinRequestApproved {
    /// The community.
    pub community_id: CommunityId,
    /// The applicant.
    pub user_id: UserId,
    /// Who decided.
    #[serde(default)]
    pub decided_by_id: Option<UserId>,
}

impl SealedFields for JoinRequestApproved {
    fn sealed_fields(&mut self) -> Vec<SealedSlot<'_>> {
        Vec::new()
    }
}

/// An applicant was turned down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JoinRequestRejected {
    /// The community.
    pub community_id: CommunityId,
    /// The applicant.
    pub user_id: UserId,
    /// Who decided.
    #[serde(default)]
    pub decided_by_id: Option<UserId>,
}

impl SealedFields for JoinRequestRejected {
    fn sealed_fields(&mut self) -> Vec<SealedSlot<'_>> {
        Vec::new()
    }
}

/// An applicant took the request back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JoinRequestWithdrawn {
    /// The community.
    pub community_id: CommunityId,
    /// The applicant.
    pub user_id: UserId,
    /// Always null: the applicant acted.
    #[serde(default)]
    pub decided_by_id: Option<UserId>,
}

impl SealedFields for JoinRequestWithdrawn {
    fn sealed_fields(&mut self) -> Vec<SealedSlot<'_>> {
        Vec::new()
    }
}

/// The message of a decided join request is due to be forgotten; its key is destroyed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JoinMessageForgotten {
    /// The community.
    pub community_id: CommunityId,
    /// The applicant.
    pub user_id: UserId,
}

impl SealedFields for JoinMessageForgotten {
    fn sealed_fields(&mut self) -> Vec<SealedSlot<'_>> {
        Vec::new()
    }
}

/// Settings were changed; holds changed fields only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommunitySettingsChanged {
    /// The community.
    pub community_id: CommunityId,
    /// Life of an open request in days, 1-365.
    #[serde(default)]
    pub request_ttl_days: Option<i32>,
    /// Life of an offer in days, 1-365.
    #[serde(default)]
    pub offer_ttl_days: Option<i32>,
    /// Days until a message is hidden, 1-365.
    #[serde(default)]
    pub message_ttl_days: Option<i32>,
    /// Life of a notification in days, 1-365.
    #[serde(default)]
    pub notification_ttl_days: Option<i32>,
    /// Days until the texts of a completed request are forgotten, 1-365.
    #[serde(default)]
    pub completed_request_window_days: Option<i32>,
    /// Days until a message is forgotten, 1-365.
    #[serde(default)]
    pub message_window_days: Option<i32>,
    /// Days until an expired or cancelled request is forgotten, 1-365.
    #[serde(default)]
    pub expired_request_window_days: Option<i32>,
    /// Karma half-life in months of 30 days, 0-24; 0 is no decay.
    #[serde(default)]
    pub reputation_half_life_months: Option<f64>,
    /// Facts that count as activity.
    #[serde(default)]
    pub activity_types: Option<Vec<String>>,
    /// Whether there is a leaderboard.
    #[serde(default)]
    pub leaderboard_enabled: Option<bool>,
}

impl SealedFields for CommunitySettingsChanged {
    fn sealed_fields(&mut self) -> Vec<SealedSlot<'_>> {
        Vec::new()
    }
}

/// The config was changed; holds changed fields only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommunityConfigChanged {
    /// The community.
    pub community_id: CommunityId,
    /// Most active members, 1-150.
    #[serde(default)]
    pub member_cap: Option<i32>,
    /// Of public, `members_only` and hybrid.
    #[serde(default)]
    pub visibility_mode: Option<String>,
    /// Whether outsiders may respond to requests.
    #[serde(default)]
    pub outsider_response_allowed: Option<bool>,
    /// Types and labels with their multipliers.
    #[serde(default)]
    pub enabled_request_types: Option<Vec<RequestTypeConfig>>,
    /// Of community, `trust_network` and platform.
    #[serde(default)]
    pub default_request_scope: Option<String>,
    /// Whether requests wait for approval.
    #[serde(default)]
    pub request_approval_required: Option<bool>,
    /// Karma of one exchange, 10-1000 points.
    #[serde(default)]
    pub base_karma_pool_per_request: Option<i32>,
    /// Helper's share in percent, 0-100.
    #[serde(default)]
    pub karma_split_helper: Option<i32>,
    /// Requester's share in percent, -50 to 100.
    #[serde(default)]
    pub karma_split_requester: Option<i32>,
    /// Karma half-life in days, 0-720; 0 is no decay.
    #[serde(default)]
    pub karma_decay_half_life_days: Option<f64>,
    /// Days without karma after joining, 0-30.
    #[serde(default)]
    pub new_member_karma_lockout_days: Option<i32>,
    /// Weight of repeat partners, 0-1.
    #[serde(default)]
    pub trust_depth_weight: Option<f64>,
    /// Weight of many partners, 0-1.
    #[serde(default)]
    pub trust_breadth_weight: Option<f64>,
    /// Neutral rating, 1.0-4.9.
    #[serde(default)]
    pub trust_feedback_threshold: Option<f64>,
    /// Exchanges for the bonus, 1-10.
    #[serde(default)]
    pub min_interactions_for_trust: Option<i32>,
    /// Whether trust carries over from elsewhere.
    #[serde(default)]
    pub trust_carry_enabled: Option<bool>,
    /// Share that carries over, 0-1.
    #[serde(default)]
    pub trust_carry_factor: Option<f64>,
    /// Most trust that carries over, 0-100.
    #[serde(default)]
    pub trust_carry_cap: Option<i32>,
    /// Half-life of edges in days, 30-365.
    #[serde(default)]
    pub trust_decay_half_life_days: Option<i32>,
    /// Longest path, 1-5 hops.
    #[serde(default)]
    pub trust_path_max_hops: Option<i32>,
    /// Weight of bonding, 0-1.
    #[serde(default)]
    pub community_trust_bonding_weight: Option<f64>,
    /// Weight of bridging, 0-1.
    #[serde(default)]
    pub community_trust_bridging_weight: Option<f64>,
    /// The template that was used.
    #[serde(default)]
    pub template_id: Option<String>,
    /// The community whose config was copied.
    #[serde(default)]
    pub copied_from_id: Option<CommunityId>,
}

impl SealedFields for CommunityConfigChanged {
    fn sealed_fields(&mut self) -> Vec<SealedSlot<'_>> {
        Vec::new()
    }
}

/// A credited exchange was counted here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExchangeCounted {
    /// The community.
    pub community_id: CommunityId,
    /// The match.
    pub match_id: MatchId,
    /// Who helped.
    pub helper_id: UserId,
    /// Who was helped.
    pub requester_id: UserId,
    /// Exchanges counted so far, this one included.
    pub exchanges: i32,
    /// Distinct people in them.
    pub participants: i32,
    /// When the exchange was completed.
    pub at: Timestamp,
}

impl SealedFields for ExchangeCounted {
    fn sealed_fields(&mut self) -> Vec<SealedSlot<'_>> {
        Vec::new()
    }
}

/// A rating was counted here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QualityCounted {
    /// The community.
    pub community_id: CommunityId,
    /// The match.
    pub match_id: MatchId,
    /// Sum of qualities so far, each 1-5.
    pub quality_sum: f64,
    /// Ratings counted so far.
    pub quality_count: i32,
}

impl SealedFields for QualityCounted {
    fn sealed_fields(&mut self) -> Vec<SealedSlot<'_>> {
        Vec::new()
    }
}

/// Count a credited exchange.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CountExchange {
    /// The community.
    pub community_id: CommunityId,
    /// The match.
    pub match_id: MatchId,
    /// Who helped.
    pub helper_id: UserId,
    /// Who was helped.
    pub requester_id: UserId,
    /// When it was completed.
    pub completed_at: Timestamp,
}

impl SealedFields for CountExchange {
    fn sealed_fields(&mut self) -> Vec<SealedSlot<'_>> {
        Vec::new()
    }
}

/// Count a rating.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CountQuality {
    /// The community.
    pub community_id: CommunityId,
    /// The match.
    pub match_id: MatchId,
    /// Who rated.
    pub giver_id: UserId,
    /// The rating's quality, 1-5.
    pub quality: f64,
}

impl SealedFields for CountQuality {
    fn sealed_fields(&mut self) -> Vec<SealedSlot<'_>> {
        Vec::new()
    }
}

/// A type of request, or a label, with its multiplier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestTypeConfig {
    /// Name, `[a-z_]{1,50}`.
    pub name: String,
    /// Text, at most 200 characters.
    #[serde(default)]
    pub description: Option<String>,
    /// Multiplier in hundredths, 50-200.
    pub karma_multiplier_hundredths: i32,
}

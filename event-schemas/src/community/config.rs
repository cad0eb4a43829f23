//! Payloads about what a community allows: its settings and its config.

use serde::{Deserialize, Serialize};

use crate::{CommunityId, SealedFields};

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

impl SealedFields for CommunitySettingsChanged {}

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

impl SealedFields for CommunityConfigChanged {}

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

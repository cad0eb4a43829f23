//! Payloads of `community-events` and `community-commands`: tenants and their members.

mod config;
mod counts;
mod members;

use serde::{Deserialize, Serialize};

use crate::catalog::payloads;
use crate::{CommunityId, SealedFields, UserId};

pub use config::{CommunityConfigChanged, CommunitySettingsChanged, RequestTypeConfig};
pub use counts::{CountExchange, CountQuality, ExchangeCounted, QualityCounted};
pub use members::{
    JoinMessageForgotten, JoinRequestApproved, JoinRequestCreated, JoinRequestRejected, JoinRequestWithdrawn,
    MemberRoleChanged, UserJoinedCommunity, UserLeftCommunity,
};

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

impl SealedFields for CommunityCreated {}

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

impl SealedFields for CommunityUpdated {}

/// The community was closed for good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommunityArchived {
    /// The community.
    pub community_id: CommunityId,
    /// Why: `admin`, `empty`.
    pub reason: String,
}

impl SealedFields for CommunityArchived {}

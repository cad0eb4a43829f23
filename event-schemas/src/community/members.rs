//! Payloads about who belongs to a community, and who asks to.

use serde::{Deserialize, Serialize};

use crate::{CommunityId, KeyId, Sealable, SealedFields, SealedSlot, Timestamp, UserId};

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

impl SealedFields for UserJoinedCommunity {}

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

impl SealedFields for UserLeftCommunity {}

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

impl SealedFields for MemberRoleChanged {}

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

impl SealedFields for JoinRequestApproved {}

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

impl SealedFields for JoinRequestRejected {}

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

impl SealedFields for JoinRequestWithdrawn {}

/// The message of a decided join request is due to be forgotten; its key is destroyed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JoinMessageForgotten {
    /// The community.
    pub community_id: CommunityId,
    /// The applicant.
    pub user_id: UserId,
}

impl SealedFields for JoinMessageForgotten {}

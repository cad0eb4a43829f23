//! What an access token says.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// `iss` of our tokens.
pub const ISSUER: &str = "karmyq";
/// `aud` of our tokens.
pub const AUDIENCE: &str = "karmyq";

/// The claims of an access token. Memberships are hints: rights are checked against live state.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claims {
    /// The person.
    pub user_id: Uuid,
    /// Their address, normalized.
    pub email: String,
    /// At most 50, newest joined first.
    pub community_memberships: Vec<MembershipClaim>,
    /// Issued at, seconds since the epoch.
    pub iat: i64,
    /// Expires at, seconds since the epoch.
    pub exp: i64,
    /// Id of the token.
    pub jti: Uuid,
    /// The person again.
    pub sub: Uuid,
    /// The session, which is the family of refresh tokens.
    pub sid: Uuid,
    /// [`ISSUER`].
    pub iss: String,
    /// [`AUDIENCE`].
    pub aud: String,
    /// Whether the address was confirmed.
    pub email_verified: bool,
    /// Set for staff only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_role: Option<PlatformRole>,
}

impl Claims {
    /// Whether the person is of the staff.
    #[must_use]
    pub fn is_operator(&self) -> bool {
        self.platform_role == Some(PlatformRole::Operator)
    }
}

/// Without the address: claims may end up in logs.
impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claims")
            .field("user_id", &self.user_id)
            .field("sid", &self.sid)
            .field("exp", &self.exp)
            .field("platform_role", &self.platform_role)
            .finish_non_exhaustive()
    }
}

/// One membership at the time of issue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MembershipClaim {
    /// The community.
    pub community_id: Uuid,
    /// member, moderator or admin.
    pub role: String,
}

/// A role beyond communities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlatformRole {
    /// Staff.
    Operator,
}

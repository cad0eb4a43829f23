//! Payloads of `user-events` and `user-commands`: accounts and profiles.

use serde::{Deserialize, Serialize};

use crate::catalog::payloads;
use crate::{CommunityId, InviteId, KeyId, Sealable, SealedFields, SealedSlot, SessionId, Timestamp, UserId};

payloads! {
    /// Facts, as they stand on `user-events`.
    UserEvent: Event of User in "user" {
        UserRegistered(User, "user", ["user_created", "user.created", "user.registered"], Public, ["v1"]);
        UserUpdated(User, "user", ["user_updated", "user.updated"], Public, ["v1"]);
        UserSkillAdded(User, "user", ["user_skill_added"], Public, ["v1"]);
        UserSkillRemoved(User, "user", ["user_skill_removed"], Public, ["v1"]);
        UserSettingsChanged(User, "user", ["user_settings_changed"], Public, ["v1"]);
        SessionsRevoked(User, "sessions", ["sessions_revoked"], Public, ["v1"]);
        InviterRecorded(User, "inviter", [], Public, ["v1"]);
    }
}

payloads! {
    /// Commands that policies send, as they stand on `user-commands`.
    UserCommand: Command of User in "user" {
        RecordInviter(User, "inviter", [], Public, ["v1"]);
    }
}

/// An account was created.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserRegistered {
    /// The new user.
    pub user_id: UserId,
    /// Normalized e-mail address.
    #[serde(default)]
    pub email: Option<Sealable<String>>,
    /// Display name, 1-100 characters.
    #[serde(default)]
    pub name: Option<Sealable<String>>,
    /// When the account was created.
    pub created_at: Timestamp,
    /// The invitation that was used at sign-up.
    #[serde(default)]
    pub invite: Option<Invitation>,
}

impl SealedFields for UserRegistered {
    fn sealed_fields(&mut self) -> Vec<SealedSlot<'_>> {
        let key = KeyId::user(self.user_id);
        [SealedSlot::of("email", key.clone(), &mut self.email), SealedSlot::of("name", key, &mut self.name)]
            .into_iter()
            .flatten()
            .collect()
    }
}

/// The profile was edited; holds changed fields only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserUpdated {
    /// The user.
    pub user_id: UserId,
    /// New display name.
    #[serde(default)]
    pub name: Option<Sealable<String>>,
    /// New text about oneself, at most 2000 characters.
    #[serde(default)]
    pub bio: Option<Sealable<String>>,
    /// New https address of a picture.
    #[serde(default)]
    pub avatar_url: Option<Sealable<String>>,
    /// New phone number, at most 32 characters.
    #[serde(default)]
    pub phone: Option<Sealable<String>>,
    /// New home place.
    #[serde(default)]
    pub home: Option<Sealable<Home>>,
    /// New vehicle.
    #[serde(default)]
    pub vehicle: Option<Vehicle>,
    /// Names of optional fields that became null.
    #[serde(default)]
    pub cleared: Vec<String>,
}

impl SealedFields for UserUpdated {
    fn sealed_fields(&mut self) -> Vec<SealedSlot<'_>> {
        let key = KeyId::user(self.user_id);
        [
            SealedSlot::of("name", key.clone(), &mut self.name),
            SealedSlot::of("bio", key.clone(), &mut self.bio),
            SealedSlot::of("avatarUrl", key.clone(), &mut self.avatar_url),
            SealedSlot::of("phone", key.clone(), &mut self.phone),
            SealedSlot::of("home", key, &mut self.home),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// A skill was added to the profile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserSkillAdded {
    /// The user.
    pub user_id: UserId,
    /// UUID of the skill entry.
    pub skill_id: String,
    /// As the person wrote it, 1-100 characters.
    #[serde(default)]
    pub skill: Option<Sealable<String>>,
    /// Normalized form, when it is one of the closed list of skills.
    #[serde(default)]
    pub slug: Option<String>,
    /// Normalized form, when it is none of the closed list.
    #[serde(default)]
    pub slug_sealed: Option<Sealable<String>>,
}

impl SealedFields for UserSkillAdded {
    fn sealed_fields(&mut self) -> Vec<SealedSlot<'_>> {
        let key = KeyId::user(self.user_id);
        [
            SealedSlot::of("skill", key.clone(), &mut self.skill),
            SealedSlot::of("slugSealed", key, &mut self.slug_sealed),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// A skill was removed from the profile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserSkillRemoved {
    /// The user.
    pub user_id: UserId,
    /// UUID of the skill entry.
    pub skill_id: String,
}

impl SealedFields for UserSkillRemoved {}

/// Settings were changed; holds changed fields only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserSettingsChanged {
    /// The user.
    pub user_id: UserId,
    /// Display hint for clients.
    #[serde(default)]
    pub show_my_karma_to_me: Option<bool>,
    /// Whether co-members see exact numbers.
    #[serde(default)]
    pub share_reputation: Option<bool>,
    /// Whether the person is named in paths.
    #[serde(default)]
    pub show_connection_path: Option<bool>,
    /// Whether the inviter is shown.
    #[serde(default)]
    pub show_who_invited_me: Option<bool>,
    /// Whether invitees are shown.
    #[serde(default)]
    pub show_who_i_invited: Option<bool>,
    /// IANA name.
    #[serde(default)]
    pub timezone: Option<String>,
    /// BCP 47 tag.
    #[serde(default)]
    pub locale: Option<String>,
}

impl SealedFields for UserSettingsChanged {}

/// Sessions ended before their time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionsRevoked {
    /// The user.
    pub user_id: UserId,
    /// The sessions.
    pub family_ids: Vec<SessionId>,
    /// Why: `logout_all`, `refresh_reuse`, `password`, `erasure`.
    pub reason: String,
}

impl SealedFields for SessionsRevoked {}

/// The first accepted invitation tells who invited.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InviterRecorded {
    /// The invited user.
    pub user_id: UserId,
    /// Who invited.
    pub inviter_id: UserId,
    /// Into which community.
    pub community_id: CommunityId,
    /// The invitation.
    pub invite_id: InviteId,
    /// When it was accepted.
    pub accepted_at: Timestamp,
}

impl SealedFields for InviterRecorded {}

/// Record who invited this user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordInviter {
    /// The invited user.
    pub user_id: UserId,
    /// Who invited.
    pub inviter_id: UserId,
    /// Into which community.
    pub community_id: CommunityId,
    /// The invitation.
    pub invite_id: InviteId,
    /// When it was accepted.
    pub accepted_at: Timestamp,
}

impl SealedFields for RecordInviter {}

/// The invitation that was used at sign-up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Invitation {
    /// The community that it admits to.
    pub community_id: CommunityId,
    /// The invitation.
    pub invite_id: InviteId,
}

/// A vehicle that a person can help with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Vehicle {
    /// Kind of vehicle, as in `sedan`.
    pub kind: String,
    /// Seats, 1-10.
    pub seats: i32,
}

/// A home place; only ever inside a sealed field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Home {
    /// Text, at most 200 characters.
    pub label: String,
    /// Latitude in degrees, -90 to 90.
    pub lat: f64,
    /// Longitude in degrees, -180 to 180.
    pub lng: f64,
}

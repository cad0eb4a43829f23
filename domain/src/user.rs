//! User: one person's account and profile.
//!
//! ```text
//! Absent ──RegisterUser──▶ Active
//! ```
//! Who exists, what they tell about themselves and which of their sessions ended early. Secrets are never here.

mod profile;
mod rejection;
mod settings;
mod skills;
mod values;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use chrono::TimeDelta;
use event_schemas::user::{
    Invitation, InviterRecorded, SessionsRevoked, UserCommand, UserEvent, UserRegistered,
};
use event_schemas::{CommunityId, KeyId, Sealable, SealedFields, SealedSlot, SessionId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::{Aggregate, Meta, Timer};

pub use event_schemas::user::RecordInviter;
pub use profile::{Profile, UpdateProfile};
pub use rejection::Rejection;
pub use settings::{ChangeSettings, Settings};
pub use skills::{AddSkill, RemoveSkill, Skill, SkillId, Slug};
pub use values::{
    AvatarUrl, Bio, DisplayName, EmailAddress, Home, HomeLabel, Locale, Phone, SkillName, Timezone, Vehicle,
    VehicleKind,
};

/// What decisions need to know of a person.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum State {
    /// Nobody has this id.
    #[default]
    Absent,
    /// A person with an account.
    Active(Box<Active>),
}

/// A person with an account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Active {
    /// The person.
    pub id: UserId,
    /// When the account was created.
    pub since: Timestamp,
    /// What the person tells about themselves.
    pub profile: Profile,
    /// What the person is good at, oldest first.
    pub skills: Vec<Skill>,
    /// What others may see, and how things are shown.
    pub settings: Settings,
    /// Who invited them, if anybody did.
    pub inviter: Option<UserId>,
    /// Sessions that ended before their time, as long as they could still have lived.
    revoked: BTreeMap<SessionId, Timestamp>,
}

/// What can be asked of a person's account.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Create the account.
    RegisterUser(RegisterUser),
    /// Edit the profile.
    UpdateProfile(Box<UpdateProfile>),
    /// Name something that one is good at.
    AddSkill(AddSkill),
    /// Take a skill back.
    RemoveSkill(RemoveSkill),
    /// Choose what others see.
    ChangeSettings(ChangeSettings),
    /// Tell that sessions ended before their time.
    RevokeSessions(RevokeSessions),
    /// Remember who invited this person; from a policy.
    RecordInviter(RecordInviter),
}

/// Create the account. The address was reserved before.
#[derive(Clone, Debug, PartialEq)]
pub struct RegisterUser {
    /// Id of the new user.
    pub user_id: UserId,
    /// Where they get mail.
    pub email: EmailAddress,
    /// What they are called.
    pub name: DisplayName,
    /// The invitation that was used.
    pub invite: Option<Invitation>,
}

/// Tell that sessions ended before their time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokeSessions {
    /// The sessions.
    pub sessions: Vec<SessionId>,
    /// Why.
    pub reason: RevocationReason,
}

/// Why sessions end before their time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationReason {
    /// The person logged out everywhere.
    LogoutAll,
    /// A refresh token was used twice.
    RefreshReuse,
    /// The password changed.
    Password,
    /// The account is to be erased.
    Erasure,
}

impl RevocationReason {
    /// The name in events.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LogoutAll => "logout_all",
            Self::RefreshReuse => "refresh_reuse",
            Self::Password => "password",
            Self::Erasure => "erasure",
        }
    }
}

impl From<&UserCommand> for Command {
    fn from(wire: &UserCommand) -> Self {
        match wire {
            UserCommand::RecordInviter(command) => Self::RecordInviter(command.clone()),
        }
    }
}

impl Aggregate for State {
    type Command = Command;
    type Event = UserEvent;
    type Rejection = Rejection;

    fn decide(&self, command: &Command, now: Timestamp) -> Result<Vec<UserEvent>, Rejection> {
        match (self, command) {
            (Self::Absent, Command::RegisterUser(register)) => Ok(register.decide(now)),
            (Self::Active(_), Command::RegisterUser(_)) => Ok(vec![]),
            (Self::Active(user), Command::UpdateProfile(update)) => user.update_profile(update),
            (Self::Active(user), Command::AddSkill(add)) => user.add_skill(add),
            (Self::Active(user), Command::RemoveSkill(remove)) => user.remove_skill(remove),
            (Self::Active(user), Command::ChangeSettings(change)) => user.change_settings(change),
            (Self::Active(user), Command::RevokeSessions(revoke)) => Ok(user.revoke_sessions(revoke)),
            (Self::Active(user), Command::RecordInviter(record)) => Ok(user.record_inviter(record)),
            (
                Self::Absent,
                Command::UpdateProfile(_)
                | Command::AddSkill(_)
                | Command::RemoveSkill(_)
                | Command::ChangeSettings(_)
                | Command::RevokeSessions(_)
                | Command::RecordInviter(_),
            ) => Err(Rejection::UserNotFound),
        }
    }

    fn evolve(&mut self, event: &UserEvent, meta: Meta) {
        match (self, event) {
            (state @ Self::Absent, UserEvent::UserRegistered(event)) => {
                *state = Self::Active(Box::new(Active::registered(event)));
            }
            (Self::Active(user), UserEvent::UserUpdated(event)) => user.profile.fold(event),
            (Self::Active(user), UserEvent::UserSkillAdded(event)) => user.skill_added(event),
            (Self::Active(user), UserEvent::UserSkillRemoved(event)) => user.skill_removed(event),
            (Self::Active(user), UserEvent::UserSettingsChanged(event)) => user.settings.fold(event),
            (Self::Active(user), UserEvent::SessionsRevoked(event)) => user.sessions_revoked(event, meta.at),
            (Self::Active(user), UserEvent::InviterRecorded(event)) => user.inviter = Some(event.inviter_id),
            (Self::Active(_), UserEvent::UserRegistered(_))
            | (
                Self::Absent,
                UserEvent::UserUpdated(_)
                | UserEvent::UserSkillAdded(_)
                | UserEvent::UserSkillRemoved(_)
                | UserEvent::UserSettingsChanged(_)
                | UserEvent::SessionsRevoked(_)
                | UserEvent::InviterRecorded(_),
            ) => {}
        }
    }

    fn timer(&self) -> Option<Timer<Command>> {
        None
    }

    fn community_of(&self, event: &UserEvent) -> Option<CommunityId> {
        match event {
            UserEvent::InviterRecorded(event) => Some(event.community_id),
            UserEvent::UserRegistered(_)
            | UserEvent::UserUpdated(_)
            | UserEvent::UserSkillAdded(_)
            | UserEvent::UserSkillRemoved(_)
            | UserEvent::UserSettingsChanged(_)
            | UserEvent::SessionsRevoked(_) => None,
        }
    }
}

impl SealedFields for State {
    fn sealed_fields(&mut self) -> Vec<SealedSlot<'_>> {
        match self {
            Self::Absent => Vec::new(),
            Self::Active(user) => user.sealed_fields(),
        }
    }
}

impl SealedFields for Active {
    fn sealed_fields(&mut self) -> Vec<SealedSlot<'_>> {
        let key = KeyId::user(self.id);
        let profile = &mut self.profile;
        let skills = self.skills.iter_mut().map(|it| &mut it.slug_sealed);
        [
            SealedSlot::of("email", key.clone(), &mut profile.email),
            SealedSlot::of("name", key.clone(), &mut profile.name),
            SealedSlot::of("bio", key.clone(), &mut profile.bio),
            SealedSlot::of("avatarUrl", key.clone(), &mut profile.avatar_url),
            SealedSlot::of("phone", key.clone(), &mut profile.phone),
            SealedSlot::of("home", key.clone(), &mut profile.home),
        ]
        .into_iter()
        .chain(skills.map(|it| SealedSlot::of("skills", key.clone(), it)))
        .flatten()
        .collect()
    }
}

impl RegisterUser {
    fn decide(&self, now: Timestamp) -> Vec<UserEvent> {
        let registered = UserRegistered {
            user_id: self.user_id,
            email: Some(Sealable::Clear(self.email.as_str().to_owned())),
            name: Some(Sealable::Clear(self.name.as_str().to_owned())),
            created_at: now,
            invite: self.invite.clone(),
        };
        vec![registered.into()]
    }
}

/// No session lives longer, so what ended longer ago need not be remembered.
const LONGEST_SESSION: TimeDelta = TimeDelta::days(30);

impl Active {
    fn registered(event: &UserRegistered) -> Self {
        Self {
            id: event.user_id,
            since: event.created_at,
            profile: Profile::registered(event),
            skills: Vec::new(),
            settings: Settings::default(),
            inviter: None,
            revoked: BTreeMap::new(),
        }
    }

    fn revoke_sessions(&self, command: &RevokeSessions) -> Vec<UserEvent> {
        let mut live = command.sessions.clone();
        live.retain(|session| !self.revoked.contains_key(session));
        if live.is_empty() {
            return vec![];
        }
        let reason = command.reason.name().to_owned();
        vec![SessionsRevoked { user_id: self.id, family_ids: live, reason }.into()]
    }

    fn sessions_revoked(&mut self, event: &SessionsRevoked, at: Timestamp) {
        self.revoked.retain(|_, revoked_at| at.since(*revoked_at) <= LONGEST_SESSION);
        self.revoked.extend(event.family_ids.iter().map(|session| (*session, at)));
    }

    /// The first accepted invitation wins.
    fn record_inviter(&self, command: &RecordInviter) -> Vec<UserEvent> {
        if self.inviter.is_some() {
            return vec![];
        }
        let recorded = InviterRecorded {
            user_id: self.id,
            inviter_id: command.inviter_id,
            community_id: command.community_id,
            invite_id: command.invite_id,
            accepted_at: command.accepted_at,
        };
        vec![recorded.into()]
    }
}

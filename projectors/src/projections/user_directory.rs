//! `user_directory`: accounts with their skills and settings, as others and they themselves see them.

use event_schemas::user::{
    InviterRecorded, UserEvent, UserRegistered, UserSettingsChanged, UserSkillAdded, UserUpdated,
};
use event_schemas::{Event, Placeholder, Sealable, Timestamp, UserId};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{change, change_or_clear, text, uuid, value};
use crate::projection::{Fact, Interest, Projection, Unfoldable};
use crate::row::row;
use crate::table::{AnyTable, Table};

row! {
    /// An account.
    struct User in "auth.users" (id: UserId) {
        email: Option<String>,
        name: String,
        bio: Option<String>,
        avatar_url: Option<String>,
        phone: Option<String>,
        home: Option<Value>,
        vehicle: Option<Value>,
        email_verified: bool,
        two_factor: bool,
        state: String,
        invited_by: Option<UserId>,
        invitation_accepted_at: Option<Timestamp>,
        created_at: Timestamp,
        updated_at: Timestamp,
        version: i64,
    }
}

row! {
    /// A skill in a profile.
    struct Skill in "auth.user_skills" (skill_id: Uuid) {
        user_id: UserId,
        skill: String,
        slug: String,
        created_at: Timestamp,
    }
}

row! {
    /// What a person lets others see.
    struct Settings in "auth.user_settings" (user_id: UserId) {
        show_my_karma_to_me: bool,
        share_reputation: bool,
        show_connection_path: bool,
        show_who_invited_me: bool,
        show_who_i_invited: bool,
        timezone: String,
        locale: Option<String>,
        updated_at: Timestamp,
        version: i64,
    }
}

/// The projection.
#[derive(Debug, Default)]
pub(crate) struct UserDirectory {
    pub(super) users: Table<User>,
    pub(super) skills: Table<Skill>,
    pub(super) settings: Table<Settings>,
}

impl Projection for UserDirectory {
    fn interest(&self, _event_type: &str) -> Interest {
        Interest::Texts
    }

    fn fold(&mut self, fact: &Fact) -> Result<(), Unfoldable> {
        let Event::User(event) = &fact.event else { return Ok(()) };
        let (at, version) = (fact.envelope.timestamp, fact.envelope.aggregate_version);
        match event {
            UserEvent::UserRegistered(it) => self.registered(it, version),
            UserEvent::UserUpdated(it) => self.updated(it, at),
            UserEvent::UserSkillAdded(it) => self.skill_added(it, at)?,
            UserEvent::UserSkillRemoved(it) => {
                self.skills.remove(&uuid(&it.skill_id, "UserSkillRemoved", "skillId")?);
            }
            UserEvent::UserSettingsChanged(it) => self.settings_changed(it, at, version),
            UserEvent::InviterRecorded(it) => self.inviter_recorded(it, at),
            UserEvent::SessionsRevoked(_) => {}
        }
        if let Some(user) = self.users.get(&subject(event)) {
            user.version = version;
        }
        Ok(())
    }

    fn tables(&mut self) -> Vec<&mut dyn AnyTable> {
        vec![&mut self.users, &mut self.skills, &mut self.settings]
    }
}

impl UserDirectory {
    fn registered(&mut self, it: &UserRegistered, version: i64) {
        self.users.put(User {
            id: it.user_id,
            email: value(it.email.as_ref()),
            name: name(it.name.as_ref()),
            bio: None,
            avatar_url: None,
            phone: None,
            home: None,
            vehicle: None,
            email_verified: false,
            two_factor: false,
            state: "active".to_owned(),
            invited_by: None,
            invitation_accepted_at: None,
            created_at: it.created_at,
            updated_at: it.created_at,
            version,
        });
        self.settings.put(Settings {
            user_id: it.user_id,
            show_my_karma_to_me: false,
            share_reputation: false,
            show_connection_path: true,
            show_who_invited_me: true,
            show_who_i_invited: false,
            timezone: "UTC".to_owned(),
            locale: None,
            updated_at: it.created_at,
            version,
        });
    }

    fn updated(&mut self, it: &UserUpdated, at: Timestamp) {
        let Some(user) = self.users.get(&it.user_id) else { return };
        if it.name.is_some() {
            user.name = name(it.name.as_ref());
        }
        change_or_clear(&mut user.bio, text(it.bio.as_ref()).as_ref(), "bio", &it.cleared);
        change_sealed(&mut user.avatar_url, it.avatar_url.as_ref(), "avatarUrl", &it.cleared);
        change_sealed(&mut user.phone, it.phone.as_ref(), "phone", &it.cleared);
        let home = it.home.as_ref().map(|sealed| match sealed.clear() {
            Some(home) => Sealable::Clear(json!({"label": home.label, "lat": home.lat, "lng": home.lng})),
            None => Sealable::Forgotten,
        });
        change_sealed(&mut user.home, home.as_ref(), "home", &it.cleared);
        let vehicle = it.vehicle.as_ref().map(|it| json!({"kind": it.kind, "seats": it.seats}));
        change_or_clear(&mut user.vehicle, vehicle.as_ref(), "vehicle", &it.cleared);
        user.updated_at = at;
    }

    fn skill_added(&mut self, it: &UserSkillAdded, at: Timestamp) -> Result<(), Unfoldable> {
        let placeholder = || Placeholder::Forgotten.text().to_owned();
        self.skills.put(Skill {
            skill_id: uuid(&it.skill_id, "UserSkillAdded", "skillId")?,
            user_id: it.user_id,
            skill: text(it.skill.as_ref()).unwrap_or_else(placeholder),
            slug: it.slug.clone().or_else(|| text(it.slug_sealed.as_ref())).unwrap_or_else(placeholder),
            created_at: at,
        });
        Ok(())
    }

    fn settings_changed(&mut self, it: &UserSettingsChanged, at: Timestamp, version: i64) {
        let Some(settings) = self.settings.get(&it.user_id) else { return };
        change(&mut settings.show_my_karma_to_me, it.show_my_karma_to_me.as_ref());
        change(&mut settings.share_reputation, it.share_reputation.as_ref());
        change(&mut settings.show_connection_path, it.show_connection_path.as_ref());
        change(&mut settings.show_who_invited_me, it.show_who_invited_me.as_ref());
        change(&mut settings.show_who_i_invited, it.show_who_i_invited.as_ref());
        change(&mut settings.timezone, it.timezone.as_ref());
        change_or_clear(&mut settings.locale, it.locale.as_ref(), "locale", &[]);
        settings.updated_at = at;
        settings.version = version;
    }

    fn inviter_recorded(&mut self, it: &InviterRecorded, at: Timestamp) {
        if let Some(user) = self.users.get(&it.user_id) {
            user.invited_by = Some(it.inviter_id);
            user.invitation_accepted_at = Some(it.accepted_at);
            user.updated_at = at;
        }
    }
}

/// Whom an event is about.
fn subject(event: &UserEvent) -> UserId {
    match event {
        UserEvent::UserRegistered(it) => it.user_id,
        UserEvent::UserUpdated(it) => it.user_id,
        UserEvent::UserSkillAdded(it) => it.user_id,
        UserEvent::UserSkillRemoved(it) => it.user_id,
        UserEvent::UserSettingsChanged(it) => it.user_id,
        UserEvent::SessionsRevoked(it) => it.user_id,
        UserEvent::InviterRecorded(it) => it.user_id,
    }
}

/// A person's name, or what stands for it.
fn name(field: Option<&Sealable<String>>) -> String {
    field.map_or_else(|| Placeholder::DeletedUser.text().to_owned(), |it| it.reveal(Placeholder::DeletedUser))
}

/// Takes a changed personal value over that has no placeholder.
fn change_sealed<T: Clone>(
    field: &mut Option<T>,
    changed: Option<&Sealable<T>>,
    name: &str,
    cleared: &[String],
) {
    if changed.is_some() {
        *field = value(changed);
    } else {
        change_or_clear(field, None, name, cleared);
    }
}

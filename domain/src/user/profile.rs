//! What a person tells about themselves.
//!
//! Personal values are kept as the log gave them: clear where they were decided or opened, else sealed. A value that is
//! not clear equals nothing, so that saying it again is a change.

use event_schemas::user::{self, UserEvent, UserRegistered, UserUpdated};
use event_schemas::{Sealable, UserId};
use serde::{Deserialize, Serialize};

use super::{Active, AvatarUrl, Bio, DisplayName, Home, Phone, Rejection, Vehicle};
use crate::Patch;

/// A person's profile.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// Where they get mail.
    pub email: Option<Sealable<String>>,
    /// What they are called.
    pub name: Option<Sealable<String>>,
    /// What they write about themselves.
    pub bio: Option<Sealable<String>>,
    /// Address of their picture.
    pub avatar_url: Option<Sealable<String>>,
    /// Their phone number.
    pub phone: Option<Sealable<String>>,
    /// Where they live.
    pub home: Option<Sealable<user::Home>>,
    /// What they drive.
    pub vehicle: Option<user::Vehicle>,
}

/// Edit the profile.
#[derive(Clone, Debug, PartialEq)]
pub struct UpdateProfile {
    /// Whose profile.
    pub user_id: UserId,
    /// Who asks.
    pub by: UserId,
    /// A new name; it cannot be cleared.
    pub name: Option<DisplayName>,
    /// A new text about oneself.
    pub bio: Patch<Bio>,
    /// A new picture.
    pub avatar_url: Patch<AvatarUrl>,
    /// A new phone number.
    pub phone: Patch<Phone>,
    /// A new home.
    pub home: Patch<Home>,
    /// A new vehicle.
    pub vehicle: Patch<Vehicle>,
}

impl UpdateProfile {
    /// A change by the person themselves that names nothing yet.
    #[must_use]
    pub fn of(user_id: UserId) -> Self {
        Self {
            user_id,
            by: user_id,
            name: None,
            bio: Patch::Keep,
            avatar_url: Patch::Keep,
            phone: Patch::Keep,
            home: Patch::Keep,
            vehicle: Patch::Keep,
        }
    }

    fn names_something(&self) -> bool {
        self.name.is_some()
            || self.bio.is_named()
            || self.avatar_url.is_named()
            || self.phone.is_named()
            || self.home.is_named()
            || self.vehicle.is_named()
    }
}

impl Active {
    pub(super) fn update_profile(&self, update: &UpdateProfile) -> Result<Vec<UserEvent>, Rejection> {
        self.only_for(update.by)?;
        if !update.names_something() {
            return Err(Rejection::NothingToChange);
        }
        let mut cleared = Vec::new();
        let profile = &self.profile;
        let name = update.name.clone().map_or(Patch::Keep, Patch::Set);
        let updated = UserUpdated {
            user_id: self.id,
            name: changed("name", name.map(clear), &profile.name, &mut cleared),
            bio: changed("bio", update.bio.clone().map(clear), &profile.bio, &mut cleared),
            avatar_url: changed(
                "avatarUrl",
                update.avatar_url.clone().map(|it| Sealable::Clear(it.as_str().to_owned())),
                &profile.avatar_url,
                &mut cleared,
            ),
            phone: changed("phone", update.phone.clone().map(clear), &profile.phone, &mut cleared),
            home: changed(
                "home",
                update.home.clone().map(|it| Sealable::Clear((&it).into())),
                &profile.home,
                &mut cleared,
            ),
            vehicle: changed(
                "vehicle",
                update.vehicle.clone().map(|it| (&it).into()),
                &profile.vehicle,
                &mut cleared,
            ),
            cleared,
        };
        Ok(if says_nothing(&updated) { vec![] } else { vec![updated.into()] })
    }

    /// Refuses everyone but the person.
    pub(super) fn only_for(&self, by: UserId) -> Result<(), Rejection> {
        if by == self.id { Ok(()) } else { Err(Rejection::NotYourself) }
    }
}

impl Profile {
    pub(super) fn registered(event: &UserRegistered) -> Self {
        Self { email: event.email.clone(), name: event.name.clone(), ..Self::default() }
    }

    pub(super) fn fold(&mut self, event: &UserUpdated) {
        fold(&mut self.name, &event.name, "name", &event.cleared);
        fold(&mut self.bio, &event.bio, "bio", &event.cleared);
        fold(&mut self.avatar_url, &event.avatar_url, "avatarUrl", &event.cleared);
        fold(&mut self.phone, &event.phone, "phone", &event.cleared);
        fold(&mut self.home, &event.home, "home", &event.cleared);
        fold(&mut self.vehicle, &event.vehicle, "vehicle", &event.cleared);
    }
}

fn clear<T: Into<String>>(text: T) -> Sealable<String> {
    Sealable::Clear(text.into())
}

/// The new value of a field, when it is another than before; a field that becomes empty is noted as cleared.
fn changed<T: PartialEq>(
    field: &str,
    patch: Patch<T>,
    before: &Option<T>,
    cleared: &mut Vec<String>,
) -> Option<T> {
    match patch {
        Patch::Keep => None,
        Patch::Clear => {
            cleared.extend(before.is_some().then(|| field.to_owned()));
            None
        }
        Patch::Set(value) => Some(value).filter(|it| before.as_ref() != Some(it)),
    }
}

fn fold<T: Clone>(field: &mut Option<T>, new: &Option<T>, name: &str, cleared: &[String]) {
    if new.is_some() {
        field.clone_from(new);
    } else if cleared.iter().any(|it| it == name) {
        *field = None;
    }
}

fn says_nothing(event: &UserUpdated) -> bool {
    let UserUpdated { user_id: _, name, bio, avatar_url, phone, home, vehicle, cleared } = event;
    name.is_none()
        && bio.is_none()
        && avatar_url.is_none()
        && phone.is_none()
        && home.is_none()
        && vehicle.is_none()
        && cleared.is_empty()
}

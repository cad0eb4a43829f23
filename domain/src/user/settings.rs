//! What others may see of a person, and how things are shown to them.

use event_schemas::UserId;
use event_schemas::user::{UserEvent, UserSettingsChanged};
use serde::{Deserialize, Serialize};

use super::{Active, Locale, Rejection, Timezone};

/// A person's settings. Names and defaults are those of `GET /users/me/settings`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Display hint for clients.
    pub show_my_karma_to_me: bool,
    /// Whether co-members see exact numbers.
    pub share_reputation: bool,
    /// Whether the person is named in paths.
    pub show_connection_path: bool,
    /// Whether the inviter is shown.
    pub show_who_invited_me: bool,
    /// Whether invitees are shown.
    pub show_who_i_invited: bool,
    /// IANA name.
    pub timezone: String,
    /// BCP 47 tag.
    pub locale: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            show_my_karma_to_me: false,
            share_reputation: false,
            show_connection_path: true,
            show_who_invited_me: true,
            show_who_i_invited: false,
            timezone: "UTC".to_owned(),
            locale: None,
        }
    }
}

/// Choose what others see; what is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeSettings {
    /// Display hint for clients.
    pub show_my_karma_to_me: Option<bool>,
    /// Whether co-members see exact numbers.
    pub share_reputation: Option<bool>,
    /// Whether the person is named in paths.
    pub show_connection_path: Option<bool>,
    /// Whether the inviter is shown.
    pub show_who_invited_me: Option<bool>,
    /// Whether invitees are shown.
    pub show_who_i_invited: Option<bool>,
    /// Time zone.
    pub timezone: Option<Timezone>,
    /// Language.
    pub locale: Option<Locale>,
}

impl Active {
    pub(super) fn change_settings(&self, change: &ChangeSettings) -> Result<Vec<UserEvent>, Rejection> {
        if *change == ChangeSettings::default() {
            return Err(Rejection::NothingToChange);
        }
        let wanted = change.event(self.id);
        let mut after = self.settings.clone();
        after.fold(&wanted);
        Ok(if after == self.settings { vec![] } else { vec![self.settings.changes_in(wanted).into()] })
    }
}

impl ChangeSettings {
    /// The event that tells all that is asked for.
    fn event(&self, user_id: UserId) -> UserSettingsChanged {
        UserSettingsChanged {
            user_id,
            show_my_karma_to_me: self.show_my_karma_to_me,
            share_reputation: self.share_reputation,
            show_connection_path: self.show_connection_path,
            show_who_invited_me: self.show_who_invited_me,
            show_who_i_invited: self.show_who_i_invited,
            timezone: self.timezone.map(|it| it.name().to_owned()),
            locale: self.locale.as_ref().map(|it| it.as_str().to_owned()),
        }
    }
}

impl Settings {
    pub(super) fn fold(&mut self, event: &UserSettingsChanged) {
        let set = |field: &mut bool, new: Option<bool>| *field = new.unwrap_or(*field);
        set(&mut self.show_my_karma_to_me, event.show_my_karma_to_me);
        set(&mut self.share_reputation, event.share_reputation);
        set(&mut self.show_connection_path, event.show_connection_path);
        set(&mut self.show_who_invited_me, event.show_who_invited_me);
        set(&mut self.show_who_i_invited, event.show_who_i_invited);
        if let Some(timezone) = &event.timezone {
            self.timezone.clone_from(timezone);
        }
        if event.locale.is_some() {
            self.locale.clone_from(&event.locale);
        }
    }

    /// The event without what is already so.
    fn changes_in(&self, wanted: UserSettingsChanged) -> UserSettingsChanged {
        UserSettingsChanged {
            user_id: wanted.user_id,
            show_my_karma_to_me: wanted.show_my_karma_to_me.filter(|it| *it != self.show_my_karma_to_me),
            share_reputation: wanted.share_reputation.filter(|it| *it != self.share_reputation),
            show_connection_path: wanted.show_connection_path.filter(|it| *it != self.show_connection_path),
            show_who_invited_me: wanted.show_who_invited_me.filter(|it| *it != self.show_who_invited_me),
            show_who_i_invited: wanted.show_who_i_invited.filter(|it| *it != self.show_who_i_invited),
            timezone: wanted.timezone.filter(|it| *it != self.timezone),
            locale: wanted.locale.filter(|it| Some(it) != self.locale.as_ref()),
        }
    }
}

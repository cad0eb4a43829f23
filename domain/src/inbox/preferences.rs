//! How a person wants to be told: global switches, switches per type, and switches per type in one community.

use std::collections::BTreeMap;
use std::fmt;

use event_schemas::notification::{NotificationEvent, NotificationPreferencesChanged};
use event_schemas::{CommunityId, UserId};
use serde::{Deserialize, Serialize};

use super::{Channel, Kind, Rejection, State, Switches};
use crate::Patch;
use crate::text::Fault;
use crate::user::Timezone;

/// A time of day, HH:MM.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LocalTime {
    hour: u8,
    minute: u8,
}

impl LocalTime {
    /// Reads HH:MM from 00:00 to 23:59.
    ///
    /// # Errors
    /// The [`Fault`] when it is none.
    pub fn parse(raw: &str) -> Result<Self, Fault> {
        let two_digits = |text: &str| {
            let plain = text.len() == 2 && text.bytes().all(|it| it.is_ascii_digit());
            text.parse::<u8>().ok().filter(|_| plain)
        };
        let (hour, minute) = raw.trim().split_once(':').unwrap_or_default();
        match (two_digits(hour), two_digits(minute)) {
            (Some(hour @ 0..=23), Some(minute @ 0..=59)) => Ok(Self { hour, minute }),
            _ => Err(Fault::Malformed("a time of day, as in 22:00")),
        }
    }
}

impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.hour, self.minute)
    }
}

impl fmt::Debug for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Choose channels for everything; what is absent stays as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct SetGlobalPreferences {
    /// Whose inbox.
    pub user_id: UserId,
    /// Who asks.
    pub by: UserId,
    /// `inAppEnabled`, `pushEnabled`, `emailEnabled`.
    pub switches: Switches,
    /// One mail a day instead of single ones.
    pub email_digest: Option<bool>,
    /// When push and mail start to wait.
    pub quiet_hours_start: Patch<LocalTime>,
    /// When they go out again.
    pub quiet_hours_end: Patch<LocalTime>,
    /// Where the day is counted.
    pub timezone: Option<Timezone>,
}

/// Choose channels for one type of notice; null leaves the decision to what is more general.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetPreference {
    /// Whose inbox.
    pub user_id: UserId,
    /// Who asks.
    pub by: UserId,
    /// The type.
    pub kind: Kind,
    /// Only for notices of this community.
    pub community_id: Option<CommunityId>,
    /// The inbox itself.
    pub in_app: Patch<bool>,
    /// Push.
    pub push: Patch<bool>,
    /// Mail.
    pub email: Patch<bool>,
}

/// All that a person chose.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preferences {
    /// For everything.
    pub global: Switches,
    /// One mail a day instead of single ones.
    pub email_digest: bool,
    /// Start of the quiet hours, HH:MM.
    pub quiet_hours_start: Option<String>,
    /// End of the quiet hours, HH:MM.
    pub quiet_hours_end: Option<String>,
    /// Where the day is counted; IANA name.
    pub timezone: Option<String>,
    /// For one type, everywhere or in one community.
    by_type: BTreeMap<(Kind, Option<CommunityId>), Switches>,
}

impl Preferences {
    /// The switches for a type, everywhere or in one community.
    #[must_use]
    pub fn of(&self, kind: Kind, community: Option<CommunityId>) -> Switches {
        self.by_type.get(&(kind, community)).copied().unwrap_or_default()
    }

    pub(super) fn fold(&mut self, event: &NotificationPreferencesChanged) {
        match event.r#type.as_deref().map(Kind::named) {
            None => self.fold_global(event),
            Some(Some(kind)) => {
                fold_switches(self.by_type.entry((kind, event.community_id)).or_default(), event)
            }
            // A type that this code does not know: nothing here ever raises it.
            Some(None) => {}
        }
    }

    fn fold_global(&mut self, event: &NotificationPreferencesChanged) {
        fold_switches(&mut self.global, event);
        self.email_digest = event.email_digest.unwrap_or(self.email_digest);
        let cleared = |field: &str| event.cleared.iter().any(|it| it == field);
        if event.quiet_hours_start.is_some() || cleared("quietHoursStart") {
            self.quiet_hours_start.clone_from(&event.quiet_hours_start);
        }
        if event.quiet_hours_end.is_some() || cleared("quietHoursEnd") {
            self.quiet_hours_end.clone_from(&event.quiet_hours_end);
        }
        if event.timezone.is_some() {
            self.timezone.clone_from(&event.timezone);
        }
    }
}

impl State {
    pub(super) fn set_global_preferences(
        &self,
        set: &SetGlobalPreferences,
    ) -> Result<Vec<NotificationEvent>, Rejection> {
        only_for(set.user_id, set.by)?;
        if set.names_nothing() {
            return Err(Rejection::NothingToChange);
        }
        let now = &self.preferences;
        let mut event = unchanged(set.user_id);
        for channel in Channel::ALL {
            let wanted = set.switches.of(channel).filter(|it| now.global.of(channel) != Some(*it));
            *event_slot(&mut event, channel) = wanted;
        }
        event.email_digest = set.email_digest.filter(|it| *it != now.email_digest);
        event.timezone =
            set.timezone.map(|it| it.name().to_owned()).filter(|it| now.timezone.as_ref() != Some(it));
        let mut quiet = |field: &str, patch: Patch<LocalTime>, before: &Option<String>| {
            if matches!(patch, Patch::Clear) && before.is_some() {
                event.cleared.push(field.to_owned());
            }
            patch.value().map(ToString::to_string).filter(|it| before.as_ref() != Some(it))
        };
        let start = quiet("quietHoursStart", set.quiet_hours_start, &now.quiet_hours_start);
        let end = quiet("quietHoursEnd", set.quiet_hours_end, &now.quiet_hours_end);
        (event.quiet_hours_start, event.quiet_hours_end) = (start, end);
        Ok(if event == unchanged(set.user_id) { vec![] } else { vec![event.into()] })
    }

    pub(super) fn set_preference(&self, set: &SetPreference) -> Result<Vec<NotificationEvent>, Rejection> {
        only_for(set.user_id, set.by)?;
        let wanted = [set.in_app, set.push, set.email];
        if !wanted.iter().any(Patch::is_named) {
            return Err(Rejection::NothingToChange);
        }
        if set.kind.required() && set.in_app == Patch::Set(false) {
            return Err(Rejection::RequiredType(set.kind));
        }
        let before = self.preferences.of(set.kind, set.community_id);
        let nothing = NotificationPreferencesChanged {
            r#type: Some(set.kind.name().to_owned()),
            community_id: set.community_id,
            ..unchanged(set.user_id)
        };
        let mut event = nothing.clone();
        for (channel, patch) in Channel::ALL.into_iter().zip(wanted) {
            let before = before.of(channel);
            if patch == Patch::Clear && before.is_some() {
                event.cleared.push(channel.switch().to_owned());
            }
            *event_slot(&mut event, channel) = patch.value().copied().filter(|it| before != Some(*it));
        }
        Ok(if event == nothing { vec![] } else { vec![event.into()] })
    }
}

impl SetGlobalPreferences {
    fn names_nothing(&self) -> bool {
        self.switches == Switches::default()
            && self.email_digest.is_none()
            && !self.quiet_hours_start.is_named()
            && !self.quiet_hours_end.is_named()
            && self.timezone.is_none()
    }
}

fn only_for(owner: UserId, by: UserId) -> Result<(), Rejection> {
    if by == owner { Ok(()) } else { Err(Rejection::NotYourself) }
}

/// The event that changes nothing.
const fn unchanged(user_id: UserId) -> NotificationPreferencesChanged {
    NotificationPreferencesChanged {
        user_id,
        r#type: None,
        community_id: None,
        in_app: None,
        push: None,
        email: None,
        email_digest: None,
        quiet_hours_start: None,
        quiet_hours_end: None,
        timezone: None,
        cleared: Vec::new(),
    }
}

fn event_slot(event: &mut NotificationPreferencesChanged, channel: Channel) -> &mut Option<bool> {
    match channel {
        Channel::InApp => &mut event.in_app,
        Channel::Push => &mut event.push,
        Channel::Email => &mut event.email,
    }
}

fn fold_switches(switches: &mut Switches, event: &NotificationPreferencesChanged) {
    let said = Switches { in_app: event.in_app, push: event.push, email: event.email };
    for channel in Channel::ALL {
        if said.of(channel).is_some() || event.cleared.iter().any(|it| it == channel.switch()) {
            *switches.slot(channel) = said.of(channel);
        }
    }
}

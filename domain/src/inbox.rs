//! Inbox: what one person is told, on which channels, and what they have read.
//!
//! An inbox lives from its first command on. Other domains only ask to raise a notification; whether that tells anything
//! new, and where, is decided here by the recipient's own preferences. Items: unread → read → gone by deletion, expiry or
//! purge.

mod channels;
mod items;
mod kinds;
mod preferences;
mod raising;
mod reading;
mod rejection;

#[cfg(test)]
mod tests;

use event_schemas::notification::{NotificationCommand, NotificationEvent, RaiseNotification};
use event_schemas::{CommunityId, NotificationId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::views::{Lagging, Views};
use crate::{Aggregate, Meta, Timer};

pub use channels::{Channel, Switches};
pub use items::{Item, Items};
pub use kinds::{Kind, Offer, Part, Priority};
pub use preferences::{LocalTime, Preferences, SetGlobalPreferences, SetPreference};
pub use rejection::Rejection;

/// What decisions need to know of a person's inbox.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// What the person was told and has not deleted, until it is purged.
    pub items: Items,
    /// How the person wants to be told.
    pub preferences: Preferences,
}

/// What can be asked of an inbox.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Tell something; from a policy.
    RaiseNotification(Box<Raise>),
    /// One item was read.
    MarkRead(MarkRead),
    /// All items were read.
    MarkAllRead(MarkAllRead),
    /// Remove an item.
    DeleteNotification(DeleteNotification),
    /// Choose channels for everything.
    SetGlobalPreferences(Box<SetGlobalPreferences>),
    /// Choose channels for one type of notice.
    SetPreference(SetPreference),
    /// Items past their life are due to be removed; from the timer.
    Purge(Purge),
}

/// Tell something, with what the views know of the recipient.
#[derive(Clone, Debug, PartialEq)]
pub struct Raise {
    /// What is told, to whom.
    pub notice: RaiseNotification,
    /// Whether the recipient's account is active.
    pub active: bool,
    /// Id of the item, should there be one.
    pub notification_id: NotificationId,
}

/// One item was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkRead {
    /// Whose inbox; the caller's own.
    pub user_id: UserId,
    /// The item.
    pub notification_id: NotificationId,
}

/// All items were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkAllRead {
    /// Whose inbox.
    pub user_id: UserId,
    /// Who asks.
    pub by: UserId,
}

/// Remove an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeleteNotification {
    /// Whose inbox; the caller's own.
    pub user_id: UserId,
    /// The item.
    pub notification_id: NotificationId,
}

/// Items past their life are due to be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purge {
    /// Whose inbox.
    pub user_id: UserId,
}

impl Command {
    /// Completes a policy's command with the recipient's account; `fresh` becomes the id of the item.
    ///
    /// # Errors
    /// [`Lagging`] when the view does not know the recipient. Whoever is unknown at the end of the topic is told nothing.
    pub fn complete(wire: &NotificationCommand, views: &dyn Views, fresh: Uuid) -> Result<Self, Lagging> {
        match wire {
            NotificationCommand::RaiseNotification(notice) => {
                let recipient = views.user(notice.user_id).ok_or(Lagging::behind_or_void("users"))?;
                let notification_id = NotificationId::new(fresh);
                let raise = Raise { notice: notice.clone(), active: recipient.active, notification_id };
                Ok(Self::RaiseNotification(Box::new(raise)))
            }
        }
    }
}

impl Aggregate for State {
    type Command = Command;
    type Event = NotificationEvent;
    type Rejection = Rejection;

    fn decide(&self, command: &Command, now: Timestamp) -> Result<Vec<NotificationEvent>, Rejection> {
        match command {
            Command::RaiseNotification(raise) => Ok(self.raise(raise, now)),
            Command::MarkRead(mark) => self.mark_read(mark, now),
            Command::MarkAllRead(mark) => self.mark_all_read(mark, now),
            Command::DeleteNotification(delete) => self.delete(delete, now),
            Command::SetGlobalPreferences(set) => self.set_global_preferences(set),
            Command::SetPreference(set) => self.set_preference(set),
            Command::Purge(purge) => Ok(self.purge(purge, now)),
        }
    }

    fn evolve(&mut self, event: &NotificationEvent, meta: Meta) {
        match event {
            NotificationEvent::NotificationRaised(event) => self.items.raised(event, meta),
            NotificationEvent::NotificationRead(event) => self.items.read(event.notification_id),
            NotificationEvent::NotificationsRead(event) => self.items.all_read(event.up_to_at),
            NotificationEvent::NotificationDeleted(event) => self.items.removed(&[event.notification_id]),
            NotificationEvent::NotificationsPurged(event) => self.items.removed(&event.ids),
            NotificationEvent::NotificationPreferencesChanged(event) => self.preferences.fold(event),
            // The channels are part of the item since it was raised.
            NotificationEvent::NotificationSent(_) => {}
        }
    }

    fn timer(&self) -> Option<Timer<Command>> {
        self.items.timer()
    }

    fn community_of(&self, event: &NotificationEvent) -> Option<CommunityId> {
        match event {
            NotificationEvent::NotificationRaised(event) => event.community_id,
            NotificationEvent::NotificationPreferencesChanged(event) => event.community_id,
            NotificationEvent::NotificationSent(_)
            | NotificationEvent::NotificationRead(_)
            | NotificationEvent::NotificationsRead(_)
            | NotificationEvent::NotificationDeleted(_)
            | NotificationEvent::NotificationsPurged(_) => None,
        }
    }
}

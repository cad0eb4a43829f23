//! What a person was told: the items of an inbox, by id.

use chrono::TimeDelta;
use event_schemas::notification::NotificationRaised;
use event_schemas::{EventId, NotificationId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Command, Purge};
use crate::growing::{Map, Set};
use crate::{Meta, Timer};

/// How long an item that is past its life is kept, hidden.
const PURGE_WINDOW: TimeDelta = TimeDelta::days(7);

/// The param that keeps what tells notices of one subject apart, where there is such a thing.
pub(super) const PART: &str = "causeId";

/// The items that are neither deleted nor purged.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Items {
    of: Map<NotificationId, Item>,
    /// The latest item that tells a thing.
    telling: Map<Identity, NotificationId>,
    /// Items by the end of their lives.
    ends: Set<(Timestamp, NotificationId)>,
}

/// One item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// What it tells.
    pub identity: Identity,
    /// Whose it is.
    pub recipient: UserId,
    /// Whether it is stored in the inbox, or went out by other channels only.
    pub in_app: bool,
    /// Whether it was read.
    pub read: bool,
    /// How many facts are collapsed into it.
    pub count: i32,
    /// When it was raised, the last time.
    pub raised_at: Timestamp,
    /// When its life is over.
    pub expires_at: Timestamp,
    armed_by: EventId,
}

/// What a notice tells: its type, its subject and what tells it apart from others about the same, as one number, so that
/// an inbox of thousands stays small.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Identity(Uuid);

impl Identity {
    /// The identity of a notice. `part` is none where there is one notice per subject.
    #[must_use]
    pub fn of(kind: &str, subject_type: &str, subject_id: &str, part: Option<&str>) -> Self {
        let name = [kind, subject_type, subject_id, part.unwrap_or_default()].join("\n");
        Self(Uuid::new_v5(&Uuid::nil(), name.as_bytes()))
    }
}

impl Item {
    /// Whether its life is not over.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }

    /// Whether it counts as unread.
    #[must_use]
    pub fn is_unread(&self, now: Timestamp) -> bool {
        self.in_app && !self.read && self.is_live(now)
    }

    fn purge_at(&self) -> Timestamp {
        self.expires_at + PURGE_WINDOW
    }
}

impl Items {
    /// The stored item with this id, while its life lasts.
    #[must_use]
    pub fn get(&self, id: NotificationId, now: Timestamp) -> Option<&Item> {
        self.of.get(&id).filter(|it| it.in_app && it.is_live(now))
    }

    /// The live item that tells this; the latest, should there be several.
    #[must_use]
    pub fn telling(&self, identity: Identity, now: Timestamp) -> Option<(NotificationId, &Item)> {
        let id = *self.telling.get(&identity)?;
        self.of.get(&id).filter(|it| it.is_live(now)).map(|item| (id, item))
    }

    /// How many items are unread.
    #[must_use]
    pub fn unread(&self, now: Timestamp) -> usize {
        self.of.values().filter(|it| it.is_unread(now)).count()
    }

    /// The items that are due to be purged.
    pub(super) fn past(&self, now: Timestamp) -> Vec<NotificationId> {
        self.ends.iter().take_while(|(end, _)| *end + PURGE_WINDOW <= now).map(|(_, id)| *id).collect()
    }

    pub(super) fn timer(&self) -> Option<Timer<Command>> {
        let (_, id) = self.ends.first()?;
        let next = self.of.get(id)?;
        let command = Command::Purge(Purge { user_id: next.recipient });
        Some(Timer { due: next.purge_at(), kind: "purge", armed_by: next.armed_by, command })
    }

    pub(super) fn raised(&mut self, event: &NotificationRaised, meta: Meta) {
        let part = event.params.get(PART).map(String::as_str);
        let item = Item {
            identity: Identity::of(&event.r#type, &event.subject_type, &event.subject_id, part),
            recipient: event.user_id,
            in_app: event.channels.iter().any(|it| it == "in_app"),
            read: false,
            count: event.count,
            raised_at: meta.at,
            expires_at: event.expires_at,
            armed_by: meta.event_id,
        };
        self.removed(&[event.notification_id]);
        self.telling.insert_mut(item.identity, event.notification_id);
        self.ends.insert_mut((item.expires_at, event.notification_id));
        self.of.insert_mut(event.notification_id, item);
    }

    pub(super) fn read(&mut self, id: NotificationId) {
        if let Some(item) = self.of.get_mut(&id) {
            item.read = true;
        }
    }

    pub(super) fn all_read(&mut self, up_to: Timestamp) {
        let unread = self.of.iter().filter(|(_, it)| !it.read && it.raised_at <= up_to);
        for id in unread.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.read(id);
        }
    }

    pub(super) fn removed(&mut self, ids: &[NotificationId]) {
        for id in ids {
            let Some(item) = self.of.get(id) else { continue };
            self.ends.remove_mut(&(item.expires_at, *id));
            if self.telling.get(&item.identity) == Some(id) {
                self.telling.remove_mut(&item.identity);
            }
            self.of.remove_mut(id);
        }
    }
}

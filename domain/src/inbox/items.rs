//! What a person was told: the items of an inbox, by id.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use event_schemas::notification::NotificationRaised;
use event_schemas::{EventId, NotificationId, Timestamp, UserId};
use uuid::Uuid;

use super::{Command, Purge};
use crate::{Meta, Timer};

/// How long an item that is past its life is kept, hidden.
const PURGE_WINDOW: TimeDelta = TimeDelta::days(7);

/// The param that keeps what tells notices of one subject apart, where there is such a thing.
pub(super) const PART: &str = "causeId";

/// The items that are neither deleted nor purged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Items(BTreeMap<NotificationId, Item>);

/// One item.
#[derive(Clone, Debug, PartialEq)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
        self.0.get(&id).filter(|it| it.in_app && it.is_live(now))
    }

    /// The live item that tells this.
    #[must_use]
    pub fn telling(&self, identity: Identity, now: Timestamp) -> Option<(NotificationId, &Item)> {
        let told = self.0.iter().find(|(_, it)| it.identity == identity && it.is_live(now));
        told.map(|(id, item)| (*id, item))
    }

    /// How many items are unread.
    #[must_use]
    pub fn unread(&self, now: Timestamp) -> usize {
        self.0.values().filter(|it| it.is_unread(now)).count()
    }

    /// The items that are due to be purged.
    pub(super) fn past(&self, now: Timestamp) -> Vec<NotificationId> {
        self.0.iter().filter(|(_, it)| it.purge_at() <= now).map(|(id, _)| *id).collect()
    }

    pub(super) fn timer(&self) -> Option<Timer<Command>> {
        let next = self.0.values().min_by_key(|it| it.expires_at)?;
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
        self.0.insert(event.notification_id, item);
    }

    pub(super) fn read(&mut self, id: NotificationId) {
        if let Some(item) = self.0.get_mut(&id) {
            item.read = true;
        }
    }

    pub(super) fn all_read(&mut self, up_to: Timestamp) {
        for item in self.0.values_mut().filter(|it| it.raised_at <= up_to) {
            item.read = true;
        }
    }

    pub(super) fn removed(&mut self, ids: &[NotificationId]) {
        self.0.retain(|id, _| !ids.contains(id));
    }
}

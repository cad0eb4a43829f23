//! `notifications`: inbox items, preferences and deliveries. Items hold ids, never text.

use event_schemas::notification::{
    NotificationEvent, NotificationPreferencesChanged, NotificationRaised, NotificationSent,
};
use event_schemas::{CommunityId, Event, NotificationId, Timestamp, UserId};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{change_or_clear, uuid};
use crate::projection::{Fact, Interest, Projection, Unfoldable};
use crate::row::row;
use crate::table::{AnyTable, Table};

/// The channel that is delivered by being stored.
const IN_APP: &str = "in_app";

/// All channels.
const CHANNELS: [&str; 3] = [IN_APP, "push", "email"];

row! {
    /// An item of an inbox. What changes whole inboxes changes unread items alone, and a batch does not load more: an inbox
    /// grows, what is unread in it does not.
    struct Notification in "notifications.notifications" (id: NotificationId) by user_id where "NOT read" {
        user_id: UserId,
        r#type: String,
        priority: String,
        subject_type: String,
        subject_id: Uuid,
        actor_id: Option<UserId>,
        community_id: Option<CommunityId>,
        params: Value,
        action_url: String,
        read: bool,
        count: i32,
        created_at: Timestamp,
        read_at: Option<Timestamp>,
        expires_at: Timestamp,
        position: String,
        position_offset: i64,
        version: i64,
    }
}

row! {
    /// Channels for one type of notice, everywhere or in one community.
    struct Preference in "notifications.preferences" (user_id: UserId, community_id: Option<CommunityId>, r#type: String) {
        in_app: Option<bool>,
        push: Option<bool>,
        email: Option<bool>,
        version: i64,
    }
}

row! {
    /// Channels for everything, and when to be quiet.
    struct GlobalPreference in "notifications.global_preferences" (user_id: UserId) {
        in_app: Option<bool>,
        push: Option<bool>,
        email: Option<bool>,
        email_digest: Option<bool>,
        quiet_hours_start: Option<String>,
        quiet_hours_end: Option<String>,
        timezone: Option<String>,
        version: i64,
    }
}

row! {
    /// An item on one channel.
    struct Delivery in "notifications.deliveries" (notification_id: NotificationId, channel: String) {
        user_id: UserId,
        status: String,
        attempts: i32,
        code: Option<String>,
        at: Timestamp,
    }
}

/// The projection.
#[derive(Debug, Default)]
pub(crate) struct Notifications {
    pub(super) notifications: Table<Notification>,
    pub(super) preferences: Table<Preference>,
    pub(super) global_preferences: Table<GlobalPreference>,
    pub(super) deliveries: Table<Delivery>,
}

impl Projection for Notifications {
    fn interest(&self, _event_type: &str) -> Interest {
        Interest::Facts
    }

    fn fold(&mut self, fact: &Fact) -> Result<(), Unfoldable> {
        let Event::Notification(event) = &fact.event else { return Ok(()) };
        let version = fact.envelope.aggregate_version;
        match event {
            NotificationEvent::NotificationRaised(it) => self.raised(it, fact)?,
            NotificationEvent::NotificationSent(it) => self.sent(it, fact.envelope.timestamp),
            NotificationEvent::NotificationRead(it) => {
                if let Some(item) = self.notifications.get(&it.notification_id) {
                    mark_read(item, it.read_at, version);
                }
            }
            NotificationEvent::NotificationsRead(it) => {
                self.notifications.each_of(it.user_id.uuid(), |item| {
                    if item.created_at <= it.up_to_at {
                        mark_read(item, fact.envelope.timestamp, version);
                    }
                });
            }
            NotificationEvent::NotificationDeleted(it) => self.remove(it.notification_id),
            NotificationEvent::NotificationsPurged(it) => it.ids.iter().for_each(|id| self.remove(*id)),
            NotificationEvent::NotificationPreferencesChanged(it) => match &it.r#type {
                Some(r#type) => self.preference_changed(it, r#type, version),
                None => self.global_preferences_changed(it, version),
            },
        }
        Ok(())
    }

    fn tables(&mut self) -> Vec<&mut dyn AnyTable> {
        vec![
            &mut self.notifications,
            &mut self.preferences,
            &mut self.global_preferences,
            &mut self.deliveries,
        ]
    }
}

impl Notifications {
    /// Raised again with the same id, an item is collapsed: unread once more, with a new time and place.
    fn raised(&mut self, it: &NotificationRaised, fact: &Fact) -> Result<(), Unfoldable> {
        let at = fact.envelope.timestamp;
        let subject_id = uuid(&it.subject_id, "NotificationRaised", "subjectId")?;
        for channel in &it.channels {
            self.deliver(it.notification_id, it.user_id, channel, "pending", 0, at);
        }
        if !it.channels.iter().any(|channel| channel == IN_APP) {
            return Ok(());
        }
        self.notifications.put(Notification {
            id: it.notification_id,
            user_id: it.user_id,
            r#type: it.r#type.clone(),
            priority: it.priority.clone(),
            subject_type: it.subject_type.clone(),
            subject_id,
            actor_id: it.actor_id,
            community_id: it.community_id,
            params: json!(it.params),
            action_url: it.action_url.clone(),
            read: false,
            count: it.count,
            created_at: at,
            read_at: None,
            expires_at: it.expires_at,
            position: fact.position.to_string(),
            position_offset: fact.position.offset,
            version: fact.envelope.aggregate_version,
        });
        Ok(())
    }

    fn sent(&mut self, it: &NotificationSent, at: Timestamp) {
        self.deliver(it.notification_id, it.user_id, &it.channel, "sent", it.attempt, at);
    }

    fn deliver(
        &mut self,
        notification_id: NotificationId,
        user_id: UserId,
        channel: &str,
        status: &str,
        attempts: i32,
        at: Timestamp,
    ) {
        self.deliveries.put(Delivery {
            notification_id,
            channel: channel.to_owned(),
            user_id,
            status: status.to_owned(),
            attempts,
            code: None,
            at,
        });
    }

    fn remove(&mut self, id: NotificationId) {
        self.notifications.remove(&id);
        for channel in CHANNELS {
            self.deliveries.remove(&(id, channel.to_owned()));
        }
    }

    fn preference_changed(&mut self, it: &NotificationPreferencesChanged, r#type: &str, version: i64) {
        let key = (it.user_id, it.community_id, r#type.to_owned());
        let mut preference = self.preferences.get(&key).cloned().unwrap_or_else(|| Preference {
            user_id: it.user_id,
            community_id: it.community_id,
            r#type: r#type.to_owned(),
            in_app: None,
            push: None,
            email: None,
            version,
        });
        change_or_clear(&mut preference.in_app, it.in_app.as_ref(), "inApp", &it.cleared);
        change_or_clear(&mut preference.push, it.push.as_ref(), "push", &it.cleared);
        change_or_clear(&mut preference.email, it.email.as_ref(), "email", &it.cleared);
        preference.version = version;
        self.preferences.put(preference);
    }

    fn global_preferences_changed(&mut self, it: &NotificationPreferencesChanged, version: i64) {
        let mut global = self.global_preferences.get(&it.user_id).cloned().unwrap_or(GlobalPreference {
            user_id: it.user_id,
            in_app: None,
            push: None,
            email: None,
            email_digest: None,
            quiet_hours_start: None,
            quiet_hours_end: None,
            timezone: None,
            version,
        });
        change_or_clear(&mut global.in_app, it.in_app.as_ref(), "inApp", &it.cleared);
        change_or_clear(&mut global.push, it.push.as_ref(), "push", &it.cleared);
        change_or_clear(&mut global.email, it.email.as_ref(), "email", &it.cleared);
        change_or_clear(&mut global.email_digest, it.email_digest.as_ref(), "emailDigest", &it.cleared);
        change_or_clear(
            &mut global.quiet_hours_start,
            it.quiet_hours_start.as_ref(),
            "quietHoursStart",
            &it.cleared,
        );
        change_or_clear(
            &mut global.quiet_hours_end,
            it.quiet_hours_end.as_ref(),
            "quietHoursEnd",
            &it.cleared,
        );
        change_or_clear(&mut global.timezone, it.timezone.as_ref(), "timezone", &it.cleared);
        global.version = version;
        self.global_preferences.put(global);
    }
}

/// Marks an item as read, once.
fn mark_read(item: &mut Notification, at: Timestamp, version: i64) {
    if !item.read {
        item.read = true;
        item.read_at = Some(at);
        item.version = version;
    }
}

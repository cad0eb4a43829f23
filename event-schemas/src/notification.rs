//! Payloads of `notification-events` and `notification-commands`: inboxes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::catalog::payloads;
use crate::{CommunityId, NotificationId, SealedFields, Timestamp, UserId};

payloads! {
    /// Facts, as they stand on `notification-events`.
    NotificationEvent: Event of Notification in "notification" {
        NotificationRaised(Inbox, "notification", ["notification_raised"], Public, ["v1"]);
        NotificationSent(Inbox, "notification", ["notification_sent"], Public, ["v1"]);
        NotificationRead(Inbox, "notification", ["notification_read"], Public, ["v1"]);
        NotificationsRead(Inbox, "notifications", [], Public, ["v1"]);
        NotificationDeleted(Inbox, "notification", [], Public, ["v1"]);
        NotificationsPurged(Inbox, "notifications", [], Public, ["v1"]);
        NotificationPreferencesChanged(Inbox, "notification_preferences", [], Public, ["v1"]);
    }
}

payloads! {
    /// Commands that policies send, as they stand on `notification-commands`.
    NotificationCommand: Command of Notification in "notification" {
        RaiseNotification(Inbox, "notification", [], Public, ["v1"]);
    }
}

/// Someone is told something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NotificationRaised {
    /// The item.
    pub notification_id: NotificationId,
    /// The recipient.
    pub user_id: UserId,
    /// Type of notice, as in `match_accepted`.
    pub r#type: String,
    /// Priority: `low`, `medium`, `high`, `critical`.
    pub priority: String,
    /// Kind of thing that it is about.
    pub subject_type: String,
    /// UUID of the thing.
    pub subject_id: String,
    /// The person who caused it.
    #[serde(default)]
    pub actor_id: Option<UserId>,
    /// The community that it concerns.
    #[serde(default)]
    pub community_id: Option<CommunityId>,
    /// Ids, numbers and closed values; never personal text.
    pub params: BTreeMap<String, String>,
    /// How many facts are collapsed into it, from 1.
    pub count: i32,
    /// Of `in_app`, push, email.
    pub channels: Vec<String>,
    /// Path that a client opens.
    pub action_url: String,
    /// When held push and mail go out (quiet hours).
    #[serde(default)]
    pub due_at: Option<Timestamp>,
    /// When it is hidden.
    pub expires_at: Timestamp,
}

impl SealedFields for NotificationRaised {}

/// A channel took it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NotificationSent {
    /// The item.
    pub notification_id: NotificationId,
    /// The recipient.
    pub user_id: UserId,
    /// The channel: `in_app`, `push`, `email`.
    pub channel: String,
    /// The type of notice.
    pub template: String,
    /// Kind of thing that it is about.
    pub subject_type: String,
    /// UUID of the thing.
    pub subject_id: String,
    /// Attempt, from 1.
    pub attempt: i32,
    /// The provider's own reference.
    #[serde(default)]
    pub provider_ref: Option<String>,
}

impl SealedFields for NotificationSent {}

/// One item was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NotificationRead {
    /// The recipient.
    pub user_id: UserId,
    /// The item.
    pub notification_id: NotificationId,
    /// When.
    pub read_at: Timestamp,
}

impl SealedFields for NotificationRead {}

/// All items up to a time were read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NotificationsRead {
    /// The recipient.
    pub user_id: UserId,
    /// Items raised until then are read.
    pub up_to_at: Timestamp,
    /// How many were unread.
    pub count: i32,
}

impl SealedFields for NotificationsRead {}

/// One item was deleted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NotificationDeleted {
    /// The recipient.
    pub user_id: UserId,
    /// The item.
    pub notification_id: NotificationId,
}

impl SealedFields for NotificationDeleted {}

/// Items past their life were removed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NotificationsPurged {
    /// The recipient.
    pub user_id: UserId,
    /// The items.
    pub ids: Vec<NotificationId>,
    /// Why: `expired`.
    pub reason: String,
}

impl SealedFields for NotificationsPurged {}

/// Preferences were changed; holds changed fields only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NotificationPreferencesChanged {
    /// The user.
    pub user_id: UserId,
    /// The type of notice that the three channel switches are for; null for the global ones.
    #[serde(default)]
    pub r#type: Option<String>,
    /// The community that the switches are limited to.
    #[serde(default)]
    pub community_id: Option<CommunityId>,
    /// Stored and streamed or not.
    #[serde(default)]
    pub in_app: Option<bool>,
    /// Pushed to devices or not.
    #[serde(default)]
    pub push: Option<bool>,
    /// Mailed or not.
    #[serde(default)]
    pub email: Option<bool>,
    /// One mail a day instead of single ones.
    #[serde(default)]
    pub email_digest: Option<bool>,
    /// Local time HH:MM.
    #[serde(default)]
    pub quiet_hours_start: Option<String>,
    /// Local time HH:MM.
    #[serde(default)]
    pub quiet_hours_end: Option<String>,
    /// IANA name.
    #[serde(default)]
    pub timezone: Option<String>,
    /// Names of preferences that became null.
    #[serde(default)]
    pub cleared: Vec<String>,
}

impl SealedFields for NotificationPreferencesChanged {}

/// Tell this user something, as their preferences say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RaiseNotification {
    /// The recipient.
    pub user_id: UserId,
    /// Type of notice.
    pub r#type: String,
    /// Priority: `low`, `medium`, `high`, `critical`.
    pub priority: String,
    /// Kind of thing that it is about.
    pub subject_type: String,
    /// UUID of the thing.
    pub subject_id: String,
    /// What tells notices of one subject apart: the causing event's id; null where there is one per subject.
    #[serde(default)]
    pub part: Option<String>,
    /// The person who caused it.
    #[serde(default)]
    pub actor_id: Option<UserId>,
    /// The community that it concerns.
    #[serde(default)]
    pub community_id: Option<CommunityId>,
    /// Ids, numbers and closed values.
    pub params: BTreeMap<String, String>,
    /// Path that a client opens.
    pub action_url: String,
    /// Life of the item in days, 1-365, by the community's settings at that time.
    pub ttl_days: i32,
}

impl SealedFields for RaiseNotification {}

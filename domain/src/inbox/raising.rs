//! Whether a notice tells anything new, and on which channels.

use chrono::TimeDelta;
use event_schemas::notification::{
    NotificationEvent, NotificationRaised, NotificationSent, RaiseNotification,
};
use event_schemas::{NotificationId, Timestamp};

use super::items::{Identity, PART};
use super::{Channel, Kind, Raise, State};

impl State {
    pub(super) fn raise(&self, raise: &Raise, now: Timestamp) -> Vec<NotificationEvent> {
        let notice = &raise.notice;
        let Some(kind) = Kind::named(&notice.r#type).filter(|_| raise.active) else { return vec![] };
        let channels = self.preferences.channels(kind, notice.community_id);
        if channels.is_empty() {
            return vec![];
        }
        let Some((notification_id, count)) = self.place(kind, raise, now) else { return vec![] };
        let raised = raised(notice, notification_id, count, &channels, now);
        if !channels.contains(&Channel::InApp) {
            return vec![raised.into()];
        }
        // The inbox is its own delivery: what is stored is sent.
        let sent = NotificationSent {
            notification_id,
            user_id: notice.user_id,
            channel: Channel::InApp.name().to_owned(),
            template: notice.r#type.clone(),
            subject_type: notice.subject_type.clone(),
            subject_id: notice.subject_id.clone(),
            attempt: 1,
            provider_ref: None,
        };
        vec![raised.into(), sent.into()]
    }

    /// Under which id the notice is told, and how many facts that makes; none when it was told before.
    fn place(&self, kind: Kind, raise: &Raise, now: Timestamp) -> Option<(NotificationId, i32)> {
        let notice = &raise.notice;
        let part = notice.part.as_deref().filter(|_| !kind.collapses());
        let identity = Identity::of(&notice.r#type, &notice.subject_type, &notice.subject_id, part);
        match self.items.telling(identity, now) {
            Some((id, unread)) if kind.collapses() && unread.is_unread(now) => Some((id, unread.count + 1)),
            Some(_) if !kind.collapses() => None,
            Some(_) | None => Some((raise.notification_id, 1)),
        }
    }
}

fn raised(
    notice: &RaiseNotification,
    notification_id: NotificationId,
    count: i32,
    channels: &[Channel],
    now: Timestamp,
) -> NotificationRaised {
    let mut params = notice.params.clone();
    let collapses = Kind::named(&notice.r#type).is_some_and(Kind::collapses);
    if let Some(part) = notice.part.as_ref().filter(|_| !collapses) {
        params.insert(PART.to_owned(), part.clone());
    }
    NotificationRaised {
        notification_id,
        user_id: notice.user_id,
        r#type: notice.r#type.clone(),
        priority: notice.priority.clone(),
        subject_type: notice.subject_type.clone(),
        subject_id: notice.subject_id.clone(),
        actor_id: notice.actor_id,
        community_id: notice.community_id,
        params,
        count,
        channels: channels.iter().map(|it| it.name().to_owned()).collect(),
        action_url: notice.action_url.clone(),
        due_at: None,
        expires_at: now + TimeDelta::days(notice.ttl_days.into()),
    }
}

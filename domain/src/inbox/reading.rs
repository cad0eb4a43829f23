//! Reading, deleting and purging what was told.

use event_schemas::Timestamp;
use event_schemas::notification::{
    NotificationDeleted, NotificationEvent, NotificationRead, NotificationsPurged, NotificationsRead,
};

use super::{DeleteNotification, MarkAllRead, MarkRead, Purge, Rejection, State};

impl State {
    pub(super) fn mark_read(
        &self,
        mark: &MarkRead,
        now: Timestamp,
    ) -> Result<Vec<NotificationEvent>, Rejection> {
        let item = self.items.get(mark.notification_id, now).ok_or(Rejection::NotificationNotFound)?;
        if item.read {
            return Ok(vec![]);
        }
        let (user_id, notification_id) = (mark.user_id, mark.notification_id);
        Ok(vec![NotificationRead { user_id, notification_id, read_at: now }.into()])
    }

    pub(super) fn mark_all_read(
        &self,
        mark: &MarkAllRead,
        now: Timestamp,
    ) -> Result<Vec<NotificationEvent>, Rejection> {
        if mark.by != mark.user_id {
            return Err(Rejection::NotYourself);
        }
        let unread = self.items.unread(now);
        if unread == 0 {
            return Ok(vec![]);
        }
        let count = i32::try_from(unread).unwrap_or(i32::MAX);
        Ok(vec![NotificationsRead { user_id: mark.user_id, up_to_at: now, count }.into()])
    }

    pub(super) fn delete(
        &self,
        delete: &DeleteNotification,
        now: Timestamp,
    ) -> Result<Vec<NotificationEvent>, Rejection> {
        self.items.get(delete.notification_id, now).ok_or(Rejection::NotificationNotFound)?;
        let (user_id, notification_id) = (delete.user_id, delete.notification_id);
        Ok(vec![NotificationDeleted { user_id, notification_id }.into()])
    }

    pub(super) fn purge(&self, purge: &Purge, now: Timestamp) -> Vec<NotificationEvent> {
        let ids = self.items.past(now);
        if ids.is_empty() {
            return vec![];
        }
        vec![NotificationsPurged { user_id: purge.user_id, ids, reason: "expired".to_owned() }.into()]
    }
}

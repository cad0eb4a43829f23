//! Inboxes: what is stored, read, removed; preferences.

use event_schemas::NotificationId;
use event_schemas::notification::{
    NotificationDeleted, NotificationEvent, NotificationPreferencesChanged, NotificationRaised,
    NotificationsRead,
};
use serde_json::json;

use super::{Event, given, id, payload, user};
use crate::projections::notifications::Notifications;

fn event(event: impl Into<NotificationEvent>) -> Event {
    event.into().into()
}

fn raised(number: u64, channels: &[&str]) -> Event {
    event(payload::<NotificationRaised>(json!({
        "notificationId": NotificationId::new(id(number)), "userId": user(1), "type": "match_accepted", "priority": "high",
        "subjectType": "match", "subjectId": id(5), "params": {}, "count": 1, "channels": channels,
        "actionUrl": "/matches/5", "expiresAt": 1_000,
    })))
}

#[test]
fn an_item_without_the_in_app_channel_is_not_stored() {
    let inbox: Notifications = given([raised(1, &["push"]), raised(2, &["in_app", "push"])]);
    let [item] = inbox.notifications.rows()[..] else { panic!("one item") };
    assert_eq!((item.id, item.position.as_str()), (NotificationId::new(id(2)), "test-events/3@2"));
    assert_eq!(inbox.deliveries.rows().len(), 3);
}

#[test]
fn reading_all_reads_what_was_raised_until_then() {
    let until = payload::<NotificationsRead>(json!({"userId": user(1), "upToAt": 2_000_000, "count": 2}));
    let inbox: Notifications =
        given([raised(1, &["in_app"]), raised(2, &["in_app"]), raised(3, &["in_app"]), event(until)]);
    let mut unread: Vec<_> =
        inbox.notifications.rows().iter().filter(|it| !it.read).map(|it| it.id).collect();
    assert_eq!(unread.pop(), Some(NotificationId::new(id(3))));
    assert_eq!(unread, []);
}

#[test]
fn a_deleted_item_takes_its_deliveries_along() {
    let deleted = payload::<NotificationDeleted>(json!({"userId": user(1), "notificationId": id(1)}));
    let inbox: Notifications = given([raised(1, &["in_app", "email"]), event(deleted)]);
    assert_eq!((inbox.notifications.rows().len(), inbox.deliveries.rows().len()), (0, 0));
}

#[test]
fn preferences_are_kept_per_type_and_globally() {
    let of_type = payload::<NotificationPreferencesChanged>(
        json!({"userId": user(1), "type": "new_request", "inApp": false, "cleared": []}),
    );
    let global = payload::<NotificationPreferencesChanged>(
        json!({"userId": user(1), "push": false, "quietHoursStart": "22:00", "cleared": []}),
    );
    let cleared =
        payload::<NotificationPreferencesChanged>(json!({"userId": user(1), "cleared": ["quietHoursStart"]}));
    let inbox: Notifications = given([event(of_type), event(global), event(cleared)]);
    assert_eq!(inbox.preferences.rows()[0].in_app, Some(false));
    let global = inbox.global_preferences.rows()[0];
    assert_eq!((global.push, &global.quiet_hours_start), (Some(false), &None));
}

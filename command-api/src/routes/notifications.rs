//! One's own inbox: `/notifications`.

use axum::extract::State;
use domain::inbox::{
    Command, DeleteNotification, Kind, LocalTime, MarkAllRead, MarkRead, Preferences, SetGlobalPreferences,
    SetPreference, Switches,
};
use domain::text::Fault;
use domain::user::Timezone;
use event_schemas::notification::{NotificationEvent, NotificationPreferencesChanged};
use event_schemas::{AggregateType, Event, NotificationId, UserId};
use serde_json::{Value, json};
use service_kit::answer::{FieldFault, Problem};

use crate::app::App;
use crate::edge::done::{self, Reply};
use crate::edge::fields::Fields;
use crate::edge::shown::Shown;
use crate::edge::values::{boolean, id, parsed};
use crate::edge::{Call, Refused};
use crate::writer::{Executed, Target};

/// PUT /notifications/{id}/read
pub(crate) async fn mark_read(State(app): State<App>, call: Call) -> Reply {
    let notification_id = call.id("id", "NOTIFICATION_NOT_FOUND")?;
    let command = Command::MarkRead(MarkRead { user_id: call.user, notification_id });
    let executed = app.execute(&call, target(call.user), command).await?;
    Ok(done::ok(&executed, shown_read(notification_id, &executed)))
}

/// PUT /notifications/{userId}/read-all
pub(crate) async fn mark_all_read(State(app): State<App>, call: Call) -> Reply {
    let user_id = own_id(&call)?;
    let command = Command::MarkAllRead(MarkAllRead { user_id, by: call.user });
    let executed = app.execute(&call, target(user_id), command).await?;
    Ok(done::ok(&executed, json!({ "count": count(&executed) })))
}

/// DELETE /notifications/{id}
pub(crate) async fn delete_notification(State(app): State<App>, call: Call) -> Reply {
    let notification_id: NotificationId = call.id("id", "NOTIFICATION_NOT_FOUND")?;
    let command = Command::DeleteNotification(DeleteNotification { user_id: call.user, notification_id });
    let executed = app.execute(&call, target(call.user), command).await?;
    Ok(done::ok(&executed, json!({ "id": notification_id })))
}

/// PUT /notifications/{userId}/preferences
pub(crate) async fn set_global_preferences(State(app): State<App>, call: Call) -> Reply {
    let user_id = own_id(&call)?;
    let set = call.read(|fields| global_preferences(fields, user_id))?;
    let executed = app.execute(&call, target(user_id), Command::SetGlobalPreferences(Box::new(set))).await?;
    Ok(done::ok(&executed, shown_global(&executed)))
}

/// PUT /notifications/{userId}/preferences/{type}
pub(crate) async fn set_preference(State(app): State<App>, call: Call) -> Reply {
    let user_id = own_id(&call)?;
    let kind = Kind::named(call.segment("type")).ok_or_else(unknown_type)?;
    let set = call.read(|fields| preference(fields, user_id, kind))?;
    let community_id = set.community_id;
    let executed = app.execute(&call, target(user_id), Command::SetPreference(set)).await?;
    let shown = shown_preference(&executed, kind, community_id);
    Ok(done::ok(&executed, shown))
}

fn target(user: UserId) -> Target {
    Target::new(AggregateType::Inbox, user)
}

/// The id of the path, which must be the caller's.
fn own_id(call: &Call) -> Result<UserId, Refused> {
    let user_id = call.id("userId", "NOT_FOUND")?;
    if user_id == call.user { Ok(user_id) } else { Err(Problem::forbidden().into()) }
}

fn unknown_type() -> Problem {
    let fault = FieldFault::new("type", Fault::NotAllowed("").code(), "Type is no type of notification");
    Problem::validation(vec![fault])
}

fn global_preferences(fields: &mut Fields<'_>, user_id: UserId) -> Option<SetGlobalPreferences> {
    let in_app = fields.set("inAppEnabled", boolean);
    let push = fields.set("pushEnabled", boolean);
    let email = fields.set("emailEnabled", boolean);
    let email_digest = fields.set("emailDigest", boolean);
    let quiet_hours_start = fields.change("quietHoursStart", parsed(LocalTime::parse));
    let quiet_hours_end = fields.change("quietHoursEnd", parsed(LocalTime::parse));
    let timezone = fields.set("timezone", parsed(Timezone::parse));
    Some(SetGlobalPreferences {
        user_id,
        by: user_id,
        switches: Switches { in_app: in_app?, push: push?, email: email? },
        email_digest: email_digest?,
        quiet_hours_start: quiet_hours_start?,
        quiet_hours_end: quiet_hours_end?,
        timezone: timezone?,
    })
}

fn preference(fields: &mut Fields<'_>, user_id: UserId, kind: Kind) -> Option<SetPreference> {
    let in_app = fields.change("inApp", boolean);
    let push = fields.change("push", boolean);
    let email = fields.change("email", boolean);
    let community_id = fields.optional("communityId", id);
    Some(SetPreference {
        user_id,
        by: user_id,
        kind,
        community_id: community_id?,
        in_app: in_app?,
        push: push?,
        email: email?,
    })
}

/// The item is read, since then when this call did it.
fn shown_read(notification_id: NotificationId, executed: &Executed) -> Value {
    let shown = Shown::with_id(notification_id).put("read", true);
    match first(executed) {
        Some(NotificationEvent::NotificationRead(event)) => {
            shown.maybe_at("readAt", Some(event.read_at)).into()
        }
        _ => shown.into(),
    }
}

fn count(executed: &Executed) -> i32 {
    match first(executed) {
        Some(NotificationEvent::NotificationsRead(event)) => event.count,
        _ => 0,
    }
}

/// Changed preferences, else all of them.
fn shown_global(executed: &Executed) -> Value {
    if let Some(NotificationEvent::NotificationPreferencesChanged(event)) = first(executed) {
        let NotificationPreferencesChanged {
            user_id: _,
            r#type: _,
            community_id: _,
            in_app,
            push,
            email,
            email_digest,
            quiet_hours_start,
            quiet_hours_end,
            timezone,
            cleared,
        } = event;
        return Shown::default()
            .maybe("inAppEnabled", in_app)
            .maybe("pushEnabled", push)
            .maybe("emailEnabled", email)
            .maybe("emailDigest", email_digest)
            .maybe("quietHoursStart", quiet_hours_start)
            .maybe("quietHoursEnd", quiet_hours_end)
            .maybe("timezone", timezone)
            .cleared(cleared.iter().map(String::as_str))
            .into();
    }
    let Some(preferences) = preferences(executed) else { return json!({}) };
    json!({
        "inAppEnabled": preferences.global.in_app,
        "pushEnabled": preferences.global.push,
        "emailEnabled": preferences.global.email,
        "emailDigest": preferences.email_digest,
        "quietHoursStart": preferences.quiet_hours_start,
        "quietHoursEnd": preferences.quiet_hours_end,
        "timezone": preferences.timezone,
    })
}

/// `{type, communityId, inApp, push, email}`, changed switches only; all of them when nothing changed.
fn shown_preference(executed: &Executed, kind: Kind, community: Option<event_schemas::CommunityId>) -> Value {
    let shown = Shown::default().put("type", kind.name()).put("communityId", community);
    let shown = match first(executed) {
        Some(NotificationEvent::NotificationPreferencesChanged(event)) => shown
            .maybe("inApp", &event.in_app)
            .maybe("push", &event.push)
            .maybe("email", &event.email)
            .cleared(event.cleared.iter().map(String::as_str)),
        _ => match preferences(executed).map(|it| it.of(kind, community)) {
            Some(switches) => {
                shown.put("inApp", switches.in_app).put("push", switches.push).put("email", switches.email)
            }
            None => shown,
        },
    };
    shown.into()
}

fn first(executed: &Executed) -> Option<&NotificationEvent> {
    match &executed.events.first()?.payload {
        Event::Notification(event) => Some(event),
        Event::User(_) | Event::Community(_) | Event::Request(_) | Event::Reputation(_) => None,
    }
}

fn preferences(executed: &Executed) -> Option<&Preferences> {
    let domain::State::Inbox(state) = executed.state.as_ref()? else { return None };
    Some(&state.preferences)
}

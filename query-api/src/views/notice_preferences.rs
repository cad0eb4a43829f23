//! GET /notifications/{userId}/preferences: what is chosen, with the defaults filled in.

use serde::Serialize;
use service_kit::answer::{Answer, PathIds};
use sqlx::FromRow;
use uuid::Uuid;

use super::notice_types::{Switches, TYPES, Type};
use super::{Answered, notifications};
use crate::reading::Reading;

/// All preferences of a person.
#[derive(Debug, Serialize)]
pub(crate) struct Preferences {
    global: Global,
    types: Vec<OfType>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Global {
    in_app_enabled: bool,
    push_enabled: bool,
    email_enabled: bool,
    email_digest: bool,
    quiet_hours_start: Option<String>,
    quiet_hours_end: Option<String>,
    timezone: String,
}

/// The channels that are on for a type, everywhere or in one community.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OfType {
    r#type: &'static str,
    in_app: bool,
    push: bool,
    email: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    community_id: Option<Uuid>,
    required: bool,
}

#[derive(Debug, Default, FromRow)]
struct GlobalRow {
    in_app: Option<bool>,
    push: Option<bool>,
    email: Option<bool>,
    email_digest: Option<bool>,
    quiet_hours_start: Option<String>,
    quiet_hours_end: Option<String>,
    timezone: Option<String>,
}

#[derive(Debug, FromRow)]
struct Row {
    community_id: Option<Uuid>,
    r#type: String,
    in_app: Option<bool>,
    push: Option<bool>,
    email: Option<bool>,
}

impl Row {
    const fn switches(&self) -> Switches {
        Switches { in_app: self.in_app, push: self.push, email: self.email }
    }
}

/// The caller's preferences: a line per type, and one per type and community where something is chosen.
pub(crate) async fn show(mut reading: Reading, PathIds(user_id): PathIds<Uuid>) -> Answered<Preferences> {
    let (db, who) = reading.parts();
    notifications::only_self(who, user_id)?;
    let global: Option<GlobalRow> = sqlx::query_as(
        "SELECT in_app, push, email, email_digest, quiet_hours_start, quiet_hours_end, timezone
         FROM notifications.global_preferences WHERE user_id = $1",
    )
    .bind(user_id)
    .fetch_optional(&mut *db)
    .await?;
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT community_id, type, in_app, push, email FROM notifications.preferences
         WHERE user_id = $1 ORDER BY type, community_id NULLS FIRST",
    )
    .bind(user_id)
    .fetch_all(db)
    .await?;
    let global = global.unwrap_or_default();
    let types = TYPES.iter().flat_map(|it| of_type(it, &rows, &global)).collect();
    Ok(Answer::ok(Preferences { global: global.into_view(), types }))
}

fn of_type(r#type: &Type, rows: &[Row], global: &GlobalRow) -> Vec<OfType> {
    let chosen: Vec<_> = rows.iter().filter(|it| it.r#type == r#type.name).collect();
    let everywhere =
        chosen.iter().find(|it| it.community_id.is_none()).map(|it| it.switches()).unwrap_or_default();
    let widest = Switches { in_app: global.in_app, push: global.push, email: global.email };
    let line = |community_id, levels: &[Switches]| {
        let on = r#type.channels(levels);
        OfType {
            r#type: r#type.name,
            in_app: on.in_app,
            push: on.push,
            email: on.email,
            community_id,
            required: r#type.required,
        }
    };
    let mut lines = vec![line(None, &[everywhere, widest])];
    let places = chosen.iter().filter(|it| it.community_id.is_some());
    lines.extend(places.map(|it| line(it.community_id, &[it.switches(), everywhere, widest])));
    lines
}

impl GlobalRow {
    fn into_view(self) -> Global {
        Global {
            in_app_enabled: self.in_app.unwrap_or(true),
            push_enabled: self.push.unwrap_or(true),
            email_enabled: self.email.unwrap_or(false),
            email_digest: self.email_digest.unwrap_or(false),
            quiet_hours_start: self.quiet_hours_start,
            quiet_hours_end: self.quiet_hours_end,
            timezone: self.timezone.unwrap_or_else(|| "UTC".to_owned()),
        }
    }
}

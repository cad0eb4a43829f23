//! GET /users/me/settings.

use serde::Serialize;
use service_kit::answer::{Answer, Problem};
use sqlx::FromRow;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::Answered;
use crate::reading::Reading;

/// What a person has set.
#[derive(Debug, FromRow, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Settings {
    show_my_karma_to_me: bool,
    share_reputation: bool,
    show_connection_path: bool,
    show_who_invited_me: bool,
    #[serde(rename = "showWhoIInvited")]
    show_who_i_invited: bool,
    timezone: String,
    locale: Option<String>,
}

/// The defaults of the specification (user.md 9).
impl Default for Settings {
    fn default() -> Self {
        Self {
            show_my_karma_to_me: false,
            share_reputation: false,
            show_connection_path: true,
            show_who_invited_me: true,
            show_who_i_invited: false,
            timezone: "UTC".to_owned(),
            locale: None,
        }
    }
}

/// The caller's settings.
pub(crate) async fn show(mut reading: Reading) -> Answered<Settings> {
    let user_id = reading.who.user_id;
    let version: Option<i64> = sqlx::query_scalar("SELECT version FROM auth.users WHERE id = $1")
        .bind(user_id)
        .fetch_optional(reading.db())
        .await?;
    let Some(version) = version else { return Err(Problem::not_found("USER_NOT_FOUND")) };
    Ok(Answer::ok(of(reading.db(), user_id).await?).version(version))
}

/// The settings of the caller, whose row nobody else can read.
pub(super) async fn of(db: &mut PgConnection, user_id: Uuid) -> sqlx::Result<Settings> {
    let settings = sqlx::query_as(
        "SELECT show_my_karma_to_me, share_reputation, show_connection_path, show_who_invited_me, show_who_i_invited,
                timezone, locale
         FROM auth.user_settings WHERE user_id = $1",
    );
    Ok(settings.bind(user_id).fetch_optional(db).await?.unwrap_or_default())
}

//! GET /auth/sessions: the caller's live sessions.

use serde::Serialize;
use service_kit::answer::Answer;
use sqlx::FromRow;
use uuid::Uuid;

use super::Answered;
use crate::at::At;
use crate::page;
use crate::reading::Reading;

/// A session.
#[derive(Debug, FromRow, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Session {
    session_id: Uuid,
    created_at: At,
    last_used_at: At,
    expires_at: At,
    user_agent: Option<String>,
    ip_prefix: Option<String>,
    /// The one that asks.
    current: bool,
}

/// Newest first.
pub(crate) async fn list(mut reading: Reading) -> Answered<Vec<Session>> {
    let current = reading.claims.sid;
    let sessions: Vec<Session> = sqlx::query_as(
        "SELECT session_id, created_at, last_used_at, expires_at, user_agent, ip_prefix, session_id = $1 AS current
         FROM auth.own_sessions ORDER BY created_at DESC, session_id DESC",
    )
    .bind(current)
    .fetch_all(reading.db())
    .await?;
    let pagination = page::whole(sessions.len());
    Ok(Answer::ok(sessions).pagination(pagination))
}

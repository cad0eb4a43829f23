//! GET /communities/{id}/join-requests.

use chrono::{DateTime, Utc};
use serde::Serialize;
use service_kit::answer::{Answer, PathIds};
use sqlx::FromRow;
use uuid::Uuid;

use super::{Answered, community};
use crate::at::At;
use crate::page::Page;
use crate::params::Params;
use crate::people::People;
use crate::reading::Reading;

/// Somebody's wish to be let in.
#[derive(Debug, FromRow, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JoinRequest {
    user_id: Uuid,
    #[sqlx(skip)]
    user_name: Option<String>,
    status: String,
    message: Option<String>,
    invited_by: Option<Uuid>,
    created_at: At,
    decided_at: Option<At>,
    decided_by: Option<Uuid>,
}

/// Pending ones first, then newest; for admins and moderators.
pub(crate) async fn list(
    mut reading: Reading,
    PathIds(id): PathIds<Uuid>,
    mut params: Params,
) -> Answered<Vec<JoinRequest>> {
    let page = Page::<(bool, DateTime<Utc>)>::read(&mut params, "pending")?;
    params.finish()?;
    let (db, who) = reading.parts();
    community::role_only(db, who, id, "moderator").await?;
    let total: i64 =
        sqlx::query_scalar("SELECT count(*) FROM community.join_requests WHERE community_id = $1")
            .bind(id)
            .fetch_one(&mut *db)
            .await?;
    let (pending, created_at) = page.after_key().copied().unzip();
    let mut requests: Vec<JoinRequest> = sqlx::query_as(
        "SELECT user_id, status, message, invited_by, created_at, decided_at, decided_by
         FROM community.join_requests
         WHERE community_id = $1
           AND ($2::boolean IS NULL
                OR (status = 'pending', created_at, user_id) < ($2, $3, $4))
         ORDER BY status = 'pending' DESC, created_at DESC, user_id DESC LIMIT $5 OFFSET $6",
    )
    .bind(id)
    .bind(pending)
    .bind(created_at)
    .bind(page.after_id())
    .bind(page.fetch())
    .bind(page.offset())
    .fetch_all(&mut *db)
    .await?;
    let key = |it: &JoinRequest| ((it.status == "pending", it.created_at.0), it.user_id);
    let pagination = page.cut(&mut requests, total, key);
    let people = People::find(db, requests.iter().map(|it| it.user_id)).await?;
    for it in &mut requests {
        it.user_name = people.name(it.user_id);
    }
    Ok(Answer::ok(requests).pagination(pagination))
}

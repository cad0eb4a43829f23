//! GET /reputation/history/{userId}: one's own karma records.

use chrono::{DateTime, Utc};
use serde::Serialize;
use service_kit::answer::{Answer, PathIds, Problem};
use sqlx::FromRow;
use uuid::Uuid;

use super::Answered;
use crate::at::At;
use crate::page::Page;
use crate::params::Params;
use crate::reading::Reading;

/// An award.
#[derive(Debug, FromRow, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    id: Uuid,
    community_id: Uuid,
    community_name: Option<String>,
    points: i32,
    reason: String,
    match_id: Uuid,
    request_id: Uuid,
    created_at: At,
}

/// Newest first; of the named community when there is one. For the owner only.
pub(crate) async fn list(
    mut reading: Reading,
    PathIds(user_id): PathIds<Uuid>,
    mut params: Params,
) -> Answered<Vec<Record>> {
    let page = Page::<DateTime<Utc>>::read(&mut params, "newest")?;
    params.finish()?;
    if user_id != reading.who.user_id {
        return Err(Problem::forbidden());
    }
    let community = reading.who.community;
    let total: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM reputation.karma_records WHERE user_id = $1 AND ($2::uuid IS NULL OR community_id = $2)",
    )
    .bind(user_id)
    .bind(community)
    .fetch_one(reading.db())
    .await?;
    let mut records: Vec<Record> = sqlx::query_as(
        "SELECT k.id, k.community_id, c.name AS community_name, k.points, k.reason, k.match_id, k.request_id, k.created_at
         FROM reputation.karma_records AS k
         LEFT JOIN community.communities AS c ON c.id = k.community_id
         WHERE k.user_id = $1 AND ($2::uuid IS NULL OR k.community_id = $2)
           AND ($3::timestamptz IS NULL OR (k.created_at, k.id) < ($3, $4))
         ORDER BY k.created_at DESC, k.id DESC LIMIT $5 OFFSET $6",
    )
    .bind(user_id)
    .bind(community)
    .bind(page.after_key())
    .bind(page.after_id())
    .bind(page.fetch())
    .bind(page.offset())
    .fetch_all(reading.db())
    .await?;
    let pagination = page.cut(&mut records, total, |it| (it.created_at.0, it.id));
    Ok(Answer::ok(records).pagination(pagination))
}

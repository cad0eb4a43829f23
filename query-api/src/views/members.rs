//! GET /communities/{id}/members.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use service_kit::answer::{Answer, PathIds, Problem};
use sqlx::FromRow;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::{Answered, communities, community};
use crate::at::At;
use crate::community_rules::Layer;
use crate::page::Page;
use crate::params::Params;
use crate::people::People;
use crate::reading::{Reading, Who};

/// A member. No e-mail address, to nobody.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Member {
    user_id: Uuid,
    user_name: Option<String>,
    role: String,
    status: String,
    joined_at: At,
    invited_by: Option<Uuid>,
    layer: Option<Layer>,
}

#[derive(Debug, FromRow)]
struct Row {
    user_id: Uuid,
    role: String,
    status: String,
    joined_at: At,
    invited_by: Option<Uuid>,
}

/// Members in joining order; 403 where the list is hidden from the caller.
pub(crate) async fn list(
    mut reading: Reading,
    PathIds(id): PathIds<Uuid>,
    mut params: Params,
) -> Answered<Vec<Member>> {
    let page = Page::<DateTime<Utc>>::read(&mut params, "joined")?;
    let status = params.one_of("status", &["active", "inactive"]).unwrap_or("active");
    params.finish()?;
    let (db, who) = reading.parts();
    let row = community::find(db, id).await?;
    if !community::may_see_members(&row, who) {
        return Err(Problem::not_a_member());
    }
    let total: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM community.memberships WHERE community_id = $1 AND status = $2",
    )
    .bind(id)
    .bind(status)
    .fetch_one(&mut *db)
    .await?;
    let mut rows = rows(db, id, status, &page).await?;
    let pagination = page.cut(&mut rows, total, |it| (it.joined_at.0, it.user_id));
    Ok(Answer::ok(named(db, who, id, rows).await?).pagination(pagination))
}

/// All active members: at most 150.
pub(super) async fn active(db: &mut PgConnection, who: &Who, id: Uuid) -> sqlx::Result<Vec<Member>> {
    let rows = sqlx::query_as(
        "SELECT user_id, role, status, joined_at, invited_by FROM community.memberships
         WHERE community_id = $1 AND status = 'active' ORDER BY joined_at, user_id",
    )
    .bind(id)
    .fetch_all(&mut *db)
    .await?;
    named(db, who, id, rows).await
}

async fn rows(
    db: &mut PgConnection,
    id: Uuid,
    status: &str,
    page: &Page<DateTime<Utc>>,
) -> sqlx::Result<Vec<Row>> {
    sqlx::query_as(
        "SELECT user_id, role, status, joined_at, invited_by FROM community.memberships
         WHERE community_id = $1 AND status = $2 AND ($3::timestamptz IS NULL OR (joined_at, user_id) > ($3, $4))
         ORDER BY joined_at, user_id LIMIT $5 OFFSET $6",
    )
    .bind(id)
    .bind(status)
    .bind(page.after_key())
    .bind(page.after_id())
    .bind(page.fetch())
    .bind(page.offset())
    .fetch_all(db)
    .await
}

/// Adds names, and for members of the community how close each is to it.
async fn named(db: &mut PgConnection, who: &Who, id: Uuid, rows: Vec<Row>) -> sqlx::Result<Vec<Member>> {
    let ids: Vec<_> = rows.iter().map(|it| it.user_id).collect();
    let layers = match who.role_in(id) {
        Some(_) => communities::layers(db, &[id], Some(&ids), who.now).await?,
        None => HashMap::new(),
    };
    let people = People::find(db, ids).await?;
    let member = |it: Row| Member {
        user_id: it.user_id,
        user_name: people.name(it.user_id),
        role: it.role,
        status: it.status,
        joined_at: it.joined_at,
        invited_by: it.invited_by,
        layer: layers.get(&(id, it.user_id)).copied(),
    };
    Ok(rows.into_iter().map(member).collect())
}

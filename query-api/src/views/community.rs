//! GET /communities/{id}, and who may see what of a community.

use serde::Serialize;
use service_kit::answer::{Answer, PathIds, Problem};
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::communities::{COLUMNS, Community, Row};
use super::members::{self, Member};
use super::{Answered, communities};
use crate::reading::{Reading, Who};

/// From least to most.
const ROLES: [&str; 3] = ["member", "moderator", "admin"];

/// A community with its members, where the caller may see them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Detail {
    #[serde(flatten)]
    community: Community,
    #[serde(skip_serializing_if = "Option::is_none")]
    members: Option<Vec<Member>>,
}

/// One community.
pub(crate) async fn show(mut reading: Reading, PathIds(id): PathIds<Uuid>) -> Answered<Detail> {
    let (db, who) = reading.parts();
    let row = find(db, id).await?;
    let version = row.version;
    let members = match may_see_members(&row, who) {
        true => Some(members::active(db, who, id).await?),
        false => None,
    };
    Ok(Answer::ok(Detail { community: row.seen_by(who, None), members }).version(version))
}

/// The community; 404 when there is none.
pub(super) async fn find(db: &mut PgConnection, id: Uuid) -> Result<Row, Problem> {
    let sql = format!(
        "SELECT {COLUMNS}, NULL::double precision AS distance_km FROM community.communities AS c WHERE c.id = $1"
    );
    let row = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(id).fetch_optional(db).await?;
    row.ok_or_else(|| Problem::not_found("COMMUNITY_NOT_FOUND"))
}

/// Whether the caller may see the member list.
pub(super) fn may_see_members(row: &communities::Row, who: &Who) -> bool {
    row.shows_members() || who.role_in(row.id).is_some()
}

/// The community, for an active member of it; 403 for others.
pub(super) async fn members_only(db: &mut PgConnection, who: &Who, id: Uuid) -> Result<Row, Problem> {
    let row = find(db, id).await?;
    who.role_in(id).map(|_| row).ok_or_else(Problem::not_a_member)
}

/// The community, for members with at least this role; 403 for others.
pub(super) async fn role_only(
    db: &mut PgConnection,
    who: &Who,
    id: Uuid,
    least: &str,
) -> Result<Row, Problem> {
    let row = members_only(db, who, id).await?;
    let rank = |role: &str| ROLES.iter().position(|it| *it == role);
    if who.role_in(id).and_then(rank) >= rank(least) { Ok(row) } else { Err(Problem::role_required(least)) }
}

//! GET /requests and /requests/matched/for-user: asks that the caller is in the audience of. Who that is, row-level
//! security decides (request.md 6.1); here the lists are narrowed and ordered.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use service_kit::answer::{Answer, Problem};
use sqlx::postgres::{PgConnection, Postgres};
use sqlx::{FromRow, QueryBuilder};
use uuid::Uuid;

use super::{Answered, users};
use crate::at::At;
use crate::page::{self, Page};
use crate::params::Params;
use crate::people::{People, Person};
use crate::reading::{Reading, Who};
use crate::reputation::trust::Tier;
use crate::skills;

/// An ask.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Request {
    pub(super) id: Uuid,
    pub(super) requester_id: Uuid,
    pub(super) requester: Requester,
    /// Of its communities the one that the call names, else the first that the reader is in, else its first.
    pub(super) community_id: Option<Uuid>,
    pub(super) community_ids: Vec<Uuid>,
    title: String,
    description: String,
    pub(super) category: String,
    request_type: String,
    payload: Option<Value>,
    requirements: Option<Value>,
    pub(super) urgency: String,
    status: String,
    expired: bool,
    visibility_scope: String,
    visibility_max_degrees: i32,
    preferred_start: Option<At>,
    preferred_end: Option<At>,
    scheduled_for: Option<At>,
    expires_at: At,
    is_public: bool,
    requester_visibility_consent: bool,
    pub(super) boosted_until: Option<At>,
    pub(super) proposal_count: i32,
    completed_at: Option<At>,
    pub(super) created_at: At,
    updated_at: At,
}

/// Who asks.
#[derive(Debug, Serialize)]
pub(crate) struct Requester {
    #[serde(flatten)]
    person: Person,
    /// In the community that the ask is shown under; only in details, null for outsiders.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tier: Option<Option<Tier>>,
}

/// An ask as it is stored, with its status at `now`.
#[derive(Debug, FromRow)]
pub(super) struct Row {
    id: Uuid,
    requester_id: Uuid,
    title: String,
    description: String,
    category: String,
    request_type: String,
    payload: Option<Value>,
    requirements: Option<Value>,
    urgency: String,
    pub(super) status: String,
    visibility_scope: String,
    visibility_max_degrees: i32,
    preferred_start: Option<At>,
    preferred_end: Option<At>,
    scheduled_at: Option<At>,
    expires_at: At,
    is_public: bool,
    requester_visibility_consent: bool,
    boosted_until: Option<At>,
    completed_at: Option<At>,
    proposal_count: i32,
    community_ids: Vec<Uuid>,
    pending_community_ids: Vec<Uuid>,
    created_at: At,
    updated_at: At,
    pub(super) version: i64,
}

/// Columns of [`Row`]. What is past its due time counts as expired before its timer has said so.
pub(super) const COLUMNS: &str = "r.id, r.requester_id, r.title, r.description, r.category, r.request_type, r.payload,
    r.requirements, r.urgency,
    CASE WHEN r.status IN ('open', 'pending', 'dibs_pending') AND r.expires_at <= now() THEN 'expired' ELSE r.status END AS status,
    r.visibility_scope, r.visibility_max_degrees, r.preferred_start, r.preferred_end, r.scheduled_at, r.expires_at,
    r.is_public, r.requester_visibility_consent, r.boosted_until, r.completed_at, r.proposal_count, r.community_ids,
    r.pending_community_ids, r.created_at, r.updated_at, r.version";

impl Row {
    fn into_view(self, who: &Who, people: &People) -> Request {
        let community_ids =
            if self.community_ids.is_empty() { self.pending_community_ids } else { self.community_ids };
        Request {
            id: self.id,
            requester_id: self.requester_id,
            requester: Requester { person: people.person(self.requester_id), tier: None },
            community_id: shown_under(&community_ids, who),
            community_ids,
            title: self.title,
            description: self.description,
            category: self.category,
            request_type: self.request_type,
            payload: self.payload,
            requirements: self.requirements,
            urgency: self.urgency,
            expired: self.status == "expired",
            status: self.status,
            visibility_scope: self.visibility_scope,
            visibility_max_degrees: self.visibility_max_degrees,
            preferred_start: self.preferred_start,
            preferred_end: self.preferred_end,
            scheduled_for: self.scheduled_at,
            expires_at: self.expires_at,
            is_public: self.is_public,
            requester_visibility_consent: self.requester_visibility_consent,
            boosted_until: self.boosted_until,
            proposal_count: self.proposal_count,
            completed_at: self.completed_at,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

/// The community under which a thing of several stands in a list (specification, README 6.4).
pub(super) fn shown_under(communities: &[Uuid], who: &Who) -> Option<Uuid> {
    let named = who.community.filter(|it| communities.contains(it));
    let own = || communities.iter().copied().find(|it| who.role_in(*it).is_some());
    named.or_else(own).or_else(|| communities.first().copied())
}

/// Adds the requesters' names.
pub(super) async fn with_people(
    db: &mut PgConnection,
    who: &Who,
    rows: Vec<Row>,
) -> sqlx::Result<Vec<Request>> {
    let people = People::find(db, rows.iter().map(|it| it.requester_id)).await?;
    Ok(rows.into_iter().map(|it| it.into_view(who, &people)).collect())
}

const STATUSES: [&str; 7] =
    ["pending", "open", "dibs_pending", "matched", "completed", "cancelled", "expired"];
const TYPES: [&str; 5] = ["generic", "ride", "borrow", "service", "event"];
const URGENCIES: [&str; 4] = ["low", "medium", "high", "urgent"];

/// What a list is narrowed to.
struct Filter {
    caller: Uuid,
    community: Option<Uuid>,
    status: &'static str,
    request_type: Option<&'static str>,
    category: Option<String>,
    urgency: Option<&'static str>,
    requester: Option<Uuid>,
}

impl Filter {
    fn read(params: &mut Params, who: &Who) -> Self {
        let requester = match params.text("requester_id").as_deref() {
            Some("me") => Some(who.user_id),
            _ => params.uuid("requester_id"),
        };
        Self {
            caller: who.user_id,
            community: who.community,
            status: params.one_of("status", &STATUSES).unwrap_or("open"),
            request_type: params.one_of("type", &TYPES),
            category: params.short_text("category", 100).map(|it| it.to_lowercase()),
            urgency: params.one_of("urgency", &URGENCIES),
            requester,
        }
    }

    /// A query for what the list has. Where nothing narrower than the audience finds it, a function of the database that
    /// goes by indexes: row security would decide the same, looking at every request there is.
    fn finding(&self) -> QueryBuilder<Postgres> {
        let mut sql = page::finding("SELECT r.id, r.created_at FROM ");
        match self.requester {
            Some(requester) => {
                sql.push("requests.help_requests AS r WHERE r.requester_id = ").push_bind(requester);
            }
            None => {
                sql.push("requests.shown_to_caller(").push_bind(self.community.map(|it| vec![it]));
                sql.push(", ").push_bind(self.status).push(") AS r WHERE true");
            }
        }
        match self.status {
            "expired" => sql.push(
                " AND (r.status = 'expired' OR r.status IN ('open', 'pending', 'dibs_pending') AND r.expires_at <= now())",
            ),
            "open" | "pending" | "dibs_pending" => {
                sql.push(" AND r.status = ").push_bind(self.status).push(" AND r.expires_at > now()")
            }
            _ => sql.push(" AND r.status = ").push_bind(self.status),
        };
        if let Some(community) = self.community {
            sql.push(" AND ")
                .push_bind(community)
                .push(" = ANY (r.community_ids || r.pending_community_ids)");
        }
        if let Some(request_type) = self.request_type {
            sql.push(" AND r.request_type = ").push_bind(request_type);
        }
        if let Some(category) = &self.category {
            sql.push(" AND r.category = ").push_bind(category.clone());
        }
        if let Some(urgency) = self.urgency {
            sql.push(" AND r.urgency = ").push_bind(urgency);
        }
        push_without_own_matches(&mut sql, self.caller);
        sql
    }
}

/// Leaves out what the caller is already in, unless it is the caller's own.
fn push_without_own_matches(sql: &mut QueryBuilder<Postgres>, caller: Uuid) {
    sql.push(" AND (r.requester_id = ").push_bind(caller);
    // Read once, and not for each of many requests.
    sql.push(" OR r.id NOT IN ");
    push_live_matches_of(sql, caller);
    sql.push(")");
}

/// The ids of the requests that a responder has a live match of, in brackets.
pub(super) fn push_live_matches_of(sql: &mut QueryBuilder<Postgres>, responder: Uuid) {
    sql.push("(SELECT m.request_id FROM requests.matches AS m WHERE m.responder_id = ");
    sql.push_bind(responder).push(" AND m.status IN ('proposed', 'matched'))");
}

/// Those of these ids that row security shows to the caller, newest first.
pub(super) async fn of_ids(db: &mut PgConnection, ids: Vec<Uuid>) -> sqlx::Result<Vec<Row>> {
    let mut sql =
        QueryBuilder::new(format!("SELECT {COLUMNS} FROM requests.help_requests AS r WHERE r.id = ANY ("));
    sql.push_bind(ids).push(") ORDER BY r.created_at DESC, r.id DESC");
    sql.build_query_as().fetch_all(db).await
}

/// Asks, newest first.
pub(crate) async fn list(mut reading: Reading, mut params: Params) -> Answered<Vec<Request>> {
    let page = Page::<DateTime<Utc>>::read(&mut params, "newest")?;
    // Notes of admins are not written yet; the parameter is known so that a wrong value is told.
    params.flag("include_admin_notes");
    let (db, who) = reading.parts();
    let filter = Filter::read(&mut params, who);
    params.finish()?;
    let (total, ids) = page.found(db, filter.finding()).await?;
    let mut rows = of_ids(db, ids).await?;
    let pagination = page.cut(&mut rows, total, |it| (it.created_at.0, it.id));
    Ok(Answer::ok(with_people(db, who, rows).await?).pagination(pagination))
}

/// Open asks of others that the caller's skills help with: most urgent first, then newest.
pub(crate) async fn matched_for_user(mut reading: Reading, mut params: Params) -> Answered<Vec<Request>> {
    let limit = params.integer("limit", 1..=100).unwrap_or(10);
    params.finish()?;
    let (db, who) = reading.parts();
    let categories = skills::categories_for(&users::own_slugs(db, who.user_id).await?);
    let mut sql = QueryBuilder::new(format!(
        "SELECT {COLUMNS} FROM requests.help_requests AS r WHERE r.id = ANY (ARRAY("
    ));
    sql.push("SELECT r.id FROM requests.shown_to_caller(NULL, 'open') AS r WHERE r.expires_at > now()");
    sql.push(" AND r.category = ANY (").push_bind(categories);
    sql.push(") AND r.requester_id <> ").push_bind(who.user_id);
    push_without_own_matches(&mut sql, who.user_id);
    push_most_urgent(&mut sql, limit);
    sql.push("))");
    push_most_urgent(&mut sql, limit);
    let rows: Vec<Row> = sql.build_query_as().fetch_all(&mut *db).await?;
    let requests = with_people(db, who, rows).await?;
    let pagination = page::whole(requests.len());
    Ok(Answer::ok(requests).pagination(pagination))
}

/// Orders asks and ends their list.
fn push_most_urgent(sql: &mut QueryBuilder<Postgres>, limit: u32) {
    sql.push(" ORDER BY array_position(ARRAY['urgent', 'high', 'medium', 'low'], r.urgency), r.created_at DESC, r.id DESC");
    sql.push(" LIMIT ").push_bind(i64::from(limit));
}

/// The ask, when the caller is in its audience.
pub(super) async fn find(db: &mut PgConnection, id: Uuid) -> Result<Row, Problem> {
    let sql = format!("SELECT {COLUMNS} FROM requests.help_requests AS r WHERE r.id = $1");
    let row: Option<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(id).fetch_optional(db).await?;
    let seen = row.filter(|it| !matches!(it.status.as_str(), "expired" | "cancelled"));
    seen.ok_or_else(|| Problem::not_found("REQUEST_NOT_FOUND"))
}

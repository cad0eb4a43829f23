//! GET /matches, /matches/{id}, /matches/{id}/feedback, /requests/offered-awaiting: proposals and what became of them.
//! Only rows where the caller takes part, whatever a filter says: row-level security sees to it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use service_kit::answer::{Answer, PathIds, Problem};
use sqlx::postgres::{PgConnection, Postgres};
use sqlx::{FromRow, QueryBuilder};
use uuid::Uuid;

use super::Answered;
use crate::at::At;
use crate::page::{self, Page};
use crate::params::Params;
use crate::people::People;
use crate::reading::{Reading, Who};

/// A match as its participants see it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Match {
    id: Uuid,
    request_id: Uuid,
    request_title: String,
    requester_id: Uuid,
    requester_name: Option<String>,
    responder_id: Uuid,
    responder_name: Option<String>,
    offer_id: Option<Uuid>,
    my_role: &'static str,
    via: String,
    status: String,
    reason: Option<String>,
    message: Option<String>,
    scheduled_for: Option<At>,
    travel_time_minutes: Option<i32>,
    requester_done_at: Option<At>,
    responder_done_at: Option<At>,
    waiting_for: Option<&'static str>,
    completed_at: Option<At>,
    created_at: At,
    updated_at: At,
}

#[derive(Debug, FromRow)]
struct Row {
    id: Uuid,
    request_id: Uuid,
    request_title: Option<String>,
    requester_id: Uuid,
    responder_id: Uuid,
    offer_id: Option<Uuid>,
    via: String,
    status: String,
    reason: Option<String>,
    message: Option<String>,
    scheduled_at: Option<At>,
    travel_time_minutes: Option<i32>,
    requester_done_at: Option<At>,
    responder_done_at: Option<At>,
    completed_at: Option<At>,
    created_at: At,
    updated_at: At,
    version: i64,
}

/// Status at `now`: a proposal for a request past its due time is over before the timer has said so.
const LAPSED: &str =
    "m.status = 'proposed' AND r.status IN ('open', 'pending', 'dibs_pending') AND r.expires_at <= now()";

/// The text of a request that was never completed goes with its row; its matches stay.
const GONE: &str = "[forgotten]";

fn select() -> QueryBuilder<Postgres> {
    QueryBuilder::new(format!(
        "SELECT m.id, m.request_id, r.title AS request_title, m.requester_id, m.responder_id, m.offer_id, m.via,
                CASE WHEN {LAPSED} THEN 'rejected' ELSE m.status END AS status,
                CASE WHEN {LAPSED} THEN 'request_expired' ELSE m.reason END AS reason,
                m.message, m.scheduled_at, m.travel_time_minutes, m.requester_done_at, m.responder_done_at,
                m.completed_at, m.created_at, m.updated_at, COALESCE(r.version, m.version) AS version
         FROM requests.matches AS m LEFT JOIN requests.help_requests AS r ON r.id = m.request_id WHERE true"
    ))
}

impl Row {
    fn into_view(self, who: &Who, people: &People) -> Match {
        let waiting_for = match (self.status.as_str(), self.requester_done_at, self.responder_done_at) {
            ("matched", Some(_), None) => Some("helper"),
            ("matched", None, Some(_)) => Some("requester"),
            _ => None,
        };
        Match {
            id: self.id,
            request_id: self.request_id,
            request_title: self.request_title.unwrap_or_else(|| GONE.to_owned()),
            requester_id: self.requester_id,
            requester_name: people.name(self.requester_id),
            responder_id: self.responder_id,
            responder_name: people.name(self.responder_id),
            offer_id: self.offer_id,
            my_role: if self.requester_id == who.user_id { "requester" } else { "responder" },
            via: self.via,
            status: self.status,
            reason: self.reason,
            message: self.message,
            scheduled_for: self.scheduled_at,
            travel_time_minutes: self.travel_time_minutes,
            requester_done_at: self.requester_done_at,
            responder_done_at: self.responder_done_at,
            waiting_for,
            completed_at: self.completed_at,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

async fn with_people(db: &mut PgConnection, who: &Who, rows: Vec<Row>) -> sqlx::Result<Vec<Match>> {
    let people = People::find(db, rows.iter().flat_map(|it| [it.requester_id, it.responder_id])).await?;
    Ok(rows.into_iter().map(|it| it.into_view(who, &people)).collect())
}

const STATUSES: [&str; 5] = ["proposed", "matched", "completed", "rejected", "cancelled"];

/// What a list is narrowed to.
#[derive(Debug, Default)]
struct Filter {
    caller: Uuid,
    request: Option<Uuid>,
    offer: Option<Uuid>,
    community: Option<Uuid>,
    status: Option<&'static str>,
    needs_rating: Option<bool>,
    own_proposals: bool,
}

impl Filter {
    fn push(&self, sql: &mut QueryBuilder<Postgres>) {
        if let Some(request) = self.request {
            sql.push(" AND m.request_id = ").push_bind(request);
        }
        if let Some(offer) = self.offer {
            sql.push(" AND m.offer_id = ").push_bind(offer);
        }
        if let Some(community) = self.community {
            sql.push(" AND ").push_bind(community).push(" = ANY (r.community_ids)");
        }
        match self.status {
            Some("proposed") => {
                sql.push(format!(" AND m.status = 'proposed' AND ({LAPSED}) IS NOT TRUE"));
            }
            Some("rejected") => {
                sql.push(format!(" AND (m.status = 'rejected' OR {LAPSED})"));
            }
            Some(status) => {
                sql.push(" AND m.status = ").push_bind(status);
            }
            None => {}
        }
        if let Some(needs_rating) = self.needs_rating {
            sql.push(if needs_rating { " AND " } else { " AND NOT " });
            // Once the text is forgotten, feedback is closed.
            sql.push("(m.status = 'completed' AND r.text_forgotten_at IS NULL AND NOT EXISTS (SELECT FROM requests.match_feedback AS f WHERE f.match_id = m.id AND f.from_user_id = ");
            sql.push_bind(self.caller).push("))");
        }
        if self.own_proposals {
            sql.push(" AND m.via <> 'admin' AND m.responder_id = ").push_bind(self.caller);
        }
    }
}

/// The caller's matches, newest first.
pub(crate) async fn list(mut reading: Reading, mut params: Params) -> Answered<Vec<Match>> {
    let page = Page::read(&mut params, "newest")?;
    let filter = Filter {
        caller: reading.who.user_id,
        request: params.uuid("request_id"),
        offer: params.uuid("offer_id"),
        community: reading.who.community,
        status: params.one_of("status", &STATUSES),
        needs_rating: params.flag("needs_rating"),
        own_proposals: false,
    };
    params.finish()?;
    listed(&mut reading, &filter, &page).await
}

/// The caller's proposals that wait for the requester.
pub(crate) async fn offered_awaiting(mut reading: Reading, mut params: Params) -> Answered<Vec<Match>> {
    let page = Page::read(&mut params, "newest")?;
    params.finish()?;
    let filter = Filter {
        caller: reading.who.user_id,
        community: reading.who.community,
        status: Some("proposed"),
        own_proposals: true,
        ..Filter::default()
    };
    listed(&mut reading, &filter, &page).await
}

async fn listed(reading: &mut Reading, filter: &Filter, page: &Page<DateTime<Utc>>) -> Answered<Vec<Match>> {
    let (db, who) = reading.parts();
    let mut finding = page::finding(
        "SELECT m.id, m.created_at
         FROM requests.matches AS m LEFT JOIN requests.help_requests AS r ON r.id = m.request_id WHERE true",
    );
    filter.push(&mut finding);
    let (total, ids) = page.found(db, finding).await?;
    let mut sql = select();
    sql.push(" AND m.id = ANY (").push_bind(ids).push(") ORDER BY m.created_at DESC, m.id DESC");
    let mut rows: Vec<Row> = sql.build_query_as().fetch_all(&mut *db).await?;
    let pagination = page.cut(&mut rows, total, |it| (it.created_at.0, it.id));
    Ok(Answer::ok(with_people(db, who, rows).await?).pagination(pagination))
}

/// One match, for its participants; its version is that of its request.
pub(crate) async fn show(mut reading: Reading, PathIds(id): PathIds<Uuid>) -> Answered<Match> {
    let (db, who) = reading.parts();
    let mut sql = select();
    sql.push(" AND m.id = ").push_bind(id);
    let row: Option<Row> = sql.build_query_as().fetch_optional(&mut *db).await?;
    let row = row.ok_or_else(|| Problem::not_found("MATCH_NOT_FOUND"))?;
    let version = row.version;
    let mut shown = with_people(db, who, vec![row]).await?;
    let shown = shown.pop().ok_or_else(|| Problem::not_found("MATCH_NOT_FOUND"))?;
    Ok(Answer::ok(shown).version(version))
}

/// The caller's latest match of a request; of the requester the accepted one.
pub(super) async fn own_of(db: &mut PgConnection, who: &Who, request: Uuid) -> sqlx::Result<Option<Match>> {
    let mut sql = select();
    sql.push(" AND m.request_id = ").push_bind(request);
    sql.push(" AND (m.responder_id = ").push_bind(who.user_id);
    sql.push(" OR m.status IN ('matched', 'completed')) ORDER BY m.created_at DESC, m.id DESC LIMIT 1");
    let row: Option<Row> = sql.build_query_as().fetch_optional(&mut *db).await?;
    Ok(with_people(db, who, row.into_iter().collect()).await?.pop())
}

/// What the caller said, and whether the other side has said anything; never what.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Feedbacks {
    feedback: Option<Feedback>,
    theirs_given: bool,
    both_allow_featuring: bool,
}

#[derive(Debug, FromRow, Serialize)]
#[serde(rename_all = "camelCase")]
struct Feedback {
    to_user_id: Uuid,
    rating: f64,
    helpfulness: Option<i32>,
    responsiveness: Option<i32>,
    clarity: Option<i32>,
    comment: Option<String>,
    allow_featuring: bool,
    created_at: At,
}

/// Feedback on a match, for its participants.
pub(crate) async fn feedback(mut reading: Reading, PathIds(id): PathIds<Uuid>) -> Answered<Feedbacks> {
    let db = reading.db();
    let counterpart: Option<(bool, bool)> =
        sqlx::query_as("SELECT theirs_given, both_allow_featuring FROM requests.counterpart_feedback($1)")
            .bind(id)
            .fetch_optional(&mut *db)
            .await?;
    let Some((theirs_given, both_allow_featuring)) = counterpart else {
        return Err(Problem::not_found("MATCH_NOT_FOUND"));
    };
    let feedback = sqlx::query_as(
        "SELECT to_user_id, rating, helpfulness, responsiveness, clarity, comment, allow_featuring, created_at
         FROM requests.match_feedback WHERE match_id = $1",
    )
    .bind(id)
    .fetch_optional(db)
    .await?;
    Ok(Answer::ok(Feedbacks { feedback, theirs_given, both_allow_featuring }))
}

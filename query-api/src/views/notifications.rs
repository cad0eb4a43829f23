//! GET /notifications/{userId} and its unread count; the live stream shows the same objects.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use service_kit::answer::{Answer, PathIds, Problem};
use sqlx::FromRow;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::types::Json;
use uuid::Uuid;

use super::Answered;
use super::notice_text::{self, Words};
use crate::at::At;
use crate::page::Page;
use crate::params::Params;
use crate::people::People;
use crate::reading::{Reading, Who};

const DEFAULT_LIMIT: u32 = 50;

/// A notice.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Notification {
    id: Uuid,
    r#type: String,
    title: String,
    body: String,
    data: Data,
    priority: String,
    read: bool,
    count: i32,
    action_url: String,
    created_at: At,
    read_at: Option<At>,
    /// Where it stands on the log; the id of its message in the live stream.
    #[serde(skip)]
    pub(crate) position: String,
    /// The offset of that position.
    #[serde(skip)]
    pub(crate) offset: i64,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    subject_type: String,
    subject_id: Uuid,
    actor_id: Option<Uuid>,
    community_id: Option<Uuid>,
    params: BTreeMap<String, String>,
}

#[derive(Debug, FromRow)]
struct Row {
    id: Uuid,
    r#type: String,
    priority: String,
    subject_type: String,
    subject_id: Uuid,
    actor_id: Option<Uuid>,
    community_id: Option<Uuid>,
    params: Json<BTreeMap<String, String>>,
    action_url: String,
    read: bool,
    count: i32,
    created_at: At,
    read_at: Option<At>,
    position: String,
    position_offset: i64,
}

/// A row with its reader and the names that the reader may know.
#[derive(Debug, FromRow)]
struct Told {
    reader: Uuid,
    #[sqlx(flatten)]
    row: Row,
    actor_name: Option<String>,
    request_title: Option<String>,
    community_name: Option<String>,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, type, priority, subject_type, subject_id, actor_id, community_id, params, action_url, read, count,
                    created_at, read_at, position, position_offset
             FROM notifications.notifications WHERE user_id = $1 AND expires_at > $2 ",
            $rest
        )
    };
}

/// Items, newest first. Past their time they are hidden at once.
pub(crate) async fn list(
    mut reading: Reading,
    PathIds(user_id): PathIds<Uuid>,
    mut params: Params,
) -> Answered<Vec<Notification>> {
    let page = Page::<DateTime<Utc>>::read_with_limit(&mut params, "newest", DEFAULT_LIMIT)?;
    let unread = params.flag("unread").unwrap_or(false);
    let r#type = params.short_text("type", 64);
    params.finish()?;
    let (db, who) = reading.parts();
    only_self(who, user_id)?;
    let (total, unread_count): (i64, i64) = sqlx::query_as(
        "SELECT count(*) FILTER (WHERE ($3 = false OR NOT read) AND ($4::text IS NULL OR type = $4)),
                count(*) FILTER (WHERE NOT read)
         FROM notifications.notifications WHERE user_id = $1 AND expires_at > $2",
    )
    .bind(user_id)
    .bind(who.now)
    .bind(unread)
    .bind(&r#type)
    .fetch_one(&mut *db)
    .await?;
    let mut rows: Vec<Row> = sqlx::query_as(select!(
        "AND ($3 = false OR NOT read) AND ($4::text IS NULL OR type = $4)
         AND ($5::timestamptz IS NULL OR (created_at, id) < ($5, $6))
         ORDER BY created_at DESC, id DESC LIMIT $7 OFFSET $8"
    ))
    .bind(user_id)
    .bind(who.now)
    .bind(unread)
    .bind(&r#type)
    .bind(page.after_key())
    .bind(page.after_id())
    .bind(page.fetch())
    .bind(page.offset())
    .fetch_all(&mut *db)
    .await?;
    let pagination = page.cut(&mut rows, total, |it| (it.created_at.0, it.id));
    let items = rendered(db, rows).await?;
    Ok(Answer::ok(items).pagination(pagination).meta(json!({"unreadCount": unread_count})))
}

/// How many are unread.
#[derive(Debug, Serialize)]
pub(crate) struct Count {
    count: i64,
}

/// Unread, unexpired items.
pub(crate) async fn unread_count(mut reading: Reading, PathIds(user_id): PathIds<Uuid>) -> Answered<Count> {
    let (db, who) = reading.parts();
    only_self(who, user_id)?;
    let count = sqlx::query_scalar(
        "SELECT count(*) FROM notifications.notifications WHERE user_id = $1 AND expires_at > $2 AND NOT read",
    )
    .bind(user_id)
    .bind(who.now)
    .fetch_one(db)
    .await?;
    Ok(Answer::ok(Count { count }))
}

/// Items raised after an offset, oldest first; at most `limit`.
pub(crate) async fn after(
    db: &mut PgConnection,
    who: &Who,
    offset: i64,
    limit: i64,
) -> sqlx::Result<Vec<Notification>> {
    let rows =
        sqlx::query_as::<_, Row>(select!("AND position_offset > $3 ORDER BY position_offset LIMIT $4"))
            .bind(who.user_id)
            .bind(who.now)
            .bind(offset)
            .bind(limit)
            .fetch_all(&mut *db)
            .await?;
    rendered(db, rows).await
}

/// Items of several people, each raised after an offset of theirs, oldest first; at most `limit` of each. One round trip,
/// in a transaction that has no caller yet: row security decides for each of them as if they had asked alone.
pub(crate) async fn after_each(
    db: &mut PgConnection,
    people: &[(Uuid, i64)],
    limit: usize,
) -> sqlx::Result<Vec<(Uuid, Notification)>> {
    let (users, offsets): (Vec<Uuid>, Vec<i64>) = people.iter().copied().unzip();
    let rows: Vec<Told> = sqlx::query_as("SELECT * FROM notifications.raised_after($1, $2, $3, $4)")
        .bind(users)
        .bind(offsets)
        .bind(Utc::now())
        .bind(i32::try_from(limit).unwrap_or(i32::MAX))
        .fetch_all(db)
        .await?;
    Ok(rows.into_iter().map(Told::into_view).collect())
}

/// The offset of the last record of each of these people that is parked, if one is. Each stands with their partition.
pub(crate) async fn parked(
    db: &mut PgConnection,
    people: &[(Uuid, i32)],
) -> sqlx::Result<HashMap<Uuid, i64>> {
    if people.is_empty() {
        return Ok(HashMap::new());
    }
    let (users, partitions): (Vec<Uuid>, Vec<i32>) = people.iter().copied().unzip();
    let rows: Vec<(Uuid, i64)> =
        sqlx::query_as("SELECT user_id, record_offset FROM notifications.parked($1, $2)")
            .bind(users)
            .bind(partitions)
            .fetch_all(db)
            .await?;
    Ok(rows.into_iter().collect())
}

/// The offset of the newest item; -1 when there is none.
pub(crate) async fn newest_offset(db: &mut PgConnection, who: &Who) -> sqlx::Result<i64> {
    sqlx::query_scalar(
        "SELECT COALESCE(max(position_offset), -1) FROM notifications.notifications WHERE user_id = $1",
    )
    .bind(who.user_id)
    .fetch_one(db)
    .await
}

/// 403 for somebody else's inbox.
pub(crate) fn only_self(who: &Who, user_id: Uuid) -> Result<(), Problem> {
    if user_id == who.user_id { Ok(()) } else { Err(Problem::forbidden()) }
}

/// Adds the texts.
async fn rendered(db: &mut PgConnection, rows: Vec<Row>) -> sqlx::Result<Vec<Notification>> {
    let people = People::find(db, rows.iter().filter_map(|it| it.actor_id)).await?;
    let requests = names(
        db,
        "SELECT id, title AS name FROM requests.help_requests WHERE id = ANY ($1)",
        rows.iter().filter_map(Row::request_id).collect(),
    )
    .await?;
    let communities = names(
        db,
        "SELECT id, name FROM community.communities WHERE id = ANY ($1)",
        rows.iter().filter_map(|it| it.community_id).collect(),
    )
    .await?;
    let view = |row: Row| {
        let actor = row.actor_id.and_then(|it| people.name(it));
        let request = row.request_id().and_then(|it| requests.get(&it));
        let community = row.community_id.and_then(|it| communities.get(&it));
        row.into_view(actor.as_deref(), request.map(String::as_str), community.map(String::as_str))
    };
    Ok(rows.into_iter().map(view).collect())
}

async fn names(
    db: &mut PgConnection,
    sql: &'static str,
    ids: Vec<Uuid>,
) -> sqlx::Result<HashMap<Uuid, String>> {
    use sqlx::Row as _;
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<PgRow> = sqlx::query(sql).bind(ids).fetch_all(db).await?;
    rows.into_iter().map(|row| Ok((row.try_get("id")?, row.try_get("name")?))).collect()
}

impl Told {
    fn into_view(self) -> (Uuid, Notification) {
        let Self { reader, row, actor_name, request_title, community_name } = self;
        (reader, row.into_view(actor_name.as_deref(), request_title.as_deref(), community_name.as_deref()))
    }
}

impl Row {
    fn request_id(&self) -> Option<Uuid> {
        if self.subject_type == "request" {
            return Some(self.subject_id);
        }
        self.params.get("requestId").and_then(|it| it.parse().ok())
    }

    fn into_view(self, actor: Option<&str>, request: Option<&str>, community: Option<&str>) -> Notification {
        let words = Words { actor, request, community, count: self.count, params: Some(&self.params) };
        let (title, body) = notice_text::text(&self.r#type, &words);
        Notification {
            id: self.id,
            r#type: self.r#type,
            title,
            body,
            data: Data {
                subject_type: self.subject_type,
                subject_id: self.subject_id,
                actor_id: self.actor_id,
                community_id: self.community_id,
                params: self.params.0,
            },
            priority: self.priority,
            read: self.read,
            count: self.count,
            action_url: self.action_url,
            created_at: self.created_at,
            read_at: self.read_at,
            position: self.position,
            offset: self.position_offset,
        }
    }
}

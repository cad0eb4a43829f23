//! Parked keys: what is held back, since when and why, with the ways out; and what was discarded.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use event_log::key_text;
use sqlx::{FromRow, PgPool};

use super::entrance::Operator;
use super::failure::Failure;
use super::page::{Frame, Shown, page};
use super::words;
use crate::app::App;
use crate::params::{Params, encoded};

/// Most parked keys on a page; the longest parked first.
const KEYS: usize = 200;

/// Discarded records on the page, the last first.
const DISCARDED: i64 = 50;

/// A key that is held back, as `projection.parked_keys` has it.
#[derive(Debug, FromRow)]
struct ParkedKey {
    projection: String,
    topic: String,
    partition: i32,
    record_key: Vec<u8>,
    records: i64,
    first_offset: i64,
    kind: String,
    reason: String,
    since: DateTime<Utc>,
}

/// A record that somebody has taken out for good.
#[derive(Debug, FromRow)]
struct Discarded {
    projection: String,
    topic: String,
    partition: i32,
    record_offset: i64,
    record_key: Vec<u8>,
    parked_reason: String,
    discarded_by: String,
    discarded_at: DateTime<Utc>,
    reason: String,
}

/// How many keys of a projection are parked.
#[derive(Debug, FromRow)]
struct Count {
    projection: String,
    keys: i64,
}

/// The last key of a page, in the order of the list: since when, projection, topic, partition, key.
type Cursor = (DateTime<Utc>, String, String, i32, Vec<u8>);

#[derive(Template)]
#[template(path = "console/dead_letters.html")]
struct ListPage {
    frame: Frame,
    counts: Vec<Count>,
    /// The projection that is looked at; empty for all.
    chosen: String,
    keys: Vec<ParkedKey>,
    /// Where the next page is; empty on the last one.
    next: String,
    discarded: Vec<Discarded>,
    now: String,
}

impl ListPage {
    fn all(&self) -> i64 {
        self.counts.iter().map(|it| it.keys).sum()
    }
}

/// GET /console/dead-letters: `projection`, and `after`, where the page before has ended.
pub(super) async fn list(operator: Operator, State(app): State<App>, params: Params) -> Shown {
    let (chosen, after) = (params.text("projection"), params.text("after"));
    let after: Option<Cursor> = after.map(|it| serde_json::from_str(&it)).transpose().map_err(|_| {
        Failure::new(StatusCode::BAD_REQUEST, "the list cannot be continued here: begin from its start")
    })?;
    let counts = sqlx::query_as(
        "SELECT projection, count(*) AS keys FROM projection.parked_keys GROUP BY projection ORDER BY projection",
    );
    let counts = counts.fetch_all(&app.pool).await?;
    let mut keys = keys(&app.pool, chosen.as_deref(), after).await?;
    let more = keys.len() > KEYS;
    keys.truncate(KEYS);
    let next = keys.last().filter(|_| more).map_or_else(String::new, |it| it.next(chosen.as_deref()));
    let discarded = sqlx::query_as(
        "SELECT projection, topic, partition, record_offset, record_key, parked_reason, discarded_by, discarded_at, reason
         FROM projection.discarded WHERE $1 IS NULL OR projection = $1 ORDER BY discarded_at DESC LIMIT $2",
    )
    .bind(&chosen)
    .bind(DISCARDED)
    .fetch_all(&app.pool)
    .await?;
    let (frame, now) = (Frame::of("dead-letters", &operator), words::at(Utc::now()));
    page(&ListPage { frame, counts, chosen: chosen.unwrap_or_default(), keys, next, discarded, now })
}

/// The keys of a page, and one more if there is a next page.
async fn keys(pool: &PgPool, chosen: Option<&str>, after: Option<Cursor>) -> sqlx::Result<Vec<ParkedKey>> {
    let is_first = after.is_none();
    let (since, projection, topic, partition, key) = after.unwrap_or_default();
    sqlx::query_as(
        "SELECT * FROM projection.parked_keys
         WHERE ($1 IS NULL OR projection = $1)
           AND ($2 OR (since, projection, topic, partition, record_key) > ($3, $4, $5, $6, $7))
         ORDER BY since, projection, topic, partition, record_key LIMIT $8",
    )
    .bind(chosen)
    .bind(is_first)
    .bind(since)
    .bind(projection)
    .bind(topic)
    .bind(partition)
    .bind(key)
    .bind(i64::try_from(KEYS + 1).unwrap_or(i64::MAX))
    .fetch_all(pool)
    .await
}

impl ParkedKey {
    fn key(&self) -> String {
        key_text(&self.record_key)
    }

    fn position(&self) -> String {
        format!("{}/{}@{}", self.topic, self.partition, self.first_offset)
    }

    fn age(&self) -> String {
        words::ago(self.since)
    }

    /// The path of the page that begins after this key.
    fn next(&self, chosen: Option<&str>) -> String {
        let key = (self.since, &self.projection, &self.topic, self.partition, &self.record_key);
        let after = serde_json::to_string(&key).unwrap_or_default();
        let chosen = chosen.map_or_else(String::new, |it| format!("projection={}&", encoded(it)));
        format!("/console/dead-letters?{chosen}after={}", encoded(&after))
    }
}

impl Discarded {
    fn key(&self) -> String {
        key_text(&self.record_key)
    }

    fn position(&self) -> String {
        format!("{}/{}@{}", self.topic, self.partition, self.record_offset)
    }

    fn age(&self) -> String {
        words::ago(self.discarded_at)
    }
}

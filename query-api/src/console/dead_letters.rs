//! Parked keys: what is held back, since when and why, with the ways out; and what was discarded.

use askama::Template;
use axum::extract::State;
use chrono::{DateTime, Utc};
use event_log::key_text;
use sqlx::FromRow;

use super::entrance::Operator;
use super::page::{Frame, Shown, page};
use super::words;
use crate::app::App;

/// Most parked keys on the page; the longest parked first.
const KEYS: i64 = 200;

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

#[derive(Template)]
#[template(path = "console/dead_letters.html")]
struct ListPage {
    frame: Frame,
    keys: Vec<ParkedKey>,
    all: i64,
    discarded: Vec<Discarded>,
}

impl ListPage {
    fn some_left(&self) -> bool {
        i64::try_from(self.keys.len()).is_ok_and(|shown| self.all > shown)
    }
}

/// GET /console/dead-letters.
pub(super) async fn list(operator: Operator, State(app): State<App>) -> Shown {
    let keys: Vec<ParkedKey> = sqlx::query_as(
        "SELECT * FROM projection.parked_keys ORDER BY since, projection, topic, partition, record_key LIMIT $1",
    )
    .bind(KEYS)
    .fetch_all(&app.pool)
    .await?;
    let all = sqlx::query_scalar("SELECT count(*) FROM projection.parked_keys").fetch_one(&app.pool).await?;
    let discarded = sqlx::query_as(
        "SELECT projection, topic, partition, record_offset, record_key, parked_reason, discarded_by, discarded_at, reason
         FROM projection.discarded ORDER BY discarded_at DESC LIMIT $1",
    )
    .bind(DISCARDED)
    .fetch_all(&app.pool)
    .await?;
    page(&ListPage { frame: Frame::of("dead-letters", &operator), keys, all, discarded })
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

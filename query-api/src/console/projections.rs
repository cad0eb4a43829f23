//! The read models: how far each is, over the last hour and by partition, what is done to it, and what can be done.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Path, State};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{FromRow, PgPool};
use tracing::warn;

use super::chart::{Chart, Sample};
use super::entrance::Operator;
use super::failure::Failure;
use super::orders::{self, Row as OrderRow};
use super::page::{Frame, Shown, page};
use super::words;
use crate::app::App;

/// What was seen longer ago than this is not what is.
const STALE: TimeDelta = TimeDelta::seconds(35);

/// Orders shown beside a projection.
const ORDERS: i64 = 5;

#[derive(Debug, FromRow)]
struct Row {
    projection: String,
    version: i32,
    tables: Vec<String>,
    outdated: bool,
    kept: Option<i32>,
    replaced_at: Option<DateTime<Utc>>,
    seen_at: Option<DateTime<Utc>>,
    /// When projectors last looked at all that they have.
    looked_at: Option<DateTime<Utc>>,
    status: Option<Json<Value>>,
    job: Option<Json<Value>>,
}

/// What `karmyq projections status --json` told when projectors looked around last.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Seen {
    state: String,
    parked_keys: i64,
    partitions: Vec<SeenPartition>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SeenPartition {
    topic: String,
    partition: i32,
    next_offset: i64,
    end: Option<i64>,
    lag_events: Option<i64>,
    lag_seconds: f64,
    per_second: Option<f64>,
    seconds_left: Option<f64>,
    state: String,
    reason: Option<String>,
    parked_keys: i64,
    hanging: Option<Hanging>,
}

#[derive(Clone, Debug, Deserialize)]
struct Hanging {
    command: String,
}

/// The latest rebuild or rollback, as `projection.latest_jobs` forms it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Job {
    pub(super) kind: String,
    pub(super) version: i32,
    pub(super) state: String,
    pub(super) phase: String,
    pub(super) partitions: Vec<JobPartition>,
    pub(super) records: i64,
    pub(super) rows_written: i64,
    pub(super) rows_total: i64,
    pub(super) per_second: f64,
    pub(super) seconds_left: Option<f64>,
    pub(super) trouble: Option<String>,
    pub(super) throttle: Option<u32>,
    pub(super) started_by: String,
    pub(super) started_at: DateTime<Utc>,
    pub(super) ended_at: Option<DateTime<Utc>>,
    pub(super) error: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct JobPartition {
    next: i64,
    goal: i64,
}

/// A projection as the pages show it.
pub(super) struct Card {
    row: Row,
    seen: Option<Seen>,
    job: Option<Job>,
    chart: Option<Chart>,
}

#[derive(Template)]
#[template(path = "console/projections.html")]
struct ListPage {
    frame: Frame,
    cards: Vec<Card>,
    now: String,
}

#[derive(Template)]
#[template(path = "console/projection.html")]
struct ProjectionPage {
    frame: Frame,
    card: Card,
    orders: Vec<OrderRow>,
    now: String,
}

/// GET /console/projections.
pub(super) async fn list(operator: Operator, State(app): State<App>) -> Shown {
    let cards = cards(&app.pool, None).await?;
    page(&ListPage { frame: Frame::of("projections", &operator), cards, now: words::at(Utc::now()) })
}

/// GET /console/projections/{name}.
pub(super) async fn show(operator: Operator, State(app): State<App>, Path(name): Path<String>) -> Shown {
    let card = card(&app.pool, &name).await?.ok_or_else(|| Failure::not_found("projection"))?;
    let orders = orders::latest(&app.pool, Some(&name), ORDERS).await?;
    let frame = Frame::of("projections", &operator);
    page(&ProjectionPage { frame, card, orders, now: words::at(Utc::now()) })
}

/// A projection; none of this name.
pub(super) async fn card(pool: &PgPool, name: &str) -> sqlx::Result<Option<Card>> {
    Ok(cards(pool, Some(name)).await?.pop())
}

async fn cards(pool: &PgPool, name: Option<&str>) -> sqlx::Result<Vec<Card>> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT a.projection, a.version, a.tables, COALESCE(a.folded_by <> a.fingerprint, false) AS outdated,
                k.version AS kept, k.replaced_at, w.seen_at, w.status, j.job,
                (SELECT max(seen_at) FROM projection.whereabouts) AS looked_at
         FROM projection.active AS a
         LEFT JOIN projection.kept AS k USING (projection)
         LEFT JOIN projection.whereabouts AS w USING (projection)
         LEFT JOIN projection.latest_jobs AS j USING (projection)
         WHERE $1 IS NULL OR a.projection = $1 ORDER BY a.projection",
    )
    .bind(name)
    .fetch_all(pool)
    .await?;
    let samples: Vec<Sample> = sqlx::query_as(
        "SELECT projection, extract(epoch FROM now() - seen_at)::double precision AS age, state, lag_events, lag_seconds
         FROM projection.samples
         WHERE seen_at > now() - interval '1 hour' AND ($1 IS NULL OR projection = $1) ORDER BY projection, seen_at",
    )
    .bind(name)
    .fetch_all(pool)
    .await?;
    let of: HashMap<&str, &[Sample]> = samples
        .chunk_by(|a, b| a.projection == b.projection)
        .filter_map(|chunk| Some((chunk.first()?.projection.as_str(), chunk)))
        .collect();
    let card = |mut row: Row| {
        let chart = of.get(row.projection.as_str()).and_then(|it| Chart::of(it));
        let seen = read(&row.projection, row.status.take());
        let job = read(&row.projection, row.job.take());
        Card { row, seen, job, chart }
    };
    Ok(rows.into_iter().map(card).collect())
}

/// What projectors of another version wrote may not be what this one reads: that is unknown then, and the rest is shown.
fn read<T: DeserializeOwned>(projection: &str, written: Option<Json<Value>>) -> Option<T> {
    let read = serde_json::from_value(written?.0);
    read.inspect_err(|error| warn!(projection, %error, "what projectors wrote down cannot be read")).ok()
}

impl Card {
    fn name(&self) -> &str {
        &self.row.projection
    }

    fn seen(&self) -> Option<&Seen> {
        self.seen.as_ref()
    }

    fn job(&self) -> Option<&Job> {
        self.job.as_ref()
    }

    /// A rebuild or rollback that somebody works on.
    pub(super) fn running(&self) -> Option<&Job> {
        self.job().filter(|it| it.is_running())
    }

    fn is_stale(&self) -> bool {
        self.row.seen_at.is_none_or(|at| Utc::now() - at > STALE)
    }

    /// Projectors have just looked at all that they have, and it is none of that: no code folds it any more.
    pub(super) fn is_without_code(&self) -> bool {
        self.row.seen_at.is_none() && self.row.looked_at.is_some_and(|at| Utc::now() - at <= STALE)
    }

    /// The state as `style.css` names it; unknown while nobody looks.
    fn state(&self) -> &str {
        self.seen().filter(|_| !self.is_stale()).map_or("unknown", |it| it.state.as_str())
    }

    fn looked(&self) -> String {
        match self.row.seen_at {
            Some(at) => format!("projectors looked {} ago", words::ago(at)),
            None => "no projectors have looked yet".to_owned(),
        }
    }

    fn lag_events(&self) -> String {
        self.seen().map_or_else(unknown, |it| {
            words::count(it.partitions.iter().filter_map(|it| it.lag_events).sum())
        })
    }

    fn lag_seconds(&self) -> String {
        let worst = |it: &Seen| it.partitions.iter().map(|it| it.lag_seconds).fold(0.0, f64::max);
        self.seen().map_or_else(unknown, |it| words::seconds(worst(it)))
    }

    /// How fast it catches up and how long that takes yet; none of one that is not behind.
    fn pace(&self) -> Option<(String, String)> {
        let behind: Vec<_> = self.seen()?.partitions.iter().filter(|it| it.per_second.is_some()).collect();
        let rate = words::whole(behind.iter().filter_map(|it| it.per_second).sum());
        // The slowest decides, and one that stands still never gets there.
        let left: Option<Vec<f64>> = behind.iter().map(|it| it.seconds_left).collect();
        let left = left.and_then(|it| it.into_iter().reduce(f64::max)).map_or_else(unknown, words::seconds);
        (!behind.is_empty()).then(|| (format!("{rate}/s"), left))
    }

    fn parked_keys(&self) -> i64 {
        self.seen().map_or(0, |it| it.parked_keys)
    }

    fn kept(&self) -> String {
        match (self.row.kept, self.row.replaced_at) {
            (Some(version), Some(at)) => format!("version {version}, replaced {} ago", words::ago(at)),
            _ => "none".to_owned(),
        }
    }
}

impl SeenPartition {
    fn end(&self) -> String {
        self.end.map_or_else(unknown, words::count)
    }

    fn lag_events(&self) -> String {
        self.lag_events.map_or_else(unknown, words::count)
    }

    fn rate(&self) -> String {
        self.per_second.map_or_else(unknown, |it| format!("{}/s", words::whole(it)))
    }

    fn left(&self) -> String {
        self.seconds_left.map_or_else(unknown, words::seconds)
    }
}

impl Job {
    pub(super) fn is_running(&self) -> bool {
        self.state == "running"
    }

    /// How much of the phase is done, of how much, as `karmyq projections status` counts it.
    pub(super) fn done_of(&self) -> (i64, i64) {
        if self.phase == "writing" {
            return (self.rows_written, self.rows_total);
        }
        let sum = |of: fn(&JobPartition) -> i64| self.partitions.iter().map(of).sum();
        (sum(|it| it.next.min(it.goal)), sum(|it| it.goal))
    }

    pub(super) fn done(&self) -> i64 {
        self.done_of().0
    }

    pub(super) fn total(&self) -> i64 {
        self.done_of().1.max(1)
    }

    pub(super) fn percent(&self) -> i64 {
        (self.done().saturating_mul(100) / self.total()).clamp(0, 100)
    }

    pub(super) fn left(&self) -> String {
        self.seconds_left
            .map_or_else(String::new, |it| format!("about {} left in this phase", words::seconds(it)))
    }

    pub(super) fn pace(&self) -> String {
        let what = if self.phase == "writing" { "rows" } else { "events" };
        format!("{} {what}/s", words::whole(self.per_second))
    }

    pub(super) fn phase(&self) -> &str {
        if self.phase == "catching_up" { "catching up" } else { &self.phase }
    }

    pub(super) fn ended(&self) -> String {
        self.ended_at.map_or_else(String::new, |at| format!("{} ago", words::ago(at)))
    }
}

/// A state in words.
pub(super) fn in_words(state: &str) -> String {
    state.replace('_', " ")
}

fn unknown() -> String {
    "–".to_owned()
}

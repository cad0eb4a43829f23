//! Status: how far every projection is, and whether it moves.

use std::time::Duration;

use chrono::{DateTime, Utc};
use event_log::Position;
use serde::Serialize;
use sqlx::PgPool;

use crate::projection::Registration;
use crate::rebuild::Error;
use crate::registry;
use crate::replay::{self, Source};

/// A checkpoint that has not moved for so long, while there is something to fold, stands still.
const STILL: chrono::TimeDelta = chrono::TimeDelta::seconds(30);

/// Longest look for the oldest record that is not folded.
const PEEK: Duration = Duration::from_millis(500);

/// A projection.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProjectionStatus {
    /// Its name.
    pub projection: &'static str,
    /// The live version; none before its first start.
    pub version: Option<i32>,
    /// The rows were made by other code than this: a rebuild is due.
    pub outdated: bool,
    /// Records set aside.
    pub parked: i64,
    /// Its partitions.
    pub partitions: Vec<PartitionStatus>,
}

/// A partition of a projection.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PartitionStatus {
    /// The topic.
    pub topic: String,
    /// The number of the partition.
    pub partition: i32,
    /// The first offset that is not folded.
    pub next_offset: i64,
    /// The end of the committed log.
    pub end: i64,
    /// Records that are not folded; counted up to 1 000, beyond that the distance of the offsets.
    pub lag_events: i64,
    /// Age of the oldest of them in seconds; 0 without any.
    pub lag_seconds: f64,
    /// Whether it moves.
    pub state: State,
    /// When the checkpoint last moved.
    pub updated_at: Option<DateTime<Utc>>,
}

/// Whether a partition's projection moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nothing is left to fold.
    CaughtUp,
    /// It folds and is not at the end yet.
    Behind,
    /// There is something to fold and the checkpoint has not moved for 30 seconds.
    Still,
}

/// The status of all projections, or of the named one.
///
/// # Errors
/// When there is no such projection, or log or database fail.
pub async fn status(
    source: &Source,
    pool: &PgPool,
    name: Option<&str>,
) -> Result<Vec<ProjectionStatus>, Error> {
    let registrations: Vec<&Registration> = match name {
        Some(name) => vec![registry::named(name).ok_or_else(|| Error::Unknown(name.to_owned()))?],
        None => registry::PROJECTIONS.iter().collect(),
    };
    let mut all = Vec::new();
    for registration in registrations {
        all.push(of_projection(source, pool, registration).await?);
    }
    Ok(all)
}

async fn of_projection(
    source: &Source,
    pool: &PgPool,
    registration: &Registration,
) -> Result<ProjectionStatus, Error> {
    let active: Option<(i32, String)> =
        sqlx::query_as("SELECT version, fingerprint FROM projection.active WHERE projection = $1")
            .bind(registration.name)
            .fetch_optional(pool)
            .await?;
    let version = active.as_ref().map(|it| it.0);
    let parked =
        sqlx::query_scalar("SELECT count(*) FROM projection.parked WHERE projection = $1 AND version = $2")
            .bind(registration.name)
            .bind(version)
            .fetch_one(pool)
            .await?;
    let mut partitions = Vec::new();
    for of in source.partitions(registration) {
        let checkpoint: Option<(i64, DateTime<Utc>)> = sqlx::query_as(
            "SELECT next_offset, updated_at FROM projection.checkpoints
             WHERE projection = $1 AND version = $2 AND topic = $3 AND partition = $4",
        )
        .bind(registration.name)
        .bind(version)
        .bind(&*of.topic)
        .bind(of.partition)
        .fetch_optional(pool)
        .await?;
        let next = Position { of, offset: checkpoint.map_or(0, |it| it.0) };
        partitions.push(of_partition(source, next, checkpoint.map(|it| it.1)).await?);
    }
    let outdated = active.is_some_and(|(_, fingerprint)| fingerprint != registration.fingerprint());
    Ok(ProjectionStatus { projection: registration.name, version, outdated, parked, partitions })
}

async fn of_partition(
    source: &Source,
    next: Position,
    updated_at: Option<DateTime<Utc>>,
) -> Result<PartitionStatus, Error> {
    let end = source.log.last_stable_offset(&next.of).await.map_err(replay::Error::from)?;
    let (lag_events, lag_seconds) = if next.offset < end { lag(source, &next, end).await? } else { (0, 0.0) };
    let state = match updated_at {
        _ if lag_events == 0 => State::CaughtUp,
        Some(updated_at) if Utc::now() - updated_at < STILL => State::Behind,
        Some(_) | None => State::Still,
    };
    Ok(PartitionStatus {
        topic: next.of.topic.to_string(),
        partition: next.of.partition,
        next_offset: next.offset,
        end,
        lag_events,
        lag_seconds,
        state,
        updated_at,
    })
}

/// Number of records from `next` on and the age of the first. Offsets cannot tell: transaction markers have some, too.
async fn lag(source: &Source, next: &Position, end: i64) -> Result<(i64, f64), replay::Error> {
    const COUNTED: usize = 1_000;
    let mut reader = source.log.reader(vec![(next.of.clone(), next.offset)]).await?;
    let records = reader.next(COUNTED, PEEK).await?;
    let count =
        if records.len() < COUNTED { i64::try_from(records.len()).unwrap_or(0) } else { end - next.offset };
    let age_ms = records.first().map_or(0, |it| Utc::now().timestamp_millis() - it.timestamp_ms);
    Ok((count, age_ms.max(0) as f64 / 1_000.0))
}

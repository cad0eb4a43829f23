//! The jobs of others: seen, cancelled, and cleaned up after, from any process.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use sqlx::types::Json;
use tracing::warn;

use super::{Error, PartitionProgress, Phase, job};
use crate::registry;

/// How long a job that was told to stop may take to do so.
const STOPPING: Duration = Duration::from_secs(30);

/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(200);

/// The latest job of a projection.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobStatus {
    /// The projection.
    pub projection: String,
    /// `rebuild`, `rollback` or `heal`.
    pub kind: String,
    /// The version that it builds, brings back, or heals.
    pub version: i32,
    /// Whether it goes on, or how it ended.
    pub state: JobState,
    /// What it was doing last.
    pub phase: Phase,
    /// How far each partition is read.
    pub partitions: Vec<PartitionProgress>,
    /// Records folded.
    pub records: u64,
    /// Rows copied.
    pub rows_written: u64,
    /// Rows to copy; 0 before they are known.
    pub rows_total: u64,
    /// Records or rows a second in this phase.
    pub per_second: f64,
    /// Estimate for this phase.
    pub seconds_left: Option<f64>,
    /// What it waits for, when it does not get on.
    pub trouble: Option<String>,
    /// Most events a second that it may read.
    pub throttle: Option<u32>,
    /// Who started it, from where.
    pub started_by: String,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it last told.
    pub updated_at: DateTime<Utc>,
    /// Who wants it to stop.
    pub cancel_wished_by: Option<String>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Why it failed.
    pub error: Option<String>,
}

/// Whether a job goes on, or how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Somebody works on it.
    Running,
    /// Its process is gone, and nobody has cleaned up yet.
    Dead,
    /// Its version became the live one, or its rows are healed.
    Done,
    /// Somebody wanted it to stop; nothing of it is left.
    Cancelled,
    /// It could not go on; nothing of it is left.
    Failed,
    /// Its process was gone; nothing of it is left.
    Interrupted,
}

/// What became of a wish to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cancelled {
    /// There was nothing to stop.
    NothingRan,
    /// Its process was gone already; what it had left is cleaned up.
    CleanedUp,
    /// It has ended like this: usually cancelled, or done when it was too late.
    Ended(JobState),
    /// It knows, and has not stopped in time; it will when it gets on.
    Stopping,
}

/// The latest job of a projection.
///
/// # Errors
/// When the database fails.
pub async fn latest(pool: &PgPool, projection: &str) -> sqlx::Result<Option<JobStatus>> {
    let job: Option<Json<JobStatus>> =
        sqlx::query_scalar("SELECT job FROM projection.latest_jobs WHERE projection = $1")
            .bind(projection)
            .fetch_optional(pool)
            .await?;
    Ok(job.map(|it| it.0))
}

/// Stops the job of a projection, wherever it runs, and waits until it has.
///
/// # Errors
/// When there is no such projection, or the database fails.
pub async fn cancel(owner: &PgPool, name: &str, by: &str) -> Result<Cancelled, Error> {
    let registration = super::named(name)?;
    let mut connection = owner.acquire().await?;
    if job::clean_up(&mut connection, registration.name).await? {
        return Ok(Cancelled::CleanedUp);
    }
    let id: Option<i64> = sqlx::query_scalar(
        "UPDATE projection.rebuilds SET cancel_wished_by = $2 WHERE projection = $1 AND outcome IS NULL RETURNING id",
    )
    .bind(registration.name)
    .bind(by)
    .fetch_optional(&mut *connection)
    .await?;
    let Some(id) = id else { return Ok(Cancelled::NothingRan) };
    let ended = async {
        loop {
            if job::clean_up(&mut connection, registration.name).await? {
                return Ok(Cancelled::CleanedUp);
            }
            match latest(owner, registration.name).await? {
                Some(it) if !matches!(it.state, JobState::Running | JobState::Dead) => {
                    return Ok(Cancelled::Ended(it.state));
                }
                _ => tokio::time::sleep(LOOK).await,
            }
        }
    };
    tracing::debug!(projection = registration.name, id, "waiting for the job to end");
    tokio::time::timeout(STOPPING, ended).await.unwrap_or(Ok(Cancelled::Stopping))
}

/// Cleans up after jobs of whatever projection whose process is gone.
///
/// # Errors
/// When the database fails.
pub async fn clean_up_all(pool: &PgPool) -> sqlx::Result<()> {
    let mut connection = pool.acquire().await?;
    for registration in registry::PROJECTIONS {
        job::clean_up(&mut connection, registration.name).await?;
    }
    Ok(())
}

/// As [`clean_up_all`]; what cannot be done now is left to the next one who comes.
pub(crate) async fn clean_up_at_start(pool: &PgPool) {
    if let Err(error) = clean_up_all(pool).await {
        warn!(%error, "could not look for rebuilds whose process is gone");
    }
}

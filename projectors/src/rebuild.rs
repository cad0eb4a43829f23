//! Rebuild: blue/green. New tables beside the live ones, filled with COPY and indexed afterwards, caught up, swapped in
//! one transaction. No query ever sees a half-built model; cancelling leaves nothing behind; the version before stays,
//! detached, so that going back is a swap.
//!
//! Runs as the owner of the tables: only an owner may attach a partition.

use std::time::{Duration, Instant};

use futures::{FutureExt as _, StreamExt as _};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, PgPool};
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::known::Known;
use crate::projection::Registration;
use crate::replay::{self, Offsets, Replay, Source};
use crate::table::AnyTable;
use crate::{registry, swap};

/// Tables filled at once.
const PARALLEL_TABLES: usize = 2;

/// What a rebuild is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Reading the topics and folding.
    Folding,
    /// Copying rows into the new tables and indexing them.
    Writing,
    /// Folding what came meanwhile, and putting the new tables in place.
    Swapping,
}

/// How far a rebuild is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// What it is doing.
    pub phase: Phase,
    /// Records folded, or rows written.
    pub done: u64,
    /// Offsets to pass when folding (an upper bound of the records), rows when writing.
    pub total: u64,
    /// Estimate for this phase.
    pub time_left: Option<Duration>,
}

/// What a rebuild has done.
#[derive(Clone, Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The projection.
    pub projection: &'static str,
    /// The version that is live now.
    pub version: i32,
    /// Records read.
    pub records: u64,
    /// Rows written.
    pub rows: u64,
    /// Records that had to be parked.
    pub parked: usize,
    /// Seconds of reading and folding.
    pub folding_seconds: f64,
    /// Seconds of copying and indexing.
    pub writing_seconds: f64,
    /// Seconds of catching up and swapping.
    pub swapping_seconds: f64,
}

/// A rebuild failed; the live version is as it was.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such projection.
    #[error("there is no projection {0:?}; there are {names}", names = registry::names())]
    Unknown(String),
    /// Another rebuild of it runs.
    #[error("another rebuild of {0} is running")]
    Running(&'static str),
    /// It was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// The log could not be replayed.
    #[error(transparent)]
    Replay(#[from] replay::Error),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Rebuilds the projection and puts the result in place. `owner` connects as the owner of the tables.
///
/// # Errors
/// [`Error`]; the live version goes on then as if nothing had been tried.
pub async fn rebuild(
    source: &Source,
    owner: &PgPool,
    name: &str,
    mut progress: impl FnMut(Progress) + Send,
    cancelled: &CancellationToken,
) -> Result<Report, Error> {
    let registration = registry::named(name).ok_or_else(|| Error::Unknown(name.to_owned()))?;
    let mut alone = owner.acquire().await?;
    if !only_one(&mut alone, registration).await? {
        return Err(Error::Running(registration.name));
    }
    let version = swap::next_version(&mut alone, registration).await?;
    let result = build(source, owner, registration, version, &mut progress, cancelled).await;
    if result.is_err() {
        for table in (registration.new)().tables() {
            swap::drop_table(&mut alone, &swap::versioned(table.name(), version)).await?;
        }
    }
    // Closing it is what gives the lock back, whatever happened in between.
    alone.close().await?;
    result
}

/// A lock for the length of the session, so that two rebuilds of a projection do not meet.
async fn only_one(connection: &mut PgConnection, registration: &Registration) -> sqlx::Result<bool> {
    sqlx::query_scalar("SELECT pg_try_advisory_lock(hashtextextended('karmyq rebuild ' || $1, 0))")
        .bind(registration.name)
        .fetch_one(connection)
        .await
}

async fn build(
    source: &Source,
    owner: &PgPool,
    registration: &'static Registration,
    version: i32,
    progress: &mut (impl FnMut(Progress) + Send),
    cancelled: &CancellationToken,
) -> Result<Report, Error> {
    let started = Instant::now();
    let mut replay = Replay::new(registration, Known::of(owner, registration).await?);
    let goals = source.ends(registration).await.map_err(replay::Error::from)?;
    let folding = fold(&mut replay, source, &goals, progress);
    cancelled.run_until_cancelled(folding).await.ok_or(Error::Cancelled)??;
    let folded = Instant::now();
    let rows = write(owner, &mut replay, version, progress, cancelled).await?;
    let written = Instant::now();
    progress(Progress { phase: Phase::Swapping, done: 0, total: 1, time_left: None });
    catch_up(source, owner, &mut replay, registration, version).await?;
    swap::swap_in(source, owner, &mut replay, registration, version).await?;
    progress(Progress { phase: Phase::Swapping, done: 1, total: 1, time_left: Some(Duration::ZERO) });
    info!(projection = registration.name, version, rows, "rebuilt a projection");
    Ok(Report {
        projection: registration.name,
        version,
        records: replay.records,
        rows,
        parked: replay.parked.len(),
        folding_seconds: (folded - started).as_secs_f64(),
        writing_seconds: (written - folded).as_secs_f64(),
        swapping_seconds: written.elapsed().as_secs_f64(),
    })
}

async fn fold(
    replay: &mut Replay,
    source: &Source,
    goals: &Offsets,
    progress: &mut (impl FnMut(Progress) + Send),
) -> Result<(), Error> {
    let started = Instant::now();
    let total = goals.values().map(|it| u64::try_from(*it).unwrap_or(0)).sum();
    let report = |done| {
        progress(Progress { phase: Phase::Folding, done, total, time_left: left(started, done, total) })
    };
    Ok(replay.fold_to(source, goals, report).await?)
}

/// Fills and indexes the new tables; the number of rows.
async fn write(
    owner: &PgPool,
    replay: &mut Replay,
    version: i32,
    progress: &mut (impl FnMut(Progress) + Send),
    cancelled: &CancellationToken,
) -> Result<u64, Error> {
    let tables = replay.projection.tables();
    let total = tables.iter().map(|it| it.row_count() as u64).sum();
    let started = Instant::now();
    // One failure ends the others, and all of them are awaited: a transaction that nobody awaits could still commit
    // after the tables were dropped.
    let failed = cancelled.child_token();
    let fills: Vec<_> =
        tables.into_iter().map(|table| fill(owner, table, version, &failed).boxed()).collect();
    let mut filling = futures::stream::iter(fills).buffer_unordered(PARALLEL_TABLES);
    let mut outcome = Ok(0);
    while let Some(filled) = filling.next().await {
        outcome = match (outcome, filled) {
            (Ok(done), Ok(rows)) => {
                let done = done + rows;
                progress(Progress {
                    phase: Phase::Writing,
                    done,
                    total,
                    time_left: left(started, done, total),
                });
                Ok(done)
            }
            (Err(first), _) | (Ok(_), Err(first)) => {
                failed.cancel();
                Err(first)
            }
        };
    }
    outcome
}

/// Creates, fills and indexes one table. In one transaction: rows copied into a table that the same transaction created
/// need no write-ahead log.
async fn fill(
    owner: &PgPool,
    table: &mut dyn AnyTable,
    version: i32,
    cancelled: &CancellationToken,
) -> Result<u64, Error> {
    let mut connection = owner.acquire().await?;
    let mut transaction = connection.begin().await?;
    match cancelled.run_until_cancelled(copy(&mut transaction, table, version)).await {
        Some(Ok(rows)) => {
            transaction.commit().await?;
            Ok(rows)
        }
        Some(Err(error)) => Err(error.into()),
        None => {
            transaction.rollback().await?;
            Err(Error::Cancelled)
        }
    }
}

async fn copy(connection: &mut PgConnection, table: &mut dyn AnyTable, version: i32) -> sqlx::Result<u64> {
    let target = swap::versioned(table.name(), version);
    swap::drop_table(connection, &target).await?;
    let create =
        format!("CREATE TABLE {target} (LIKE {} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)", table.name());
    sqlx::query(AssertSqlSafe(create)).execute(&mut *connection).await?;
    let rows = table.copy_all(connection, &target).await?;
    swap::copy_indexes(connection, table.name(), &target).await?;
    sqlx::query(AssertSqlSafe(format!("ANALYZE {target}"))).execute(connection).await?;
    Ok(rows)
}

/// Folds what came while the tables were filled, so that little is left for the swap, which makes others wait.
async fn catch_up(
    source: &Source,
    owner: &PgPool,
    replay: &mut Replay,
    registration: &Registration,
    version: i32,
) -> Result<(), Error> {
    let goals = source.ends(registration).await.map_err(replay::Error::from)?;
    replay.fold_to(source, &goals, |_| {}).await?;
    let mut transaction = owner.begin().await?;
    swap::write_changes(&mut transaction, replay, version).await?;
    transaction.commit().await?;
    Ok(())
}

/// The time that the rest takes at the pace so far.
fn left(started: Instant, done: u64, total: u64) -> Option<Duration> {
    (done > 0).then(|| started.elapsed().mul_f64(total.saturating_sub(done) as f64 / done as f64))
}

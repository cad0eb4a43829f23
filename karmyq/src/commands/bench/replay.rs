//! Replay: how fast a rebuild brings the log into PostgreSQL, against PostgreSQL given the same rows ready-made.

use std::num::NonZeroU32;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use futures::TryStreamExt;
use futures::future::try_join_all;
use projectors::rebuild::{Error, Options, Report, rebuild};
use projectors::registry;
use projectors::verify::checksums;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool};
use tokio_util::sync::CancellationToken;

use crate::engine::Engine;

/// What a rebuild and a plain COPY came to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Replayed {
    /// Records of the log.
    pub(super) events: u64,
    /// Records of the log a second, from the first read to the swap.
    pub(super) events_per_second: f64,
    /// From the first read to the swap.
    pub(super) seconds: f64,
    /// Rows that came of them.
    pub(super) rows: u64,
    /// Rows a second by COPY into tables without indexes.
    pub(super) copy_rows_per_second: f64,
}

/// Rebuilds a projection, then copies its rows into bare tables and forgets them.
pub(super) async fn measure(engine: &Engine, owner: &PgPool, projection: &str) -> Result<Replayed> {
    let report = rebuilt(engine, owner, projection).await?;
    let seconds = report.folding_seconds + report.writing_seconds + report.swapping_seconds;
    let (mut rows, mut copy_seconds) = (0, 0.0);
    let mut connection = owner.acquire().await?;
    for (table, checksum) in checksums(owner, projection).await? {
        if checksum.rows > 0 {
            rows += u64::try_from(checksum.rows)?;
            copy_seconds += copy(&mut connection, table).await.with_context(|| format!("copying {table}"))?;
        }
    }
    ensure!(rows > 0, "{projection} has no rows to copy");
    Ok(Replayed {
        events: report.records,
        events_per_second: report.records as f64 / seconds,
        seconds,
        rows,
        copy_rows_per_second: rows as f64 / copy_seconds,
    })
}

/// Rebuilds all projections at the same time; records a second, each counted for every projection that reads it.
pub(super) async fn all_at_once(engine: &Engine, owner: &PgPool) -> Result<f64> {
    let began = Instant::now();
    let all = registry::PROJECTIONS.iter().map(|it| rebuilt(engine, owner, it.name));
    let reports = try_join_all(all).await?;
    let records: u64 = reports.iter().map(|it| it.records).sum();
    Ok(records as f64 / began.elapsed().as_secs_f64())
}

/// Rebuilds a projection, reading at most so many events a second, and again, until there is enough of it.
pub(super) async fn again_and_again(
    engine: &Engine,
    owner: &PgPool,
    projection: &str,
    throttle: Option<NonZeroU32>,
    enough: &CancellationToken,
) -> Result<()> {
    let options = Options { throttle, ..Options::default() };
    while !enough.is_cancelled() {
        match rebuild(&engine.source(), owner, projection, &options, |_| {}, enough).await {
            Ok(_) | Err(Error::Cancelled) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

async fn rebuilt(engine: &Engine, owner: &PgPool, projection: &str) -> Result<Report> {
    let never = CancellationToken::new();
    let report = rebuild(&engine.source(), owner, projection, &Options::default(), |_| {}, &never).await?;
    ensure!(report.parked == 0, "{} records of {projection} could not be folded", report.parked);
    Ok(report)
}

/// Copies the rows of a table into a bare one; the seconds that it took.
async fn copy(connection: &mut PgConnection, table: &str) -> Result<f64> {
    let select = format!("COPY (SELECT * FROM {table}) TO STDOUT (FORMAT binary)");
    let rows: Vec<_> = connection.copy_out_raw(&select).await?.try_collect().await?;
    let mut transaction = connection.begin().await?;
    let create = format!("CREATE TABLE projection.bench_copy (LIKE {table})");
    sqlx::query(AssertSqlSafe(create)).execute(&mut *transaction).await?;
    let started = Instant::now();
    let mut copying =
        transaction.copy_in_raw("COPY projection.bench_copy FROM STDIN (FORMAT binary)").await?;
    for chunk in rows.chunks(256) {
        copying.send(chunk.concat()).await?;
    }
    copying.finish().await?;
    let seconds = started.elapsed().as_secs_f64();
    transaction.rollback().await?;
    Ok(seconds)
}

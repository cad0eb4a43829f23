//! Replay: how fast a rebuild brings the log into PostgreSQL, against PostgreSQL given the same rows ready-made.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use futures::TryStreamExt;
use projectors::rebuild::{Options, rebuild};
use projectors::verify::checksums;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool};
use tokio_util::sync::CancellationToken;

use crate::engine::Engine;

/// The projection with the most rows.
const PROJECTION: &str = "requests";

/// What a rebuild and a plain COPY came to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Replayed {
    /// Records of the log a second, from the first read to the swap.
    pub(super) events_per_second: f64,
    /// Rows a second by COPY into tables without indexes.
    pub(super) copy_rows_per_second: f64,
}

/// Rebuilds the projection, then copies its rows into bare tables and forgets them.
pub(super) async fn measure(engine: &Engine, owner: &PgPool) -> Result<Replayed> {
    let never = CancellationToken::new();
    let report = rebuild(&engine.source(), owner, PROJECTION, &Options::default(), |_| {}, &never).await?;
    ensure!(report.parked == 0, "{} records could not be folded", report.parked);
    let seconds = report.folding_seconds + report.writing_seconds + report.swapping_seconds;
    let (mut rows, mut copy_seconds) = (0, 0.0);
    let mut connection = owner.acquire().await?;
    for (table, checksum) in checksums(owner, PROJECTION).await? {
        if checksum.rows > 0 {
            rows += checksum.rows;
            copy_seconds += copy(&mut connection, table).await.with_context(|| format!("copying {table}"))?;
        }
    }
    ensure!(rows > 0, "{PROJECTION} has no rows to copy");
    Ok(Replayed {
        events_per_second: report.records as f64 / seconds,
        copy_rows_per_second: rows as f64 / copy_seconds,
    })
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

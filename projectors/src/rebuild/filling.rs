//! Filling the tables of a new version: COPY without indexes, which come afterwards.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::{FutureExt as _, StreamExt as _};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, PgPool};
use tokio_util::sync::CancellationToken;

use super::job::Job;
use super::patience::Patience;
use super::{Error, Meter};
use crate::pace::Pace;
use crate::replay::Replay;
use crate::table::{self, AnyTable};
use crate::versions;

/// Tables filled at once.
const PARALLEL_TABLES: usize = 2;

/// How often progress is told.
const EVERY: Duration = Duration::from_millis(250);

/// Fills and indexes the new tables; the number of rows.
pub(super) async fn fill_all(
    owner: &PgPool,
    job: &Job,
    replay: &mut Replay,
    pace: &Pace,
    meter: &mut Meter<'_>,
) -> Result<u64, Error> {
    let filling = Filling { owner, job, pace };
    let tables = replay.projection.tables();
    meter.writing(tables.iter().map(|it| it.row_count() as u64).sum());
    let written: Vec<AtomicU64> = tables.iter().map(|_| AtomicU64::new(0)).collect();
    let rows = || written.iter().map(|it| it.load(Ordering::Relaxed)).sum();
    // One failure ends the others, and all of them are awaited: a transaction that nobody awaits could still commit
    // after the tables were dropped.
    let failed = job.cancelled.child_token();
    let fills: Vec<_> = tables
        .into_iter()
        .zip(&written)
        .map(|(table, written)| filling.fill(table, written, &failed).boxed())
        .collect();
    let mut under_way = futures::stream::iter(fills).buffer_unordered(PARALLEL_TABLES);
    let mut ticks = tokio::time::interval(EVERY);
    let mut outcome = Ok(());
    loop {
        tokio::select! {
            _ = ticks.tick() => meter.wrote(rows()),
            filled = under_way.next() => match filled {
                None => break,
                Some(Ok(())) => {}
                Some(Err(error)) => {
                    failed.cancel();
                    outcome = outcome.and(Err(error));
                }
            },
        }
    }
    outcome?;
    meter.wrote(rows());
    Ok(rows())
}

/// What filling any table takes.
struct Filling<'a> {
    owner: &'a PgPool,
    job: &'a Job,
    pace: &'a Pace,
}

impl Filling<'_> {
    /// Creates, fills and indexes one table, again from the start when the connection is lost.
    async fn fill(
        &self,
        table: &mut dyn AnyTable,
        written: &AtomicU64,
        cancelled: &CancellationToken,
    ) -> Result<(), Error> {
        let mut patience = Patience::default();
        loop {
            written.store(0, Ordering::Relaxed);
            match self.try_to_fill(table, written, cancelled).await {
                Ok(()) => return Ok(()),
                Err(error) => patience.after(error, cancelled).await?,
            }
        }
    }

    /// In one transaction: rows copied into a table that the same transaction created need no write-ahead log.
    async fn try_to_fill(
        &self,
        table: &mut dyn AnyTable,
        written: &AtomicU64,
        cancelled: &CancellationToken,
    ) -> Result<(), Error> {
        let mut connection = table::copying(self.owner).await?;
        let mut transaction = connection.begin().await?;
        match cancelled.run_until_cancelled(self.copy(&mut transaction, table, written)).await {
            Some(Ok(())) => {
                self.job.hold(&mut transaction).await?;
                transaction.commit().await?;
                Ok(())
            }
            Some(Err(error)) => Err(error.into()),
            None => {
                transaction.rollback().await?;
                Err(Error::Cancelled)
            }
        }
    }

    async fn copy(
        &self,
        connection: &mut PgConnection,
        table: &mut dyn AnyTable,
        written: &AtomicU64,
    ) -> sqlx::Result<()> {
        let target = versions::versioned(table.name(), self.job.version);
        versions::drop_table(connection, &target).await?;
        let create =
            format!("CREATE TABLE {target} (LIKE {} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)", table.name());
        sqlx::query(AssertSqlSafe(create)).execute(&mut *connection).await?;
        table.copy_all(connection, &target, written, self.pace).await?;
        versions::copy_indexes(connection, table.name(), &target).await?;
        sqlx::query(AssertSqlSafe(format!("ANALYZE {target}"))).execute(connection).await?;
        Ok(())
    }
}

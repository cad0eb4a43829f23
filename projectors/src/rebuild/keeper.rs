//! Beside a job: holds its lock, tells its progress once a second, and hears when somebody wants it to stop.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{Progress, job};
use crate::backoff::Backoff;

/// How often progress is written and wishes are heard.
const EVERY: Duration = Duration::from_secs(1);

/// Why a job stops, when its caller did not stop it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stopped {
    /// Somebody wants it.
    Wished,
    /// It was taken for dead.
    GivenUp,
}

pub(super) struct Keeper {
    pub(super) owner: PgPool,
    pub(super) projection: &'static str,
    pub(super) id: i64,
    pub(super) told: watch::Receiver<Progress>,
    pub(super) cancelled: CancellationToken,
    pub(super) stopped: Arc<OnceLock<Stopped>>,
}

/// What the job's row says.
enum Heard {
    Nothing,
    Wish(String),
    GivenUp,
}

impl Keeper {
    /// Keeps the job until it ends; gives the connection back that holds the lock, if it has it then.
    pub(super) async fn run(
        self,
        connection: PgConnection,
        ended: CancellationToken,
    ) -> Option<PgConnection> {
        let mut connection = Some((connection, 0));
        while ended.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some() {
            let Some((held, backend)) = &mut connection else {
                connection = self.regain(None, &ended).await;
                continue;
            };
            match self.beat(held, backend).await {
                Ok(Heard::Nothing) => {}
                Ok(Heard::Wish(by)) => {
                    info!(projection = self.projection, by, "somebody wants the job to stop");
                    self.stop(Stopped::Wished);
                }
                Ok(Heard::GivenUp) => self.stop(Stopped::GivenUp),
                Err(error) => {
                    warn!(projection = self.projection, %error, "the job's lock is lost, taking it again");
                    let ghost = *backend;
                    connection = self.regain(Some(ghost), &ended).await;
                }
            }
        }
        connection.map(|it| it.0)
    }

    fn stop(&self, why: Stopped) {
        // The first reason counts.
        let _ = self.stopped.set(why);
        self.cancelled.cancel();
    }

    /// Tells progress; what the row says.
    async fn beat(&self, connection: &mut PgConnection, backend: &mut i32) -> sqlx::Result<Heard> {
        let Progress { phase, records, rows_written, rows_total, partitions, per_second, time_left, trouble } =
            self.told.borrow().clone();
        let count = |it: u64| i64::try_from(it).unwrap_or(i64::MAX);
        let row: Option<(Option<String>, i32)> = sqlx::query_as(
            "UPDATE projection.rebuilds
             SET phase = $2, records = $3, rows_written = $4, rows_total = $5, partitions = $6, per_second = $7,
                 seconds_left = $8, trouble = $9, updated_at = now()
             WHERE id = $1 AND outcome IS NULL
             RETURNING cancel_wished_by, pg_backend_pid()",
        )
        .bind(self.id)
        .bind(phase.name())
        .bind(count(records))
        .bind(count(rows_written))
        .bind(count(rows_total))
        .bind(Json(partitions))
        .bind(per_second)
        .bind(time_left.map(|it| it.as_secs_f64()))
        .bind(trouble)
        .fetch_optional(connection)
        .await?;
        Ok(match row {
            None => Heard::GivenUp,
            Some((wish, pid)) => {
                *backend = pid;
                wish.map_or(Heard::Nothing, Heard::Wish)
            }
        })
    }

    /// Connects and takes the lock again. `ghost` is the server's end of the connection that was lost, which may hold the
    /// lock for as long as it does not notice.
    async fn regain(&self, ghost: Option<i32>, ended: &CancellationToken) -> Option<(PgConnection, i32)> {
        let mut backoff = Backoff::default();
        loop {
            match self.try_again(ghost).await {
                Ok(Some(connection)) => return Some((connection, 0)),
                Ok(None) => info!(projection = self.projection, "the job's lock is not free yet"),
                Err(error) => {
                    warn!(projection = self.projection, %error, "the job's lock cannot be taken again")
                }
            }
            if !backoff.wait(ended).await {
                return None;
            }
        }
    }

    async fn try_again(&self, ghost: Option<i32>) -> sqlx::Result<Option<PgConnection>> {
        let mut connection = self.owner.acquire().await?.detach();
        if job::try_lock(&mut connection, self.projection).await? {
            return Ok(Some(connection));
        }
        sqlx::query(
            "SELECT pg_terminate_backend(l.pid) FROM pg_locks AS l
             WHERE l.pid = $1 AND l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
               AND l.classid::bigint << 32 | l.objid::bigint = projection.rebuild_lock($2)",
        )
        .bind(ghost)
        .bind(self.projection)
        .execute(&mut connection)
        .await?;
        Ok(None)
    }
}

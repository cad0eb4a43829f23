//! A healing as a job that others see, and stop, as they do a rebuild: two of one projection refuse each other, and who is
//! refused is told why.

use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use sqlx::{Connection as _, PgPool};
use tokio::sync::watch;
use tracing::{info, warn};

use crate::projection::Registration;
use crate::rebuild::{self, Error, Options, Progress};

/// How often progress is written and wishes are heard.
const EVERY: Duration = Duration::from_secs(1);

/// The record of a healing. Dropped without [`Recorded::end`] it is dead, and is cleaned up by the next one who comes.
pub(super) struct Recorded {
    id: i64,
    owner: PgPool,
    /// Nobody else works on the projection as long as this is open.
    alone: PgConnection,
}

impl Recorded {
    /// Begins, unless a job of this projection runs.
    pub(super) async fn start(
        owner: &PgPool,
        registration: &Registration,
        options: &Options,
    ) -> Result<Self, Error> {
        let mut alone = rebuild::lock(owner, registration.name).await?;
        let id = sqlx::query_scalar(
            "INSERT INTO projection.rebuilds (projection, kind, version, tables, phase, throttle, started_by)
             SELECT $1, 'heal', COALESCE((SELECT version FROM projection.active WHERE projection = $1), 1), '{}',
                    'folding', $2, $3
             RETURNING id",
        )
        .bind(registration.name)
        .bind(options.throttle.map(|it| i32::try_from(it.get()).unwrap_or(i32::MAX)))
        .bind(&options.by)
        .fetch_one(&mut alone)
        .await?;
        Ok(Self { id, owner: owner.clone(), alone })
    }

    /// Tells how far it is until somebody wants it to stop; why it is to.
    pub(super) async fn keep(&self, told: watch::Receiver<Progress>) -> Error {
        loop {
            tokio::time::sleep(EVERY).await;
            let progress = told.borrow().clone();
            match self.tell(progress).await {
                Ok(Some(None)) => {}
                Ok(Some(Some(by))) => {
                    info!(by, "somebody wants the healing to stop");
                    return Error::Cancelled;
                }
                Ok(None) => return Error::GivenUp,
                Err(error) => warn!(%error, "cannot tell how far a healing is, trying again"),
            }
        }
    }

    /// Who wants it to stop; none at all when it was taken for dead.
    async fn tell(&self, progress: Progress) -> sqlx::Result<Option<Option<String>>> {
        sqlx::query_scalar(
            "UPDATE projection.rebuilds SET records = $2, partitions = $3, per_second = $4, seconds_left = $5,
                 trouble = $6, updated_at = now()
             WHERE id = $1 AND outcome IS NULL RETURNING cancel_wished_by",
        )
        .bind(self.id)
        .bind(i64::try_from(progress.records).unwrap_or(i64::MAX))
        .bind(Json(progress.partitions))
        .bind(progress.per_second)
        .bind(progress.time_left.map(|it| it.as_secs_f64()))
        .bind(progress.trouble)
        .fetch_optional(&self.owner)
        .await
    }

    /// Makes sure that it is not taken for dead before this transaction has committed.
    pub(super) async fn hold(&self, connection: &mut PgConnection) -> Result<(), Error> {
        let held =
            sqlx::query("SELECT FROM projection.rebuilds WHERE id = $1 AND outcome IS NULL FOR KEY SHARE");
        held.bind(self.id).fetch_optional(connection).await?.map(|_| ()).ok_or(Error::GivenUp)
    }

    /// Notes how it ended. Where that cannot be written now, whoever comes next writes that it was interrupted.
    pub(super) async fn end<T>(self, result: &Result<T, Error>) {
        let (outcome, error) = match result {
            Ok(_) => ("done", None),
            Err(Error::Cancelled) => ("cancelled", None),
            Err(error) => ("failed", Some(error.to_string())),
        };
        let noting = sqlx::query(
            "UPDATE projection.rebuilds SET outcome = $2, error = $3, ended_at = now(), trouble = NULL
             WHERE id = $1 AND outcome IS NULL",
        );
        let noted = noting.bind(self.id).bind(outcome).bind(error).execute(&self.owner).await;
        if let Err(error) = noted {
            warn!(%error, "cannot note how a healing ended");
        }
        if let Err(error) = self.alone.close().await {
            info!(%error, "the connection that held the lock ended by itself");
        }
    }
}

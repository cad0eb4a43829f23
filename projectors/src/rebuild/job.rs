//! A rebuild, a rollback or a healing as a recorded job: one at a time of a projection, seen and cancelled from anywhere.
//!
//! An advisory lock tells whether whoever runs it still lives, the row in `projection.rebuilds` whether it may still commit:
//! who finds the lock free ends the row and drops what stands half done ([`clean_up`]), and every transaction of a job holds
//! its row while it commits ([`Job::hold`]). So a process that was given up and comes back changes nothing.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, PgPool};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{info, warn};

use super::keeper::{Keeper, Stopped};
use super::{Error, Options, Patience, Progress};
use crate::backoff::Backoff;
use crate::projection::Registration;
use crate::versions;

/// Attempts to leave nothing behind; then the next one who comes does it.
const ATTEMPTS: u32 = 6;

/// What is done to a projection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A new version is built.
    Rebuild,
    /// The version before is brought back.
    Rollback,
    /// Rows of the live version are made what the log says.
    Heal,
}

/// A job that this process runs. Dropped without [`Job::end`] it is dead, and is cleaned up by the next one who comes.
#[derive(Debug)]
pub(crate) struct Job {
    /// The version that is built, brought back, or healed.
    pub(crate) version: i32,
    /// Ends when the caller or anybody else wants the job to stop, or when it was given up.
    pub(crate) cancelled: CancellationToken,
    pub(crate) registration: &'static Registration,
    id: i64,
    kind: Kind,
    owner: PgPool,
    progress: watch::Sender<Progress>,
    stopped: Arc<OnceLock<Stopped>>,
    keeper: JoinHandle<Option<PgConnection>>,
    working: DropGuard,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Rebuild => "rebuild",
            Self::Rollback => "rollback",
            Self::Heal => "heal",
        }
    }
}

impl Job {
    /// Begins a job, unless one of this projection runs. What a dead one left is cleaned up first.
    pub(crate) async fn start(
        owner: &PgPool,
        registration: &'static Registration,
        kind: Kind,
        options: &Options,
        cancelled: &CancellationToken,
    ) -> Result<Self, Error> {
        let name = registration.name;
        let mut connection = lock(owner, name).await?;
        let version = match kind {
            Kind::Rebuild => versions::next_version(&mut connection, registration).await?,
            Kind::Rollback => {
                let kept = versions::kept(&mut connection, name).await?.ok_or(Error::NothingKept(name))?;
                kept.meant(name, options.version)?.version
            }
            // A new projection starts with version 1.
            Kind::Heal => versions::live_version(&mut connection, name).await?.unwrap_or(1),
        };
        let id = record(&mut connection, registration, (kind, version), options).await?;
        info!(projection = name, version, kind = kind.name(), "began a job");
        let (cancelled, working) = (cancelled.child_token(), CancellationToken::new());
        let (progress, told) = watch::channel(Progress::beginning());
        let stopped = Arc::new(OnceLock::new());
        let keeper = Keeper {
            owner: owner.clone(),
            projection: name,
            id,
            told,
            cancelled: cancelled.clone(),
            stopped: Arc::clone(&stopped),
        };
        let keeper = tokio::spawn(keeper.run(connection, working.clone()));
        let (owner, working) = (owner.clone(), working.drop_guard());
        Ok(Self { version, cancelled, registration, id, kind, owner, progress, stopped, keeper, working })
    }

    /// Where progress is told to everybody.
    pub(crate) fn progress(&self) -> watch::Sender<Progress> {
        self.progress.clone()
    }

    /// Makes sure that the job is not given up before this transaction has committed.
    pub(crate) async fn hold(&self, connection: &mut PgConnection) -> Result<(), Error> {
        // KEY SHARE lets progress be written meanwhile, and makes `clean_up` wait.
        sqlx::query("SELECT FROM projection.rebuilds WHERE id = $1 AND outcome IS NULL FOR KEY SHARE")
            .bind(self.id)
            .fetch_optional(connection)
            .await?
            .map(|_| ())
            .ok_or(Error::GivenUp)
    }

    /// Notes in the transaction that brings it about that the job is done.
    pub(crate) async fn done(&self, connection: &mut PgConnection) -> Result<(), Error> {
        let phase = self.progress.borrow().phase;
        let noted = sqlx::query(
            "UPDATE projection.rebuilds SET outcome = 'done', phase = $2, ended_at = now(), trouble = NULL
             WHERE id = $1 AND outcome IS NULL",
        )
        .bind(self.id)
        .bind(phase.name())
        .execute(connection)
        .await?;
        if noted.rows_affected() == 1 { Ok(()) } else { Err(Error::GivenUp) }
    }

    /// Whether the transaction that notes it as done has committed, although an attempt failed like this: a commit may be
    /// carried out without an answer, and then the next attempt finds the job ended.
    pub(crate) async fn is_done_despite(
        &self,
        error: &Error,
        patience: &mut Patience,
    ) -> Result<bool, Error> {
        if !matches!(error, Error::Database(_) | Error::GivenUp) {
            return Ok(false);
        }
        loop {
            match self.is_done().await {
                Ok(done) => return Ok(done),
                Err(error) => patience.after(error.into(), &self.cancelled).await?,
            }
        }
    }

    async fn is_done(&self) -> sqlx::Result<bool> {
        sqlx::query_scalar(
            "SELECT outcome IS NOT DISTINCT FROM 'done' FROM projection.rebuilds WHERE id = $1",
        )
        .bind(self.id)
        .fetch_one(&self.owner)
        .await
    }

    /// Ends the job. After a failure nothing of it is left.
    pub(crate) async fn end<T>(self, result: Result<T, Error>) -> Result<T, Error> {
        drop(self.working);
        // Until this is closed nobody else begins.
        let lock = self.keeper.await.ok().flatten();
        let result = match (result, self.stopped.get()) {
            (Err(Error::Cancelled), Some(Stopped::GivenUp)) => Err(Error::GivenUp),
            (result, _) => result,
        };
        if let Err(error) = &result {
            let mut backoff = Backoff::default();
            let half_built = (self.kind == Kind::Rebuild).then_some(self.version);
            while let Err(reason) = leave(&self.owner, self.id, self.registration, half_built, error).await {
                warn!(projection = self.registration.name, %reason, "a job is not cleaned up yet");
                if backoff.attempts() >= ATTEMPTS {
                    break;
                }
                backoff.wait(&CancellationToken::new()).await;
            }
        }
        if let Some(lock) = lock
            && let Err(error) = lock.close().await
        {
            info!(%error, "the connection that held the lock ended by itself");
        }
        result
    }
}

/// A connection that nobody else works on the projection beside, as long as it is open. What a dead job left is gone.
pub(crate) async fn lock(owner: &PgPool, projection: &str) -> Result<PgConnection, Error> {
    let mut connection = owner.acquire().await?.detach();
    if !try_lock(&mut connection, projection).await? {
        return Err(running(&mut connection, projection).await?);
    }
    clean_up(&mut connection, projection).await?;
    Ok(connection)
}

/// Takes the lock that tells that a job's process lives; false when another session has it.
pub(super) async fn try_lock(connection: &mut PgConnection, projection: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar("SELECT pg_try_advisory_lock(projection.rebuild_lock($1))")
        .bind(projection)
        .fetch_one(connection)
        .await
}

/// Ends the projection's job when its process is gone, and drops what stands half done; whether there was one.
pub(crate) async fn clean_up(connection: &mut PgConnection, projection: &str) -> sqlx::Result<bool> {
    let version: Option<i32> =
        sqlx::query_scalar("SELECT projection.clean_up($1)").bind(projection).fetch_one(connection).await?;
    if let Some(version) = version {
        warn!(projection, version, "cleaned up after a job whose process is gone");
    }
    Ok(version.is_some())
}

/// The refusal, with who runs it.
async fn running(connection: &mut PgConnection, projection: &str) -> sqlx::Result<Error> {
    let by = sqlx::query_scalar(
        "SELECT format('a %s by %s since %s', kind, started_by, date_trunc('second', started_at))
         FROM projection.rebuilds WHERE projection = $1 AND outcome IS NULL",
    )
    .bind(projection)
    .fetch_optional(connection)
    .await?;
    // Who has just begun, or is about to end, has no row.
    let projection = projection.to_owned();
    Ok(Error::Running { projection, by: by.unwrap_or_else(|| "another job".to_owned()) })
}

async fn record(
    connection: &mut PgConnection,
    registration: &Registration,
    (kind, version): (Kind, i32),
    options: &Options,
) -> sqlx::Result<i64> {
    sqlx::query_scalar(
        "INSERT INTO projection.rebuilds (projection, kind, version, tables, phase, throttle, started_by)
         VALUES ($1, $2, $3, $4, 'folding', $5, $6) RETURNING id",
    )
    .bind(registration.name)
    .bind(kind.name())
    .bind(version)
    .bind(registration.tables())
    .bind(options.throttle.map(|it| i32::try_from(it.get()).unwrap_or(i32::MAX)))
    .bind(&options.by)
    .fetch_one(connection)
    .await
}

/// Drops what was begun and notes how the job ended, unless somebody else has done both.
async fn leave(
    owner: &PgPool,
    id: i64,
    registration: &Registration,
    half_built: Option<i32>,
    why: &Error,
) -> sqlx::Result<()> {
    let mut transaction = owner.begin().await?;
    let lock_timeout = format!("SET LOCAL lock_timeout = {}", Duration::from_secs(10).as_millis());
    sqlx::query(AssertSqlSafe(lock_timeout)).execute(&mut *transaction).await?;
    let outcome = if matches!(why, Error::Cancelled) { "cancelled" } else { "failed" };
    let noted = sqlx::query(
        "UPDATE projection.rebuilds SET outcome = $2, error = $3, ended_at = now(), trouble = NULL
         WHERE id = $1 AND outcome IS NULL",
    )
    .bind(id)
    .bind(outcome)
    .bind((outcome == "failed").then(|| why.to_string()))
    .execute(&mut *transaction)
    .await?;
    if noted.rows_affected() == 1
        && let Some(version) = half_built
    {
        versions::drop_version(&mut transaction, registration.name, version, &registration.tables()).await?;
    }
    transaction.commit().await
}

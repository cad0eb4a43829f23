//! Rebuild: blue/green. New tables beside the live ones, filled with COPY and indexed afterwards, caught up, swapped in
//! one transaction. No query ever sees a half-built model; cancelling leaves nothing behind; the version before stays,
//! detached, so that going back is a swap.
//!
//! A rebuild is a job: `job` keeps it alone and recorded, `keeper` its lock, `jobs` shows and stops those of others,
//! `progress` measures, `filling` copies, `patience` waits out what passes.
//!
//! Runs as the owner of the tables: only an owner may attach a partition.

mod filling;
mod job;
mod jobs;
mod keeper;
mod patience;
mod progress;

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use event_log::LogError;
use sqlx::PgPool;
use sqlx::postgres::PgConnection;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

pub(crate) use self::job::{Job, Kind, lock};
pub(crate) use self::jobs::clean_up_at_start;
pub use self::jobs::{Cancelled, JobState, JobStatus, cancel, clean_up_all, latest};
pub(crate) use self::patience::Patience;
pub(crate) use self::progress::Meter;
pub use self::progress::{PartitionProgress, Phase, Progress};
use crate::detached::Detached;
use crate::folding::is_permanent;
use crate::known::Known;
use crate::pace::Pace;
use crate::parking::{self, Limits};
use crate::projection::Registration;
use crate::replay::{self, Offsets, Replay, Source};
use crate::swap::{self, Incoming};
use crate::{checkpoint, dead_letters, registry, versions};

/// Rounds of catching up before the swap; each is shorter than the one before, unless events come faster than they fold.
const ROUNDS: usize = 10;

/// With so few records in a round, little is left for the swap.
const FEW_RECORDS: u64 = 2_000;

/// How a rebuild is to be done.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Most events a second to read, and most rows a second to copy; as fast as it goes without.
    pub throttle: Option<NonZeroU32>,
    /// The kept version that a rollback is to bring back; whichever is kept without.
    pub version: Option<i32>,
    /// Who does it, from where; shown to others.
    pub by: String,
    /// How much may be parked. A version that would be stopped at once is not put in place of one that is not.
    pub limits: Limits,
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

impl Report {
    fn of(
        job: &Job,
        (records, rows, parked): (u64, u64, usize),
        seconds: (Duration, Duration, Duration),
    ) -> Self {
        Self {
            projection: job.registration.name,
            version: job.version,
            records,
            rows,
            parked,
            folding_seconds: seconds.0.as_secs_f64(),
            writing_seconds: seconds.1.as_secs_f64(),
            swapping_seconds: seconds.2.as_secs_f64(),
        }
    }
}

/// The projection of this name.
pub(crate) fn named(name: &str) -> Result<&'static Registration, Error> {
    registry::named(name).ok_or_else(|| Error::Unknown(name.to_owned()))
}

/// A rebuild failed; the live version is as it was.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such projection.
    #[error("there is no projection {0:?}; there are {names}", names = registry::names())]
    Unknown(String),
    /// Somebody else works on it.
    #[error("{projection} is taken by {by}; `karmyq projections cancel {projection}` stops it")]
    Running {
        /// The projection.
        projection: String,
        /// What, who and since when.
        by: String,
    },
    /// It was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// While this process did not answer, somebody took the job for dead and cleaned up after it.
    #[error(
        "this job was taken for dead and cleaned up, because its process had lost PostgreSQL or stood still"
    )]
    GivenUp,
    /// Queries or batches hold what is to be swapped.
    #[error("queries or batches that take long hold the tables")]
    Busy,
    /// The code still has it.
    #[error("{0} is one of the projections of this version: only what no code folds any more can be retired")]
    InUse(&'static str),
    /// Somebody still runs it, or Kafka cannot be reached.
    #[error(
        "the consumer group of {0} cannot be deleted, projectors that still have it are to be stopped first: {1}"
    )]
    Group(String, LogError),
    /// A replay would fold what is parked.
    #[error(
        "{0} has dead letters that could be folded now; redrive or discard them first, or rebuild all of it"
    )]
    DeadLetters(&'static str),
    /// There is no version to go back to.
    #[error("no version of {0} is kept to go back to: only a rebuild or a rollback keeps the one before it")]
    NothingKept(&'static str),
    /// Another version is kept by now than the one that is meant.
    #[error("version {1} of {0} is not kept any more, another one is: look again")]
    OtherKept(&'static str, i32),
    /// The version to go back to has other columns.
    #[error(
        "version {version} of {projection} cannot come back: the columns of {table} have changed since; \
         `karmyq projections rebuild {projection}` is the way"
    )]
    Unfit {
        /// The projection.
        projection: &'static str,
        /// The version that is kept.
        version: i32,
        /// The table.
        table: String,
    },
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
    options: &Options,
    mut progress: impl FnMut(&Progress) + Send,
    cancelled: &CancellationToken,
) -> Result<Report, Error> {
    let registration = named(name)?;
    let job = Job::start(owner, registration, Kind::Rebuild, options, cancelled).await?;
    let mut meter = Meter::new(job.progress(), &mut progress);
    let result = build(source, owner, &job, options, &mut meter).await;
    if let Ok(report) = &result {
        info!(
            projection = report.projection,
            version = report.version,
            rows = report.rows,
            "rebuilt a projection"
        );
    }
    job.end(result).await
}

async fn build(
    source: &Source,
    owner: &PgPool,
    job: &Job,
    options: &Options,
    meter: &mut Meter<'_>,
) -> Result<Report, Error> {
    let most_keys = most_keys(owner, job.registration, job.version, options).await?;
    let build = Build { source, owner, job, pace: Pace::of(options.throttle), most_keys };
    match build.in_memory(meter).await {
        Err(Error::Database(error)) if is_permanent(&error) => {
            warn!(projection = job.registration.name, %error,
                "PostgreSQL refuses rows that were folded in memory, folding batch by batch to find whose they are");
            build.in_tables(meter).await
        }
        other => other,
    }
}

/// So many keys of the version may be parked: as many as stop a projection, or as it or the live one has now.
pub(crate) async fn most_keys(
    owner: &PgPool,
    registration: &Registration,
    version: i32,
    options: &Options,
) -> Result<usize, Error> {
    let mut connection = owner.acquire().await?;
    let live = versions::live_version(&mut connection, registration.name).await?;
    let mut most = options.limits.stopped_keys;
    for it in live.into_iter().chain([version]) {
        most = most.max(parking::count_keys(&mut connection, registration.name, it).await?);
    }
    Ok(most)
}

/// What a version is built from, where and for whom.
struct Build<'a> {
    source: &'a Source,
    owner: &'a PgPool,
    job: &'a Job,
    pace: Pace,
    most_keys: usize,
}

impl Build<'_> {
    /// Folds all of the log in memory, and copies what came of it.
    async fn in_memory(&self, meter: &mut Meter<'_>) -> Result<Report, Error> {
        let &Self { source, owner, job, .. } = self;
        let started = Instant::now();
        let known = Known::of(owner, job.registration).await?;
        let mut replay = Replay::new(job.registration, known).bounded(self.most_keys);
        self.read_on(&mut replay, Phase::Folding, meter).await?;
        let folded = Instant::now();
        let rows = filling::fill_all(owner, job, &mut replay, &self.pace, meter).await?;
        replay.settle();
        let written = Instant::now();
        for _ in 0..ROUNDS {
            let before = replay.records;
            self.read_on(&mut replay, Phase::CatchingUp, meter).await?;
            self.write_changes(&mut replay).await?;
            if replay.records - before <= FEW_RECORDS {
                break;
            }
        }
        let fingerprint = job.registration.fingerprint();
        let mut rebuilt = Rebuilt { source, job, replay, parked: 0 };
        swap::swap(owner, job, &mut rebuilt, &fingerprint, meter).await?;
        let seconds = (folded - started, written - folded, written.elapsed());
        Ok(Report::of(job, (rebuilt.replay.records, rows, rebuilt.parked), seconds))
    }

    /// Folds all of the log into tables that are empty and indexed, so that PostgreSQL is asked about each batch, and what it
    /// refuses is parked record by record. Several times as slow.
    async fn in_tables(&self, meter: &mut Meter<'_>) -> Result<Report, Error> {
        let &Self { source, owner, job, .. } = self;
        let started = Instant::now();
        let mut nothing = Replay::new(job.registration, Known::default());
        filling::fill_all(owner, job, &mut nothing, &self.pace, meter).await?;
        let mut detached = Detached::new(source, owner, job, self.most_keys);
        detached.catch_up(&self.pace, meter).await?;
        let folded = Instant::now();
        swap::swap(owner, job, &mut detached, &job.registration.fingerprint(), meter).await?;
        let seconds = (folded - started, Duration::ZERO, folded.elapsed());
        Ok(Report::of(job, (detached.records, detached.rows, detached.parked), seconds))
    }

    /// Folds up to the present ends, waiting out faults of the log that pass.
    async fn read_on(&self, replay: &mut Replay, phase: Phase, meter: &mut Meter<'_>) -> Result<(), Error> {
        let &Self { source, job, .. } = self;
        let mut patience = Patience::default();
        let mut records = replay.records;
        loop {
            let reading = async {
                let goals = source.ends(job.registration).await.map_err(replay::Error::from)?;
                meter.reading(phase, &replay.next, &goals);
                replay
                    .fold_to(source, &goals, &self.pace, |next, records| meter.folded(next, records))
                    .await?;
                Ok(())
            };
            let Err(error) = job.cancelled.run_until_cancelled(reading).await.ok_or(Error::Cancelled)? else {
                return Ok(());
            };
            if replay.records > records {
                patience.renew();
                records = replay.records;
            }
            meter.trouble(Error::to_string(&error));
            patience.after(error, &job.cancelled).await?;
        }
    }

    /// Writes what was folded since the tables were filled, so that little is left for the swap, which makes others wait.
    async fn write_changes(&self, replay: &mut Replay) -> Result<(), Error> {
        let mut patience = Patience::default();
        while let Err(error) = self.try_write_changes(replay).await {
            patience.after(error, &self.job.cancelled).await?;
        }
        replay.settle();
        Ok(())
    }

    async fn try_write_changes(&self, replay: &mut Replay) -> Result<(), Error> {
        let mut transaction = self.owner.begin().await?;
        replay.write_changes(&mut transaction, self.job.version).await?;
        self.job.hold(&mut transaction).await?;
        transaction.commit().await?;
        Ok(())
    }
}

/// A version folded in memory, on its way in.
struct Rebuilt<'a> {
    source: &'a Source,
    job: &'a Job,
    replay: Replay,
    parked: usize,
}

#[async_trait::async_trait]
impl Incoming for Rebuilt<'_> {
    async fn reach(&mut self, connection: &mut PgConnection, goals: &Offsets) -> Result<(), Error> {
        self.replay.fold_to(self.source, goals, &Pace::of(None), |_, _| {}).await?;
        self.replay.write_changes(connection, self.job.version).await?;
        Ok(())
    }

    async fn hand_over(&mut self, connection: &mut PgConnection) -> Result<(), Error> {
        let (registration, version): (&Registration, _) = (self.job.registration, self.job.version);
        for (of, &next_offset) in &self.replay.next {
            checkpoint::begin_at(connection, registration, version, of, next_offset).await?;
        }
        let parked = self.replay.parked.iter().map(|(record, cause)| (record, cause));
        parking::park(connection, (registration.name, version), parked).await?;
        self.parked = dead_letters::settle(connection, self.source, registration, version).await?;
        Ok(())
    }
}

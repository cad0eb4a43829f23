//! Rollback: the version before the live one catches up in its own tables, from its own checkpoints, and is swapped back in.
//!
//! It folds as workers do, batch by batch in transactions of its own, because memory holds nothing of it. The live version
//! is kept in its place, so a second rollback undoes the first.

use std::collections::BTreeMap;

use event_log::{Record, TopicPartition};
use sqlx::PgPool;
use sqlx::postgres::PgConnection;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::batch::{self, Batch};
use crate::checkpoint::{self, Claim};
use crate::decoding::Keys;
use crate::pace::Pace;
use crate::parking::{self, Limits, ParkedKeys};
use crate::projection::Registration;
use crate::rebuild;
use crate::rebuild::{Error, Job, Kind, Meter, Options, Patience, Phase, Progress};
use crate::replay::{self, Offsets, STALL, Source};
use crate::swap::{self, Incoming, Kept};

/// Most records of one transaction.
const BATCH: usize = 2_000;

/// Rounds of catching up before the swap.
const ROUNDS: usize = 10;

/// With so few records in a round, little is left for the swap.
const FEW_RECORDS: u64 = 200;

/// What a rollback has done.
#[derive(Clone, Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The projection.
    pub projection: &'static str,
    /// The version that is live again.
    pub version: i32,
    /// Records that it had missed.
    pub records: u64,
    /// Its rows were built by the code that folds now. If not, rows of both stand side by side until a rebuild.
    pub same_code: bool,
}

/// Puts the kept version in place of the live one, as far folded as that one is. `owner` connects as the owner of the
/// tables.
///
/// # Errors
/// [`Error`]; the live version goes on then as if nothing had been tried.
pub async fn rollback(
    source: &Source,
    owner: &PgPool,
    name: &str,
    options: &Options,
    mut progress: impl FnMut(&Progress) + Send,
    cancelled: &CancellationToken,
) -> Result<Report, Error> {
    let registration = rebuild::named(name)?;
    let job = Job::start(owner, registration, Kind::Rollback, options, cancelled).await?;
    let mut meter = Meter::new(job.progress(), &mut progress);
    let result = bring_back(source, owner, &job, options, &mut meter).await;
    job.end(result).await
}

/// Drops the version that is kept for going back, or only this one; its number, if there was one.
///
/// # Errors
/// When there is no such projection, another version is kept, somebody works on it, or the database fails.
pub async fn drop_kept(owner: &PgPool, name: &str, version: Option<i32>) -> Result<Option<i32>, Error> {
    let registration = rebuild::named(name)?;
    let mut alone = rebuild::lock(owner, registration.name).await?;
    let Some(kept) = swap::kept(&mut alone, registration.name).await? else { return Ok(None) };
    let kept = kept.meant(registration.name, version)?;
    let mut transaction = sqlx::Connection::begin(&mut alone).await?;
    swap::drop_tables(&mut transaction, registration.name, &kept).await?;
    swap::forget_kept(&mut transaction, registration.name).await?;
    transaction.commit().await?;
    info!(projection = registration.name, version = kept.version, "dropped a kept version");
    Ok(Some(kept.version))
}

async fn bring_back(
    source: &Source,
    owner: &PgPool,
    job: &Job,
    options: &Options,
    meter: &mut Meter<'_>,
) -> Result<Report, Error> {
    let kept = kept_and_fitting(owner, job.registration).await?;
    let pace = Pace::of(options.throttle);
    let mut returning =
        Returning { source, owner, job, claims: BTreeMap::new(), next: Offsets::new(), records: 0 };
    let mut patience = Patience::default();
    for _ in 0..ROUNDS {
        let before = returning.records;
        while let Err(error) = returning.catch_up(&pace, meter).await {
            meter.trouble(error.to_string());
            patience.after(error, &job.cancelled).await?;
        }
        if returning.records - before <= FEW_RECORDS {
            break;
        }
    }
    swap::swap(owner, job, &mut returning, &kept.fingerprint, meter).await?;
    let (projection, version) = (job.registration.name, job.version);
    info!(projection, version, records = returning.records, "rolled a projection back");
    let same_code = kept.fingerprint == job.registration.fingerprint();
    Ok(Report { projection, version, records: returning.records, same_code })
}

/// The kept version, if its tables can take the place of the live ones.
async fn kept_and_fitting(owner: &PgPool, registration: &'static Registration) -> Result<Kept, Error> {
    let mut connection = owner.acquire().await?;
    let kept = swap::kept(&mut connection, registration.name).await?;
    let kept = kept.ok_or(Error::NothingKept(registration.name))?;
    for table in registration.tables() {
        let live = columns(&mut connection, &table).await?;
        let before = columns(&mut connection, &swap::versioned(&table, kept.version)).await?;
        if live != before {
            let (projection, version) = (registration.name, kept.version);
            return Err(Error::Unfit { projection, version, table });
        }
    }
    Ok(kept)
}

/// Names and types of the columns of a table; none without such a table.
async fn columns(connection: &mut PgConnection, table: &str) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar(
        "SELECT string_agg(format('%I %s %s', attname, format_type(atttypid, atttypmod), attnotnull), ', ' ORDER BY attname)
         FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped",
    )
    .bind(table)
    .fetch_one(connection)
    .await
}

/// A kept version on its way back.
struct Returning<'a> {
    source: &'a Source,
    owner: &'a PgPool,
    job: &'a Job,
    claims: BTreeMap<TopicPartition, (Claim, ParkedKeys)>,
    next: Offsets,
    records: u64,
}

impl Returning<'_> {
    /// Folds up to the present ends.
    async fn catch_up(&mut self, pace: &Pace, meter: &mut Meter<'_>) -> Result<(), Error> {
        let cancelled = self.job.cancelled.clone();
        let catching_up = async {
            self.claim_all().await?;
            let goals = self.source.ends(self.job.registration).await.map_err(replay::Error::from)?;
            meter.reading(Phase::CatchingUp, &self.next, &goals);
            self.fold_to(&goals, pace, Some(meter)).await
        };
        cancelled.run_until_cancelled(catching_up).await.ok_or(Error::Cancelled)?
    }

    /// Takes the right to fold into the kept version, each time anew: a batch that was not answered may have moved it.
    async fn claim_all(&mut self) -> Result<(), Error> {
        let (registration, version) = (self.job.registration, self.job.version);
        let mut connection = self.owner.acquire().await?;
        for of in self.source.partitions(registration) {
            let mut claim = checkpoint::claim_version(&mut connection, registration, version, &of).await?;
            claim.detached = true;
            let parked = parking::parked_keys(&mut connection, &claim).await?;
            self.next.insert(of.clone(), claim.next_offset);
            self.claims.insert(of, (claim, parked));
        }
        Ok(())
    }

    async fn fold_to(
        &mut self,
        goals: &Offsets,
        pace: &Pace,
        mut meter: Option<&mut Meter<'_>>,
    ) -> Result<(), Error> {
        self.source.decoding.know_all_keys().await.map_err(replay::Error::from)?;
        for (of, &goal) in goals {
            let from = self.next.get(of).copied().unwrap_or(0);
            if from >= goal {
                continue;
            }
            let reader = self.source.log.reader(vec![(of.clone(), from)]).await;
            let mut reader = reader.map_err(replay::Error::from)?;
            while self.next.get(of).is_some_and(|next| *next < goal) {
                let read = reader.next(pace.at_once(BATCH), STALL).await.map_err(replay::Error::from)?;
                let count = read.len();
                let reached = reader.position(of).unwrap_or(from);
                if reached <= self.next.get(of).copied().unwrap_or(0) {
                    return Err(replay::Error::stalled(of.clone(), reached, goal).into());
                }
                self.fold(of, read, reached).await?;
                if let Some(meter) = &mut meter {
                    meter.folded(&self.next, self.records);
                }
                pace.keep(count).await;
            }
        }
        Ok(())
    }

    /// Folds and commits a batch.
    async fn fold(&mut self, of: &TopicPartition, read: Vec<Record>, reached: i64) -> Result<(), Error> {
        let Some((claim, parked)) = self.claims.get_mut(of) else { return Ok(()) };
        let (registration, count) = (self.job.registration, read.len() as u64);
        let projection = (registration.new)();
        let items = self.source.decoding.items(projection.as_ref(), read, Keys::MayCome).await;
        let items = items.map_err(replay::Error::from)?;
        let limits = Limits { stopped_keys: usize::MAX, ..Limits::default() };
        let batch = Batch { registration, items: &items, next_offset: reached, limits };
        batch::apply(self.owner, claim, parked, &batch).await.map_err(|error| match error {
            batch::Error::Database(error) => error.into(),
            batch::Error::Fenced => Error::GivenUp,
            batch::Error::Held(_) | batch::Error::Flood { .. } => Error::Stopped(registration.name),
        })?;
        claim.next_offset = reached;
        self.next.insert(of.clone(), reached);
        self.records += count;
        Ok(())
    }
}

#[async_trait::async_trait]
impl Incoming for Returning<'_> {
    async fn reach(&mut self, _: &mut PgConnection, goals: &Offsets) -> Result<(), Error> {
        self.claim_all().await?;
        self.fold_to(goals, &Pace::of(None), None).await
    }

    /// They have been there all the time.
    async fn hand_over(&mut self, _: &mut PgConnection) -> Result<(), Error> {
        Ok(())
    }
}

//! A version that is not live, folded in its own tables from its own checkpoints, batch by batch as workers do it: one that
//! comes back, of which memory holds nothing, and one whose rows PostgreSQL refuses, so that it has to be asked about each.

use std::collections::BTreeMap;

use event_log::{Record, TopicPartition};
use sqlx::PgPool;
use sqlx::postgres::PgConnection;

use crate::batch::{self, Batch};
use crate::checkpoint::{self, Claim};
use crate::dead_letters;
use crate::decoding::Keys;
use crate::known::Known;
use crate::pace::Pace;
use crate::parking::{self, Limits, ParkedKeys};
use crate::rebuild::{Error, Job, Meter, Patience, Phase};
use crate::replay::{self, Offsets, STALL, Source};
use crate::swap::Incoming;

/// Most records of one transaction.
const BATCH: usize = 2_000;

/// Rounds of catching up before the swap.
const ROUNDS: usize = 10;

/// With so few records in a round, little is left for the swap.
const FEW_RECORDS: u64 = 200;

/// The job's version on its way in.
pub(crate) struct Detached<'a> {
    /// Records folded so far.
    pub(crate) records: u64,
    /// Rows written so far; one that changes again counts again.
    pub(crate) rows: u64,
    /// Records that are parked.
    pub(crate) parked: usize,
    source: &'a Source,
    owner: &'a PgPool,
    job: &'a Job,
    limits: Limits,
    claims: BTreeMap<TopicPartition, (Claim, ParkedKeys)>,
    known: Known,
    next: Offsets,
}

impl<'a> Detached<'a> {
    /// Ends when more keys would be parked than `most_keys`.
    pub(crate) fn new(source: &'a Source, owner: &'a PgPool, job: &'a Job, most_keys: usize) -> Self {
        let limits = Limits { stopped_keys: most_keys, ..Limits::default() };
        let (claims, known, next) = Default::default();
        Self { records: 0, rows: 0, parked: 0, source, owner, job, limits, claims, known, next }
    }

    /// Catches up with the log until little is left for the swap, waiting out what passes.
    pub(crate) async fn catch_up(&mut self, pace: &Pace, meter: &mut Meter<'_>) -> Result<(), Error> {
        for _ in 0..ROUNDS {
            let before = self.records;
            let (mut patience, mut records) = (Patience::default(), before);
            while let Err(error) = self.try_to_catch_up(pace, meter).await {
                if self.records > records {
                    patience.renew();
                    records = self.records;
                }
                meter.trouble(error.to_string());
                patience.after(error, &self.job.cancelled).await?;
            }
            if self.records - before <= FEW_RECORDS {
                break;
            }
        }
        Ok(())
    }

    /// Folds up to the present ends.
    async fn try_to_catch_up(&mut self, pace: &Pace, meter: &mut Meter<'_>) -> Result<(), Error> {
        let cancelled = self.job.cancelled.clone();
        let catching_up = async {
            self.claim_all().await?;
            let goals = self.source.ends(self.job.registration).await.map_err(replay::Error::from)?;
            meter.reading(Phase::CatchingUp, &self.next, &goals);
            self.fold_to(&goals, pace, Some(meter)).await?;
            let mut transaction = self.owner.begin().await?;
            self.job.hold(&mut transaction).await?;
            self.settle(&mut transaction).await?;
            transaction.commit().await?;
            Ok(())
        };
        cancelled.run_until_cancelled(catching_up).await.ok_or(Error::Cancelled)?
    }

    /// Takes the right to fold into the version, each time anew: a batch that was not answered may have moved it.
    async fn claim_all(&mut self) -> Result<(), Error> {
        let (registration, version) = (self.job.registration, self.job.version);
        self.known = Known::of(self.owner, registration).await?;
        let mut transaction = self.owner.begin().await?;
        self.job.hold(&mut transaction).await?;
        for of in self.source.partitions(registration) {
            let mut claim = checkpoint::claim_version(&mut transaction, registration, version, &of).await?;
            claim.detached = true;
            let parked = parking::parked_keys(&mut transaction, &claim).await?;
            self.next.insert(of.clone(), claim.next_offset);
            self.claims.insert(of, (claim, parked));
        }
        transaction.commit().await?;
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
        let mut items = items.map_err(replay::Error::from)?;
        self.known.pass_over_discarded(&mut items);
        let batch = Batch { registration, items: &items, next_offset: reached, limits: self.limits };
        let done = batch::apply(self.owner, claim, parked, &batch).await.map_err(|error| match error {
            batch::Error::Database(error) => error.into(),
            batch::Error::Flood { limit, .. } => {
                replay::Error::Flood { projection: registration.name, most: limit }.into()
            }
            // Nothing holds up a version that is not live.
            batch::Error::Fenced | batch::Error::Held(_) => Error::GivenUp,
        })?;
        claim.next_offset = reached;
        self.next.insert(of.clone(), reached);
        self.records += count;
        self.rows += done.rows;
        Ok(())
    }

    async fn settle(&mut self, connection: &mut PgConnection) -> Result<(), Error> {
        let (registration, version) = (self.job.registration, self.job.version);
        self.parked = dead_letters::settle(connection, self.source, registration, version).await?;
        Ok(())
    }
}

#[async_trait::async_trait]
impl Incoming for Detached<'_> {
    async fn reach(&mut self, _: &mut PgConnection, goals: &Offsets) -> Result<(), Error> {
        self.claim_all().await?;
        self.fold_to(goals, &Pace::of(None), None).await
    }

    /// Its checkpoints have been there all the time.
    async fn hand_over(&mut self, connection: &mut PgConnection) -> Result<(), Error> {
        self.settle(connection).await
    }
}

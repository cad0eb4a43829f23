//! A claimed partition: read, folded and committed batch by batch, for as long as the claim stands.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use event_log::{LogError, Reader, Record, TopicPartition};
use sqlx::PgPool;
use tracing::{Instrument as _, info};

use crate::batch::{self, Batch, Done};
use crate::checkpoint::{self, Claim};
use crate::decoding::Keys;
use crate::parking::{self, Limits, ParkedKeys};
use crate::projection::Registration;
use crate::replay::Source;
use crate::tracing_context::batch_spans;

/// What all workers of a process share.
#[derive(Clone, Debug)]
pub struct Shared {
    /// Where facts come from.
    pub source: Source,
    /// Where rows go to, as the role `karmyq_projector`.
    pub pool: PgPool,
    /// How much may be parked.
    pub limits: Limits,
}

/// A partition that is folded into one projection. Whoever claims it later takes it away: the next batch is refused then.
#[derive(Debug)]
pub struct Claimed {
    shared: Shared,
    registration: &'static Registration,
    pub(crate) claim: Claim,
    parked: ParkedKeys,
    reader: Box<dyn Reader>,
}

/// Why folding cannot go on with this claim.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// Somebody else claimed the partition, or another version is live.
    #[error("the claim on the partition is lost")]
    Fenced,
    /// So many keys are parked, here or in another partition of the projection, that the code must be at fault.
    #[error("{reason}")]
    Flood {
        /// Which, and what helps.
        reason: String,
        /// Whether it is this partition that is stopped.
        here: bool,
    },
    /// The database failed.
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
    /// The log failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Something that this code did not expect.
    #[error("{0}")]
    Panicked(String),
}

impl From<batch::Error> for Stop {
    fn from(error: batch::Error) -> Self {
        match error {
            batch::Error::Fenced => Self::Fenced,
            batch::Error::Flood { .. } => Self::Flood { reason: error.to_string(), here: true },
            batch::Error::Held(_) => Self::Flood { reason: error.to_string(), here: false },
            batch::Error::Database(error) => Self::Database(error),
        }
    }
}

/// What a step did.
#[derive(Debug)]
pub(crate) struct Step {
    /// Records read.
    pub(crate) records: usize,
    /// Time of the last of them.
    pub(crate) last_ms: Option<i64>,
    /// Time spent decoding.
    pub(crate) decoding: Duration,
    /// What the batch did; none when there was nothing to commit.
    pub(crate) done: Option<Done>,
}

/// What is parked of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ParkedNow {
    /// How many keys.
    pub(crate) keys: usize,
    /// Since when the first of them.
    pub(crate) since: DateTime<Utc>,
}

impl Claimed {
    /// Claims the partition for the live version, and starts to read where its checkpoint is.
    ///
    /// # Errors
    /// When database or log fail.
    pub async fn open(
        shared: &Shared,
        registration: &'static Registration,
        of: &TopicPartition,
    ) -> Result<Self, Stop> {
        let claim = checkpoint::claim(&shared.pool, registration, of).await?;
        let parked = parking::parked_keys(&mut *shared.pool.acquire().await?, &claim).await?;
        let reader = shared.source.log.reader(vec![(of.clone(), claim.next_offset)]).await?;
        info!(projection = claim.projection, version = claim.version, partition = %claim.of, epoch = claim.epoch,
            next_offset = claim.next_offset, "claimed a partition");
        Ok(Self { shared: shared.clone(), registration, claim, parked, reader })
    }

    /// Folds at most so many records, after waiting for the first of them; how many there were.
    ///
    /// # Errors
    /// [`Stop`]; nothing of the step is in the database then, and this value is of no use any more.
    pub async fn fold_next(&mut self, most: usize, wait: Duration) -> Result<usize, Stop> {
        let records = self.read(most, wait).await?;
        Ok(self.fold(records).await?.records)
    }

    /// The first offset that is not folded.
    #[must_use]
    pub const fn next_offset(&self) -> i64 {
        self.claim.next_offset
    }

    /// Waits for records. May be abandoned while it waits.
    pub(crate) async fn read(&mut self, most: usize, wait: Duration) -> Result<Vec<Record>, LogError> {
        self.reader.next(most, wait).await
    }

    /// Folds what was read, and commits it.
    pub(crate) async fn fold(&mut self, records: Vec<Record>) -> Result<Step, Stop> {
        let mut step = Step {
            records: records.len(),
            last_ms: records.last().map(|it| it.timestamp_ms),
            decoding: Duration::ZERO,
            done: None,
        };
        // Past the last record there may be transaction markers: to be past them, too, is to be at the end.
        let reached = self.reader.position(&self.claim.of).unwrap_or(self.claim.next_offset);
        if reached <= self.claim.next_offset {
            return Ok(step);
        }
        // All of them last as long as the batch; log lines go to the first.
        let spans = batch_spans(self.registration.name, &self.claim.of, &records);
        let first = spans.first().cloned().unwrap_or_else(tracing::Span::none);
        step.done = Some(self.commit(records, reached, &mut step.decoding).instrument(first).await?);
        self.claim.next_offset = reached;
        Ok(step)
    }

    async fn commit(
        &mut self,
        records: Vec<Record>,
        next_offset: i64,
        decoding: &mut Duration,
    ) -> Result<Done, Stop> {
        let started = Instant::now();
        let projection = (self.registration.new)();
        let source = &self.shared.source.decoding;
        let items = source.items(projection.as_ref(), records, Keys::MayCome).await?;
        *decoding = started.elapsed();
        let (registration, limits) = (self.registration, self.shared.limits);
        let batch = Batch { registration, items: &items, next_offset, limits };
        Ok(batch::apply(&self.shared.pool, &self.claim, &mut self.parked, &batch).await?)
    }

    /// Whether keys are held back, as far as this worker knows.
    pub(crate) fn has_parked(&self) -> bool {
        !self.parked.is_empty()
    }

    /// What is parked now; others may have redriven what this worker parked.
    pub(crate) async fn look_at_parked(&mut self) -> sqlx::Result<Option<ParkedNow>> {
        let mut connection = self.shared.pool.acquire().await?;
        // Only seen, not taken over: what is held back is decided where the checkpoint is locked.
        let keys = parking::parked_keys(&mut connection, &self.claim).await?.len();
        let since = parking::oldest(&mut connection, &self.claim).await?;
        Ok(since.map(|since| ParkedNow { keys, since }))
    }
}

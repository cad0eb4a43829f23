//! A worker: folds one partition into one projection for as long as the partition is assigned to this process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use event_log::{EventLog, LogError, Record, TopicPartition};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, info, warn};

use crate::backoff::Backoff;
use crate::batch;
use crate::checkpoint::{self, Claim};
use crate::decoding::{Decoding, Keys};
use crate::gauges::Gauges;
use crate::parking::{self, ParkedKeys};
use crate::projection::Registration;
use crate::standing::Standing;
use crate::tracing_context::batch_spans;

/// Most records of one transaction.
const MAX_BATCH: usize = 2_000;

/// Longest wait for the first record of a batch; whatever is there then makes the batch.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// What all workers of a process share.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) pool: PgPool,
    pub(crate) decoding: Decoding,
}

/// A worker of one partition.
pub(crate) struct Worker {
    pub(crate) shared: Shared,
    pub(crate) registration: &'static Registration,
    pub(crate) of: TopicPartition,
    pub(crate) standing: Standing,
}

/// Why folding stopped.
#[derive(Debug, thiserror::Error)]
enum Stop {
    #[error(transparent)]
    Batch(#[from] batch::Error),
    #[error(transparent)]
    Log(#[from] LogError),
}

impl From<sqlx::Error> for Stop {
    fn from(error: sqlx::Error) -> Self {
        Self::Batch(error.into())
    }
}

impl Worker {
    /// Folds until cancelled. A batch in flight is finished or rolled back before this returns.
    ///
    /// A worker that lost its claim although the group still assigns it the partition claims it again, after a wait:
    /// either a rebuild has swapped versions, or a member that the group has already given up still writes.
    pub(crate) async fn run(self, cancelled: CancellationToken) {
        let mut backoff = Backoff::default();
        while !cancelled.is_cancelled() {
            match self.claim_and_fold(&cancelled, &mut backoff).await {
                Ok(()) => break,
                Err(Stop::Batch(batch::Error::Fenced)) => {
                    info!(projection = self.registration.name, partition = %self.of, "lost the claim");
                }
                Err(error) => {
                    warn!(projection = self.registration.name, partition = %self.of, %error,
                        attempt = backoff.attempts(), "folding stopped, trying again");
                    self.standing.failing(&self.of, error.to_string());
                }
            }
            if !backoff.wait(&cancelled).await {
                break;
            }
        }
        self.standing.fine(&self.of);
    }

    async fn claim_and_fold(&self, cancelled: &CancellationToken, backoff: &mut Backoff) -> Result<(), Stop> {
        let mut claim = checkpoint::claim(&self.shared.pool, self.registration, &self.of).await?;
        let mut parked = parking::parked_keys(&mut *self.shared.pool.acquire().await?, &claim).await?;
        let mut reader = self.shared.log.reader(vec![(self.of.clone(), claim.next_offset)]).await?;
        info!(projection = claim.projection, version = claim.version, partition = %claim.of, epoch = claim.epoch,
            next_offset = claim.next_offset, "claimed a partition");
        let mut gauges = Gauges::new(self.registration.name, &self.of);
        loop {
            let Some(records) = cancelled.run_until_cancelled(reader.next(MAX_BATCH, MAX_WAIT)).await else {
                return Ok(());
            };
            let records = records?;
            let idle = records.is_empty();
            // Past the last record there may be transaction markers: to be past them, too, is to be at the end.
            let reached = reader.position(&self.of).unwrap_or(claim.next_offset);
            if reached > claim.next_offset {
                self.fold(&claim, &mut parked, records, reached, &mut gauges).await?;
                claim.next_offset = reached;
            }
            self.standing.fine(&self.of);
            *backoff = Backoff::default();
            self.observe_lag(&mut gauges, reached, idle).await;
        }
    }

    /// Folds and commits a batch.
    async fn fold(
        &self,
        claim: &Claim,
        parked: &mut ParkedKeys,
        records: Vec<Record>,
        next_offset: i64,
        gauges: &mut Gauges,
    ) -> Result<(), Stop> {
        let started = Instant::now();
        // All of them last as long as the batch; log lines go to the first.
        let spans = batch_spans(self.registration.name, &claim.of, &records);
        let first = spans.first().cloned().unwrap_or_else(tracing::Span::none);
        async {
            let projection = (self.registration.new)();
            let last_ms = records.last().map(|it| it.timestamp_ms);
            let count = records.len();
            let items = self.shared.decoding.items(projection.as_ref(), records, Keys::MayCome).await?;
            let decoding = started.elapsed();
            let done = batch::apply(&self.shared.pool, self.registration, claim, parked, &items, next_offset)
                .await?;
            gauges.batch(count, decoding, &done, last_ms);
            Ok(())
        }
        .instrument(first)
        .await
    }

    async fn observe_lag(&self, gauges: &mut Gauges, reached: i64, idle: bool) {
        if idle {
            gauges.caught_up();
        } else if gauges.lag_is_due() {
            // A failure here is told by the next read.
            if let Ok(end) = self.shared.log.last_stable_offset(&self.of).await {
                gauges.behind(end - reached);
            }
        }
    }
}

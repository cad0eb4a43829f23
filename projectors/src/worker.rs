//! A worker: folds one partition into one projection for as long as the partition is assigned to this process.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use event_log::{LogError, TopicPartition};
use futures::FutureExt as _;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::backoff::Backoff;
use crate::claimed::{Claimed, Shared, Stop};
use crate::folding::Cause;
use crate::gauges::Gauges;
use crate::hanging;
use crate::projection::Registration;
use crate::standing::Standing;
use crate::troubles;

/// Most records of one transaction.
const MAX_BATCH: usize = 2_000;

/// Longest wait for the first record of a batch; whatever is there then makes the batch.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// How long after one batch the next begins at the earliest, unless that was full. A transaction costs much the same for one
/// record and for fifty: without a pause, workers that all keep up write so many small ones that each waits for the others
/// (docs/benchmarks.md, command to visible).
const BETWEEN_BATCHES: Duration = Duration::from_millis(15);

/// How often a worker that holds keys back looks whether somebody has redriven them.
const LOOK_AT_PARKED: Duration = Duration::from_secs(5);

/// A worker of one partition.
pub(crate) struct Worker {
    pub(crate) shared: Shared,
    pub(crate) registration: &'static Registration,
    pub(crate) of: TopicPartition,
    pub(crate) standing: Standing,
}

impl Worker {
    /// Folds until cancelled. A batch in flight is finished or rolled back before this returns.
    ///
    /// A worker that lost its claim although the group still assigns it the partition claims it again, after a wait:
    /// either a rebuild has swapped versions, or a member that the group has already given up still writes.
    pub(crate) async fn run(self, cancelled: CancellationToken) {
        let mut backoff = Backoff::default();
        let mut gauges = Gauges::new(self.registration.name, &self.of);
        while !cancelled.is_cancelled() {
            // Whatever the panic left half done belongs to the claim, which is dropped.
            let folding = AssertUnwindSafe(self.claim_and_fold(&cancelled, &mut backoff, &mut gauges));
            let folded = folding.catch_unwind().await;
            match folded.unwrap_or_else(|it| Err(Stop::Panicked(Cause::panicked(it.as_ref()).reason))) {
                Ok(()) => break,
                Err(Stop::Fenced) => {
                    info!(projection = self.registration.name, partition = %self.of, "lost the claim");
                }
                Err(stop) => self.tell(&stop, backoff.attempts(), &mut gauges).await,
            }
            if !backoff.wait(&cancelled).await {
                break;
            }
        }
        self.standing.gone(&self.of);
    }

    async fn claim_and_fold(
        &self,
        cancelled: &CancellationToken,
        backoff: &mut Backoff,
        gauges: &mut Gauges,
    ) -> Result<(), Stop> {
        let mut claimed = Claimed::open(&self.shared, self.registration, &self.of).await?;
        gauges.reached(claimed.next_offset());
        let (mut told_fine, mut looked) = (false, None::<Instant>);
        let mut next_batch = tokio::time::Instant::now();
        loop {
            let reading = async {
                tokio::time::sleep_until(next_batch).await;
                claimed.read(MAX_BATCH, MAX_WAIT).await
            };
            let Some(records) = cancelled.run_until_cancelled(reading).await else { return Ok(()) };
            let records = records?;
            if (1..MAX_BATCH).contains(&records.len()) {
                next_batch = tokio::time::Instant::now() + BETWEEN_BATCHES;
            }
            gauges.read(records.first().map(|it| it.timestamp_ms));
            let step = claimed.fold(records).await?;
            gauges.reached(claimed.next_offset());
            gauges.step(&step);
            let newly_parked = step.done.is_some_and(|it| it.parked > 0);
            if newly_parked || looked.is_none_or(|it| it.elapsed() >= LOOK_AT_PARKED) {
                self.look_at_parked(&mut claimed, gauges).await?;
                looked = Some(Instant::now());
            }
            let moved = step.done.is_some();
            let observing = self.observe_lag(gauges, claimed.next_offset(), moved);
            let Some(at_end) = cancelled.run_until_cancelled(observing).await else { return Ok(()) };
            let at_end = match at_end {
                Ok(at_end) => at_end,
                // The claim stays good, and the reader goes on by itself once the broker answers.
                Err(error) => {
                    self.tell(&Stop::Log(error), backoff.attempts(), gauges).await;
                    told_fine = false;
                    continue;
                }
            };
            // A read that yields nothing is none of both: a broker that does not answer looks like one that has nothing.
            if !moved && !at_end {
                continue;
            }
            if !told_fine {
                self.take_trouble_back().await?;
                told_fine = true;
            }
            self.standing.fine(&self.of);
            gauges.goes_on();
            *backoff = Backoff::default();
        }
    }

    async fn take_trouble_back(&self) -> sqlx::Result<()> {
        let mut connection = self.shared.pool.acquire().await?;
        troubles::clear(&mut connection, self.registration.name, &self.of).await
    }

    async fn look_at_parked(&self, claimed: &mut Claimed, gauges: &Gauges) -> Result<(), Stop> {
        let parked = if claimed.has_parked() { claimed.look_at_parked().await? } else { None };
        self.standing.parked(&self.of, parked);
        gauges.parked(parked);
        Ok(())
    }

    /// Says what keeps it from going on: in the log, in readiness, and where `karmyq projections status` finds it.
    async fn tell(&self, stop: &Stop, attempt: u32, gauges: &mut Gauges) {
        let state = match stop {
            Stop::Flood { here: true, .. } => troubles::State::Stopped,
            Stop::Flood { here: false, .. } => troubles::State::Held,
            Stop::Fenced | Stop::Database(_) | Stop::Log(_) | Stop::Panicked(_) => troubles::State::Retrying,
        };
        warn!(projection = self.registration.name, partition = %self.of, error = %stop, attempt,
            "folding does not go on, trying again");
        gauges.hindered(matches!(stop, Stop::Flood { .. }));
        if !matches!(stop, Stop::Log(_)) {
            self.observe_growth(gauges).await;
        }
        self.standing.failing(&self.of, stop.to_string());
        let told = async {
            let mut connection = self.shared.pool.acquire().await?;
            troubles::tell(&mut connection, self.registration.name, &self.of, state, &stop.to_string()).await
        };
        if let Err(error) = told.await {
            // Mostly because the database is what does not answer; then nobody could read it there either.
            warn!(projection = self.registration.name, partition = %self.of, %error, "could not tell so in the database");
        }
    }

    /// Whether the broker has just said that there is nothing left to fold.
    async fn observe_lag(&self, gauges: &mut Gauges, reached: i64, moved: bool) -> Result<bool, LogError> {
        if !gauges.lag_is_due(moved) {
            return Ok(false);
        }
        let log = &self.shared.source.log;
        let end = match log.last_stable_offset(&self.of).await {
            Ok(end) => end,
            // Records arrive; should that end, the next read tells.
            Err(_) if moved => return Ok(false),
            Err(error) => return Err(error),
        };
        gauges.behind(end - reached, moved);
        if moved || end > reached {
            return Ok(false);
        }
        let high_watermark = log.high_watermark(&self.of).await?;
        let hanging = hanging::look(log, &self.of, end, high_watermark).await?;
        gauges.hanging(hanging.is_some());
        self.standing.held_back(&self.of, hanging.map(|it| it.reason()));
        Ok(true)
    }

    /// What is not folded becomes more also while this does not go on. A broker that cannot tell leaves it at what it was.
    async fn observe_growth(&self, gauges: &Gauges) {
        let asking = self.shared.source.log.last_stable_offset(&self.of);
        if let Ok(Ok(end)) = tokio::time::timeout(MAX_WAIT, asking).await {
            gauges.ends_at(end);
        }
    }
}

//! Taking over a partition (invariant W1, rules 3 and 4): fence the predecessor, read the high watermark, take the state
//! from the snapshot, replay from there up to the watermark. Without a snapshot that can be used: from the beginning.
//!
//! The high watermark, not the last stable offset: a predecessor's transaction that passed the fence but is not
//! committed yet lies below the former and would be hidden by the latter. Replay waits until it is decided.

use std::sync::Arc;
use std::time::Duration;

use event_log::{Decoder, EventLog, KeyRing, LogError, OpenError, Reader, Record, TopicPartition};
use event_schemas::headers::FINGERPRINT;
use event_schemas::{Domain, Event, Recorded};
use futures::future::join_all;
use metrics::{counter, histogram};
use tokio::time::Instant;
use tracing::{info, warn};

use super::carry::REMEMBERED_FOR;
use super::owners::Owners;
use super::partition::{Partition, PartitionId};
use super::snapshots::{Format, Ignored, LastEvent, Restored};

/// Most records folded between two looks at the deadline.
const BATCH: usize = 1_000;
/// Records after which it is another takeover's turn.
const TURN: usize = 32;
/// How long one read waits for records.
const WAIT: Duration = Duration::from_millis(500);
/// A transaction that nobody decides for this long is a fault of the broker: it gives up on one after 10 s by itself.
const STALL: Duration = Duration::from_secs(30);

/// What a takeover needs.
#[derive(Clone, Debug)]
pub(super) struct Takeover {
    pub(super) log: Arc<dyn EventLog>,
    pub(super) decoder: Decoder,
    pub(super) keys: KeyRing,
    pub(super) owners: Owners,
    pub(super) instance: Arc<str>,
    /// Most commands that the ledger of a partition remembers.
    pub(super) ledger_capacity: usize,
    pub(super) snapshots: Format,
}

/// The partition could not be taken over.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stuck {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("offset {position} of {of} stays below the high watermark {end}: a transaction hangs")]
    Stalled { of: TopicPartition, position: i64, end: i64 },
    #[error("the event at {position} cannot be read: {reason}")]
    Unreadable { position: String, reason: String },
}

/// What a partition is taken over from.
#[derive(Debug)]
struct Base {
    partition: Partition,
    /// The last event that the snapshot covers; none without one.
    last: Option<LastEvent>,
}

impl Takeover {
    /// The partition as its log tells it.
    pub(super) async fn load(&self, id: PartitionId) -> Result<Partition, Stuck> {
        let began = Instant::now();
        self.fence_predecessor(id).await;
        let of = TopicPartition::new(id.domain.events_topic(), id.number);
        let end = self.log.high_watermark(&of).await?;
        let base = self.base(id, end).await?;
        let restored = began.elapsed();
        let (mut partition, events) = self.replayed(&of, end, base).await?;
        partition.arm_all();
        if id.domain == Domain::User || end > 0 {
            // Sealed fields of new events must find the keys that earlier ones drew.
            self.keys.catch_up().await?;
        }
        let (aggregates, duration) = (partition.len(), began.elapsed());
        histogram!("karmyq_takeover_seconds", "part" => "snapshot").record(restored);
        histogram!("karmyq_takeover_seconds", "part" => "events").record(duration.saturating_sub(restored));
        let (snapshot_ms, duration_ms) = (restored.as_millis(), duration.as_millis());
        info!(
            partition = %id, events, aggregates, high_watermark = end, snapshot_ms, duration_ms,
            "took over a partition"
        );
        Ok(partition)
    }

    /// What the snapshot tells, else nothing.
    async fn base(&self, id: PartitionId, end: i64) -> Result<Base, Stuck> {
        let of = TopicPartition::new(id.domain.snapshots_topic(), id.number);
        let there = self.log.high_watermark(&of).await?;
        if there > 0 {
            // What a snapshot seals was sealed in an event before.
            self.keys.catch_up().await?;
        }
        let mut restored = Restored::into_empty(self.empty(id), &self.snapshots);
        let mut reading = Reading::begin(self.log.as_ref(), of, 0, there).await?;
        while let Some(records) = reading.next().await? {
            for (number, record) in records.iter().enumerate() {
                restored.take(record, &self.decoder, &self.snapshots).await;
                take_turns(number).await;
            }
        }
        match restored.finish(end) {
            Ok((partition, last)) => Ok(Base { partition, last: Some(last) }),
            Err((ignored, leftover)) => {
                if there > 0 {
                    say_ignored(id, &ignored);
                }
                let mut partition = self.empty(id);
                partition.snapshots.holds_leftover(leftover);
                Ok(Base { partition, last: None })
            }
        }
    }

    /// Replays what a snapshot does not cover; everything, should it contradict the log.
    async fn replayed(&self, of: &TopicPartition, end: i64, base: Base) -> Result<(Partition, u64), Stuck> {
        let Base { mut partition, last } = base;
        if let Some(last) = last {
            match self.replay(of, end, Some(last), &mut partition).await? {
                Ok(events) => return Ok((partition, events)),
                Err(ignored) => say_ignored(partition.id, &ignored),
            }
            let leftover = partition.snapshots.chunks();
            partition = self.empty(partition.id);
            partition.snapshots.holds_leftover(leftover);
        }
        let events = self.replay(of, end, None, &mut partition).await?;
        Ok((partition, events.unwrap_or_default()))
    }

    fn empty(&self, id: PartitionId) -> Partition {
        Partition::new(id, REMEMBERED_FOR, self.ledger_capacity)
    }

    /// Ends at once what a predecessor that did not say goodbye may have left open. For speed only: without it the
    /// broker ends it after the transaction timeout, and the replay waits for that.
    async fn fence_predecessor(&self, id: PartitionId) {
        let Some(owner) = self.owners.last(id).filter(|it| it.is_owned() && *it.instance != *self.instance)
        else {
            return;
        };
        let fenced = owner.transactional_ids.iter().map(async |it| (it, self.log.fence(it).await));
        for (transactional_id, fenced) in join_all(fenced).await {
            match fenced {
                Ok(()) => info!(partition = %id, transactional_id, "fenced the predecessor"),
                Err(fault) => {
                    warn!(partition = %id, transactional_id, %fault, "could not fence the predecessor")
                }
            }
        }
    }

    /// Folds the events from the last one on that a snapshot covers, from the first one on without a snapshot.
    async fn replay(
        &self,
        of: &TopicPartition,
        end: i64,
        last: Option<LastEvent>,
        partition: &mut Partition,
    ) -> Result<Result<u64, Ignored>, Stuck> {
        let from = last.map_or(0, |it| it.offset);
        let mut reading = Reading::begin(self.log.as_ref(), of.clone(), from, end).await?;
        let (mut events, mut unproven) = (0, last);
        while let Some(records) = reading.next().await? {
            // Records beyond the watermark are none of a predecessor's: there is no other writer since the assignment.
            for (number, record) in records.iter().enumerate() {
                take_turns(number).await;
                if !record.is_ours() {
                    pass_over(record);
                    continue;
                }
                let event = self.read(record).await?;
                let offset = record.position.offset;
                if let Some(last) = unproven.take() {
                    if last != LastEvent::of(&event, offset) {
                        return Ok(Err(Ignored::OtherLog(last.offset)));
                    }
                    continue;
                }
                if let Some(gap) = partition.gap_before(&event).filter(|_| last.is_some()) {
                    return Ok(Err(gap.into()));
                }
                partition.replay(&event, offset, fingerprint(record));
                events += 1;
            }
        }
        Ok(unproven.map_or(Ok(events), |it| Err(Ignored::OtherLog(it.offset))))
    }

    async fn read(&self, record: &Record) -> Result<Recorded<Event>, Stuck> {
        let unreadable = |reason: String| Stuck::Unreadable { position: record.position.to_string(), reason };
        let mut event =
            self.decoder.decode::<Event>(record).await.map_err(|it| unreadable(it.to_string()))?;
        // An account compares what it is told with what it knows; no other state holds a personal value.
        if matches!(event.payload, Event::User(_)) {
            self.keys.open(&mut event).await.map_err(|it| match it {
                OpenError::Log(it) => it.into(),
                OpenError::Seal(it) => unreadable(it.to_string()),
            })?;
        }
        Ok(event)
    }
}

/// Reads committed records of one partition up to an end, which must come within bounds.
#[derive(Debug)]
struct Reading {
    reader: Box<dyn Reader>,
    of: TopicPartition,
    end: i64,
    moved: Instant,
}

impl Reading {
    async fn begin(log: &dyn EventLog, of: TopicPartition, from: i64, end: i64) -> Result<Self, LogError> {
        let reader = log.reader(vec![(of.clone(), from)]).await?;
        Ok(Self { reader, of, end, moved: Instant::now() })
    }

    /// The next records; none at the end.
    async fn next(&mut self) -> Result<Option<Vec<Record>>, Stuck> {
        let position = self.reader.position(&self.of).unwrap_or(0);
        if position >= self.end {
            return Ok(None);
        }
        let records = self.reader.next(BATCH, WAIT).await?;
        if self.reader.position(&self.of).is_some_and(|it| it > position) {
            self.moved = Instant::now();
        } else if self.moved.elapsed() > STALL {
            return Err(Stuck::Stalled { of: self.of.clone(), position, end: self.end });
        }
        Ok(Some(records))
    }
}

/// Lets takeovers of other partitions go on after every few records, so that a small one need not wait for a large one.
async fn take_turns(number: usize) {
    if number % TURN == TURN - 1 {
        tokio::task::yield_now().await;
    }
}

/// The owner before never saw it, so its state did not follow from it, and ours must not.
fn pass_over(record: &Record) {
    counter!("karmyq_foreign_records_total", "topic" => record.position.of.topic.to_string()).increment(1);
    warn!(position = %record.position, "a record that no writer of ours wrote is passed over");
}

fn say_ignored(id: PartitionId, ignored: &Ignored) {
    counter!("karmyq_snapshots_ignored_total", "reason" => ignored.name()).increment(1);
    warn!(partition = %id, reason = %ignored, "the snapshot is ignored: reading all events");
}

/// The fingerprint that the first event of a client command carries, zeros elsewhere.
pub(super) fn fingerprint(record: &Record) -> [u8; 8] {
    record
        .header(FINGERPRINT)
        .and_then(|it| u64::from_str_radix(it, 16).ok())
        .map(u64::to_be_bytes)
        .unwrap_or_default()
}

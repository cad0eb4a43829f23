//! Taking over a partition (invariant W1, rules 3 and 4): fence the predecessor, read the high watermark, replay up to it.
//!
//! The high watermark, not the last stable offset: a predecessor's transaction that passed the fence but is not
//! committed yet lies below the former and would be hidden by the latter. Replay waits until it is decided.

use std::sync::Arc;
use std::time::{Duration, Instant};

use event_log::{Decoder, EventLog, KeyRing, LogError, OpenError, Record, TopicPartition};
use event_schemas::headers::FINGERPRINT;
use event_schemas::{Domain, Event};
use futures::future::join_all;
use tracing::{info, warn};

use super::carry::REMEMBERED_FOR;
use super::owners::Owners;
use super::partition::{Partition, PartitionId};

/// Most records folded between two looks at the deadline.
const BATCH: usize = 5_000;
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

impl Takeover {
    /// The partition as its log tells it.
    pub(super) async fn load(&self, id: PartitionId) -> Result<Partition, Stuck> {
        let began = Instant::now();
        self.fence_predecessor(id).await;
        let of = TopicPartition::new(id.domain.events_topic(), id.number);
        let end = self.log.high_watermark(&of).await?;
        let mut partition = Partition::new(id, REMEMBERED_FOR, self.ledger_capacity);
        let events = self.replay(&of, end, &mut partition).await?;
        partition.arm_all();
        if id.domain == Domain::User || end > 0 {
            // Sealed fields of new events must find the keys that earlier ones drew.
            self.keys.catch_up().await?;
        }
        let (aggregates, duration_ms) = (partition.len(), began.elapsed().as_millis());
        info!(partition = %id, events, aggregates, high_watermark = end, duration_ms, "took over a partition");
        Ok(partition)
    }

    /// Ends at once what a predecessor that did not say goodbye may have left open. For speed only: without it the
    /// broker ends it after the transaction timeout, and the replay waits for that.
    async fn fence_predecessor(&self, id: PartitionId) {
        let Some(owner) =
            self.owners.last(id).filter(|it| it.state == "owned" && *it.instance != *self.instance)
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

    async fn replay(&self, of: &TopicPartition, end: i64, partition: &mut Partition) -> Result<u64, Stuck> {
        let mut reader = self.log.reader(vec![(of.clone(), 0)]).await?;
        let (mut events, mut moved) = (0, Instant::now());
        loop {
            let position = reader.position(of).unwrap_or(0);
            if position >= end {
                return Ok(events);
            }
            let records = reader.next(BATCH, WAIT).await?;
            // Records beyond the watermark are none of a predecessor's: there is no other writer since the assignment.
            for record in &records {
                self.fold(record, partition).await?;
                events += 1;
            }
            if reader.position(of).is_some_and(|it| it > position) {
                moved = Instant::now();
            } else if moved.elapsed() > STALL {
                return Err(Stuck::Stalled { of: of.clone(), position, end });
            }
        }
    }

    async fn fold(&self, record: &Record, partition: &mut Partition) -> Result<(), Stuck> {
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
        partition.replay(&event, record.position.offset, fingerprint(record));
        Ok(())
    }
}

/// The fingerprint that the first event of a client command carries, zeros elsewhere.
pub(super) fn fingerprint(record: &Record) -> [u8; 8] {
    record
        .header(FINGERPRINT)
        .and_then(|it| u64::from_str_radix(it, 16).ok())
        .map(u64::to_be_bytes)
        .unwrap_or_default()
}

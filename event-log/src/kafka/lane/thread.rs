//! What happens on a lane's thread: the steps of a transaction, which block, and what becomes of one that fails.

use std::collections::HashMap;
use std::time::Duration;

use futures::FutureExt;
use rdkafka::TopicPartitionList;
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};
use rdkafka::topic_partition_list::Offset;
use rdkafka::types::RDKafkaErrorCode;

use super::{Gate, Stage};
use crate::kafka::client;
use crate::kafka::deliveries::{Deliveries, Ticket, Undelivered};
use crate::kafka::group::{KafkaFence, Unfenced};
use crate::kafka::native::{self, Failure};
use crate::transaction::{Transaction, attempt};
use crate::{AppendError, Appended, GroupEvent, LogError, NewRecord, TopicPartition, Window};

/// How long a record may be on its way, retries included; also librdkafka's own limit for it.
const DELIVERY: Duration = Duration::from_secs(5);
/// How long the group's coordinator may take to check a generation.
const FENCE: Duration = Duration::from_secs(5);
/// How long the transaction coordinator may take to commit before the outcome counts as unknown.
pub(super) const COMMIT: Duration = Duration::from_secs(10);
/// How long an abort may take before the lane leaves it for the next window to finish.
const ABORT: Duration = Duration::from_secs(2);
/// How long taking over a transactional id may take: it waits for the markers of whatever was open.
const TAKE_OVER: Duration = Duration::from_secs(20);
/// How long the next generation of a group may be on its way to a member that the group has already counted.
const REJOIN: Duration = Duration::from_secs(1);
/// A rebalance that this member survives refuses a window at most once per new generation.
const ATTEMPTS: usize = 3;

type TransactionalProducer = ThreadedProducer<Deliveries>;

/// What the thread works with.
pub(super) struct LaneThread {
    id: String,
    gate: Gate,
    producer: TransactionalProducer,
    /// A transaction whose abort did not succeed yet.
    unaborted: bool,
    /// Offsets that were looked up, and the number of assignments then.
    settled: (u64, HashMap<TopicPartition, i64>),
}

/// Why an attempt did not commit.
enum Failed {
    /// Nothing is committed, and the lane may go on.
    Abort(String),
    /// The generation of this number was refused.
    Generation(i32, String),
    /// Another owner is certain, or cannot be excluded: the producer broke, or the broker had its records already.
    Fenced(String),
    /// The commit was sent and its result is unknown.
    Unknown(String),
}

impl LaneThread {
    /// Takes over the transactional id.
    pub(super) fn take_over(bootstrap_servers: &str, id: String, gate: Gate) -> Result<Self, LogError> {
        let producer = producer(bootstrap_servers, &id)?;
        Ok(Self { id, gate, producer, unaborted: false, settled: Default::default() })
    }

    /// Appends a window; see [`crate::Lane::append`].
    pub(super) fn append(&mut self, window: &Window) -> Result<Appended, AppendError> {
        if !self.gate.pass(Stage::Preparing) {
            return Err(AppendError::Fenced("the lane was given up".to_owned()));
        }
        let Some(fence) = window.fence.as_any().downcast_ref::<KafkaFence>() else {
            return Err(AppendError::Aborted("the fence is of another log".to_owned()));
        };
        if window.consumed.is_empty() {
            return Err(AppendError::Aborted("the window presents no consumed offset".to_owned()));
        }
        self.abort()?;
        if self.unaborted {
            return Err(AppendError::Aborted("an earlier window could not be aborted yet".to_owned()));
        }
        let mut attempts = 1;
        loop {
            let steps = &mut Steps { lane: self, fence, offsets: TopicPartitionList::new() };
            match attempt(steps, window).now_or_never().expect("every step blocks") {
                Ok(offsets) => return Ok(Appended { offsets }),
                Err(Failed::Generation(refused, reason)) => {
                    self.abort()?;
                    // A rebalance that this member survives moves the generation on without taking a partition away.
                    if attempts == ATTEMPTS || !fence.outlives(refused, REJOIN) {
                        return Err(AppendError::Fenced(reason));
                    }
                    attempts += 1;
                }
                Err(Failed::Abort(reason)) => {
                    self.abort()?;
                    return Err(AppendError::Aborted(reason));
                }
                Err(Failed::Fenced(reason)) => {
                    // So that readers need not wait for the broker to time it out.
                    let _ = self.abort();
                    return Err(AppendError::Fenced(reason));
                }
                Err(Failed::Unknown(reason)) => return Err(AppendError::Indeterminate(reason)),
            }
        }
    }

    /// The consumed offsets in the client's form; those that were unsettled at assignment are looked up once.
    fn offsets(&mut self, window: &Window, fence: &KafkaFence) -> Result<TopicPartitionList, LogError> {
        let mut list = TopicPartitionList::with_capacity(window.consumed.len());
        for (of, next) in &window.consumed {
            let next = if *next == GroupEvent::UNSETTLED { self.settled(of, fence)? } else { *next };
            list.add_partition_offset(&of.topic, of.partition, Offset::Offset(next))
                .map_err(|error| client::log_error(&format!("{next} is no offset of {of}"), &error))?;
        }
        Ok(list)
    }

    /// The committed offset of a partition that its owner has not moved since it was assigned.
    fn settled(&mut self, of: &TopicPartition, fence: &KafkaFence) -> Result<i64, LogError> {
        let assignments = fence.assignments();
        if self.settled.0 != assignments {
            self.settled = (assignments, HashMap::new());
        }
        if let Some(next) = self.settled.1.get(of) {
            return Ok(*next);
        }
        let committed = fence.committed_now(std::slice::from_ref(of))?;
        self.settled.1.extend(committed);
        let unknown = || LogError::Unavailable(format!("no committed offset of {of}"));
        self.settled.1.get(of).copied().ok_or_else(unknown)
    }

    /// Aborts what is open. Afterwards the lane is ready, or has to try again before its next window, or is dead.
    fn abort(&mut self) -> Result<(), AppendError> {
        if self.unaborted {
            match self.producer.abort_transaction(ABORT) {
                Ok(()) => self.unaborted = false,
                Err(error) => tracing::warn!(transactional.id = %self.id, %error, "could not abort a window"),
            }
        }
        // Whatever broke the producer, what the broker knows of it and what this process remembers may differ: it may have been
        // set back to an earlier snapshot of its machine. Going on with a new producer would be going on with that memory.
        match self.producer.client().fatal_error() {
            Some((_, reason)) => Err(AppendError::Fenced(reason)),
            None => Ok(()),
        }
    }
}

/// One attempt at a transaction.
struct Steps<'a> {
    lane: &'a mut LaneThread,
    fence: &'a KafkaFence,
    /// The consumed offsets in the client's form.
    offsets: TopicPartitionList,
}

impl Transaction for Steps<'_> {
    type Failed = Failed;

    async fn begin(&mut self, window: &Window) -> Result<(), Failed> {
        let offsets = self.lane.offsets(window, self.fence);
        self.offsets = offsets.map_err(|error| Failed::Abort(error.to_string()))?;
        self.lane.producer.begin_transaction().map_err(|error| failed(&error, "begin"))?;
        self.lane.unaborted = true;
        Ok(())
    }

    async fn deliver(&mut self, window: &Window) -> Result<Vec<i64>, Failed> {
        let producer = &self.lane.producer;
        let deliveries = producer.context();
        let number = deliveries.expect(window.records.len());
        for (index, record) in (0..).zip(&window.records) {
            let ticket = Ticket { window: number, index };
            produce(producer, record, ticket).map_err(|error| failed(&error, "produce"))?;
        }
        let delivered = native::flush(producer, DELIVERY + Duration::from_secs(1));
        match deliveries.take() {
            Err(Undelivered::Failed(error)) => Err(failed(&error, "deliver")),
            // Either the answer to these records was lost, or they are not these records.
            Err(Undelivered::Repeated(topic, partition)) => {
                Err(Failed::Fenced(format!("{topic}/{partition} had records of these numbers already")))
            }
            Ok(Some(offsets)) if delivered => Ok(offsets),
            Ok(_) => Err(Failed::Abort(format!("not delivered within {} s", DELIVERY.as_secs()))),
        }
    }

    async fn present_fence(&mut self, _: &Window) -> Result<(), Failed> {
        let generation = self.fence.generation().map_err(|why| match why {
            Unfenced::Lost(reason) => Failed::Fenced(reason),
            Unfenced::Between(reason) => Failed::Generation(-1, reason),
        })?;
        native::send_offsets(&self.lane.producer, &self.offsets, &generation, FENCE)
            .map_err(|failure| refused(failure, generation.number()))
    }

    async fn commit(&mut self, _: &Window) -> Result<(), Failed> {
        if !self.lane.gate.pass(Stage::Committing) {
            return Err(Failed::Fenced("the window was given up".to_owned()));
        }
        // A refusal at this point is no proof: librdkafka repeats a commit whose answer was lost, and a successor that
        // has taken over the id in between makes the repeat fail although the first one counted.
        native::commit(&self.lane.producer, COMMIT).map_err(|failure| Failed::Unknown(failure.text))?;
        self.lane.unaborted = false;
        Ok(())
    }
}

fn produce(producer: &TransactionalProducer, record: &NewRecord, ticket: Ticket) -> Result<(), KafkaError> {
    let headers = OwnedHeaders::new_with_capacity(record.headers.len());
    let headers = record
        .headers
        .iter()
        .fold(headers, |all, (key, value)| all.insert(Header { key, value: Some(value) }));
    let mut sent = BaseRecord::with_opaque_to(&record.to.topic, ticket.pack())
        .partition(record.to.partition)
        .key(record.key.as_slice())
        .timestamp(record.timestamp_ms)
        .headers(headers);
    sent.payload = record.value.as_deref();
    match producer.send(sent) {
        Ok(()) => Ok(()),
        Err((error, sent)) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull) => {
            // A window larger than the client's queue: wait for its beginning, then go on.
            native::flush(producer, DELIVERY);
            producer.send(sent).map_err(|(error, _)| error)
        }
        Err((error, _)) => Err(error),
    }
}

/// A producer that has taken over the transactional id.
pub(super) fn producer(bootstrap_servers: &str, id: &str) -> Result<TransactionalProducer, LogError> {
    let producer: TransactionalProducer = client::config(bootstrap_servers)
        .set("transactional.id", id)
        // Small, so that readers are not held up for long by an owner that died with an open transaction.
        .set("transaction.timeout.ms", "10000")
        .set("message.timeout.ms", DELIVERY.as_millis().to_string())
        // A request that hangs is not waited for longer than its records may take.
        .set("socket.timeout.ms", DELIVERY.as_millis().to_string())
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("compression.type", "lz4")
        // Every window is flushed as a whole, so batches fill without waiting for this.
        .set("linger.ms", "50")
        .create_with_context(Deliveries::default())
        .map_err(|error| client::log_error("cannot create a producer", &error))?;
    producer
        .init_transactions(TAKE_OVER)
        .map_err(|error| client::log_error(&format!("cannot take over the transactional id {id}"), &error))?;
    Ok(producer)
}

/// What an error before the commit means.
fn failed(error: &KafkaError, step: &str) -> Failed {
    let reason = format!("{step}: {error}");
    match error.rdkafka_error_code() {
        Some(code) if by_successor(code) => Failed::Fenced(reason),
        _ => Failed::Abort(reason),
    }
}

/// What a refusal of the consumed offsets means.
fn refused(failure: Failure, generation: i32) -> Failed {
    use RDKafkaErrorCode as Code;
    let by_group = matches!(failure.code, Code::UnknownMemberId | Code::FencedInstanceId);
    if failure.code == Code::IllegalGeneration {
        Failed::Generation(generation, failure.text)
    } else if by_group || by_successor(failure.code) || failure.fatal {
        Failed::Fenced(failure.text)
    } else {
        Failed::Abort(failure.text)
    }
}

/// Codes by which a broker tells that the transactional id has a newer holder.
fn by_successor(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch | Code::InvalidProducerIdMapping
    )
}

#[cfg(test)]
mod tests;

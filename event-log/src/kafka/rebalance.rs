//! What happens on a member's thread: partitions come and go, records wait for the member to take them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rdkafka::TopicPartitionList;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::topic_partition_list::Offset;
use rdkafka::types::RDKafkaRespErr;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use super::client;
use super::group::committed;
use super::waiting::wait_until;
use crate::standing::Standing;
use crate::{GroupConfig, GroupEvent, Record, TopicPartition};

/// Places in the channel that records leave free for assignments, revocations and troubles.
const RESERVED: usize = 64;
/// How long an assignment waits for its committed offsets before it is told without them.
const SETTLE: Duration = Duration::from_millis(500);

/// The consumer's side of a membership.
pub(super) struct GroupContext {
    events: mpsc::Sender<GroupEvent>,
    topics: Vec<Arc<str>>,
    fetch: bool,
    patience: Duration,
    standing: Arc<Standing>,
    /// Records that found the channel full; the partitions are paused then, so that these are few.
    backlog: Mutex<VecDeque<Record>>,
    paused: AtomicBool,
}

impl GroupContext {
    pub(super) fn new(
        events: mpsc::Sender<GroupEvent>,
        config: &GroupConfig,
        standing: Arc<Standing>,
    ) -> Self {
        Self {
            events,
            topics: config.topics.iter().map(|it| Arc::from(it.as_str())).collect(),
            fetch: config.fetch,
            patience: config.session_timeout,
            standing,
            backlog: Mutex::default(),
            paused: AtomicBool::new(false),
        }
    }

    /// Whether nobody listens any more.
    pub(super) fn is_deaf(&self) -> bool {
        self.events.is_closed()
    }

    /// Hands a record over, or keeps it and stops the flow.
    pub(super) fn offer(&self, consumer: &BaseConsumer<Self>, message: &BorrowedMessage<'_>) {
        let of = self.partition(message.topic(), message.partition());
        let record = client::record(message, of);
        let mut backlog = self.backlog.lock();
        backlog.push_back(record);
        self.hand_over(&mut backlog);
        if !backlog.is_empty() && !self.paused.swap(true, Ordering::AcqRel) {
            self.report(consumer.assignment().and_then(|it| consumer.pause(&it)), "pause");
        }
    }

    /// Hands over what waits, and lets records flow again once the member has caught up.
    pub(super) fn relieve(&self, consumer: &BaseConsumer<Self>) {
        if !self.paused.load(Ordering::Acquire) {
            return;
        }
        let mut backlog = self.backlog.lock();
        self.hand_over(&mut backlog);
        let caught_up = backlog.is_empty() && self.events.capacity() * 2 > self.events.max_capacity();
        if caught_up {
            self.paused.store(false, Ordering::Release);
            self.report(consumer.assignment().and_then(|it| consumer.resume(&it)), "resume");
        }
    }

    /// Tells a problem that the client goes on to retry.
    pub(super) fn trouble(&self, error: &KafkaError) {
        tracing::debug!(%error, "the consumer group has a problem");
        if self.events.capacity() > RESERVED {
            // Full or closed: health learns of the problem from the next one, or from the missing partitions.
            let _ = self.events.try_send(GroupEvent::Trouble(error.to_string()));
        }
    }

    fn hand_over(&self, backlog: &mut VecDeque<Record>) {
        while self.events.capacity() > RESERVED {
            let Some(record) = backlog.pop_front() else { return };
            // Only this thread sends, so there is room; a closed channel is noticed by the thread's loop.
            let _ = self.events.try_send(GroupEvent::Record(record));
        }
    }

    fn partition(&self, topic: &str, partition: i32) -> TopicPartition {
        let known = self.topics.iter().find(|it| it.as_ref() == topic).cloned();
        TopicPartition::new(known.unwrap_or_else(|| Arc::from(topic)), partition)
    }

    fn partitions(&self, list: &TopicPartitionList) -> Vec<TopicPartition> {
        list.elements().iter().map(|it| self.partition(it.topic(), it.partition())).collect()
    }

    fn report(&self, result: KafkaResult<()>, attempt: &str) {
        if let Err(error) = result {
            tracing::error!(%error, attempt, "the consumer refused a call that cannot fail");
            self.trouble(&error);
        }
    }

    /// Tells the member, waiting for a place; false when it took none in time.
    fn tell(&self, event: GroupEvent) -> bool {
        match self.events.try_send(event) {
            Ok(()) | Err(TrySendError::Closed(_)) => true,
            Err(TrySendError::Full(event)) => {
                wait_until(Instant::now() + self.patience, self.events.send(event)).is_some()
            }
        }
    }

    fn assigned(&self, consumer: &BaseConsumer<Self>, list: &mut TopicPartitionList) {
        let partitions = self.partitions(list);
        self.standing.assign();
        let unsettled = |error: KafkaError| {
            tracing::info!(%error, "committed offsets are not settled yet");
            partitions.iter().map(|it| (it.clone(), GroupEvent::UNSETTLED)).collect()
        };
        let next = committed(consumer, &partitions, SETTLE).unwrap_or_else(unsettled);
        for (of, next) in next.iter().filter(|(_, next)| *next != GroupEvent::UNSETTLED) {
            let start = list.set_partition_offset(&of.topic, of.partition, Offset::Offset(*next));
            self.report(start, "set a start offset");
        }
        self.report(
            match consumer.rebalance_protocol() {
                RebalanceProtocol::Cooperative => consumer.incremental_assign(list),
                RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.assign(list),
            },
            "assign",
        );
        if !self.fetch || self.paused.load(Ordering::Acquire) {
            self.report(consumer.pause(list), "pause");
        }
        // Nothing is an answer, too: whoever stands by is ready.
        if !self.tell(GroupEvent::Assigned(next)) {
            tracing::error!("a member does not take its events; it cannot learn of new partitions");
        }
    }

    fn revoked(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) {
        let partitions = self.partitions(list);
        if !partitions.is_empty() {
            let lost = consumer.assignment_lost();
            if lost {
                // Before the group can be joined again, so that no window from before is committed after.
                self.standing.lose();
            }
            self.backlog.lock().retain(|it| !partitions.contains(&it.position.of));
            self.await_release(partitions, lost);
        }
        self.report(
            match consumer.rebalance_protocol() {
                RebalanceProtocol::Cooperative => consumer.incremental_unassign(list),
                RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.unassign(),
            },
            "unassign",
        );
    }

    /// Tells the revocation and waits for its answer, at most a session timeout.
    fn await_release(&self, partitions: Vec<TopicPartition>, lost: bool) {
        let (done, mut is_done) = oneshot::channel();
        let deadline = Instant::now() + self.patience;
        if !self.tell(GroupEvent::Revoked { partitions, lost, done }) {
            tracing::error!("a member does not take its events; it may append no more");
            self.standing.break_off();
        } else if wait_until(deadline, &mut is_done).is_none() {
            tracing::error!("a revocation was not answered in time; windows are refused until it is");
            self.standing.owe(is_done);
        }
    }
}

impl ClientContext for GroupContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        client::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "kafka group member reports an error");
    }
}

impl ConsumerContext for GroupContext {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, kind: RDKafkaRespErr, list: &mut TopicPartitionList) {
        if kind == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            self.assigned(consumer, list);
        } else {
            self.revoked(consumer, list);
        }
    }
}

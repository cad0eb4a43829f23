//! A reader: assigned partitions without a group, whole batches from the client's queue, no thread of its own.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::Consumer;
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::topic_partition_list::Offset;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::client::{self, Context, PlainConsumer};
use crate::{LogError, Reader, Record, TopicPartition};

/// As long as anybody means to wait; more would leave the clock's range.
const A_DAY: Duration = Duration::from_secs(86_400);

/// Reads committed records of its partitions.
pub(super) struct KafkaReader {
    /// None only while being dropped.
    consumer: Option<PlainConsumer>,
    /// Told when the client's queue is no longer empty.
    arrived: Arc<Notify>,
    positions: HashMap<TopicPartition, i64>,
    /// The partition of the message before: most follow each other.
    last: Option<TopicPartition>,
    /// An error that came behind records which had to be answered first.
    failure: Option<LogError>,
}

impl KafkaReader {
    /// Starts to read. Blocks for a moment.
    pub(super) fn start(bootstrap_servers: &str, from: Vec<(TopicPartition, i64)>) -> Result<Self, LogError> {
        let refused = |error| client::log_error("cannot start a reader", &error);
        let mut consumer: PlainConsumer = client::consumer_config(bootstrap_servers, "karmyq-readers")
            // A start that the log does not have is a fault to be told, never a reason to skip or repeat records.
            .set("auto.offset.reset", "error")
            .create_with_context(Context::default())
            .map_err(refused)?;
        let arrived = Arc::new(Notify::new());
        let wake = Arc::clone(&arrived);
        consumer.set_nonempty_callback(move || wake.notify_one());
        let mut list = TopicPartitionList::with_capacity(from.len());
        for (of, offset) in &from {
            list.add_partition_offset(&of.topic, of.partition, Offset::Offset(*offset)).map_err(refused)?;
        }
        consumer.assign(&list).map_err(refused)?;
        Ok(Self {
            consumer: Some(consumer),
            arrived,
            positions: from.into_iter().collect(),
            last: None,
            failure: None,
        })
    }

    /// Takes what the client has fetched, without waiting; true when its queue ran empty.
    fn take(&mut self, max: usize, records: &mut Vec<Record>) -> bool {
        let Some(consumer) = &self.consumer else { return true };
        while records.len() < max {
            let served = consumer.context().served();
            match consumer.poll(Duration::ZERO) {
                Some(Ok(message)) => {
                    let of = partition(&self.positions, &mut self.last, &message);
                    records.push(client::record(&message, of));
                }
                Some(Err(error)) => {
                    self.failure = Some(client::log_error("cannot read", &error));
                    return true;
                }
                None if consumer.context().served() == served => return true,
                None => {}
            }
        }
        false
    }

    /// Moves the positions past the records, and past markers behind them when nothing else is waiting.
    fn advance(&mut self, records: &[Record], ran_empty: bool) -> bool {
        for record in records {
            // Records of a partition come in order.
            if let Some(position) = self.positions.get_mut(&record.position.of) {
                *position = record.position.offset + 1;
            }
        }
        ran_empty && self.skip_markers()
    }

    /// Moves the positions to where the client is: it counts markers and aborted records as read. True when one moved.
    fn skip_markers(&mut self) -> bool {
        let Some(Ok(present)) = self.consumer.as_ref().map(Consumer::position) else { return false };
        let mut moved = false;
        for (of, position) in &mut self.positions {
            let at = present.find_partition(&of.topic, of.partition).map(|it| it.offset());
            if let Some(Offset::Offset(at)) = at
                && at > *position
            {
                *position = at;
                moved = true;
            }
        }
        moved
    }
}

#[async_trait]
impl Reader for KafkaReader {
    async fn next(&mut self, max: usize, wait: Duration) -> Result<Vec<Record>, LogError> {
        let deadline = Instant::now() + wait.min(A_DAY);
        let arrived = Arc::clone(&self.arrived);
        let mut records = Vec::new();
        loop {
            if let Some(failure) = self.failure.take() {
                return Err(failure);
            }
            let ran_empty = self.take(max, &mut records);
            // Markers alone are news, too: whoever waits for a position need not wait for a record behind it.
            let moved = self.advance(&records, ran_empty);
            if moved || !records.is_empty() || max == 0 {
                return Ok(records);
            }
            if self.failure.is_none() && timeout_at(deadline, arrived.notified()).await.is_err() {
                return Ok(records);
            }
        }
    }

    fn position(&self, of: &TopicPartition) -> Option<i64> {
        self.positions.get(of).copied()
    }
}

/// The message's partition, without allocating its name again.
fn partition(
    positions: &HashMap<TopicPartition, i64>,
    last: &mut Option<TopicPartition>,
    message: &BorrowedMessage<'_>,
) -> TopicPartition {
    let (topic, partition) = (message.topic(), message.partition());
    let is_it = |it: &&TopicPartition| it.partition == partition && it.topic.as_ref() == topic;
    if let Some(same) = last.as_ref().filter(is_it) {
        return same.clone();
    }
    let of = positions.keys().find(is_it).cloned();
    last.insert(of.unwrap_or_else(|| TopicPartition::new(topic, partition))).clone()
}

impl fmt::Debug for KafkaReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaReader").field("positions", &self.positions).finish_non_exhaustive()
    }
}

impl Drop for KafkaReader {
    fn drop(&mut self) {
        // Closing a consumer blocks for up to 100 ms; readers are dropped by asynchronous tasks.
        if let Some(consumer) = self.consumer.take() {
            let closing = std::thread::Builder::new().name("close reader".to_owned());
            let _ = closing.spawn(move || drop(consumer));
        }
    }
}

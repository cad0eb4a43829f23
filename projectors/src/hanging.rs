//! Hanging transactions: one that nobody ends holds back everything behind it in its partition, and looks like silence.

use std::sync::Arc;

use chrono::Utc;
use event_log::{EventLog, LogError, OpenTransaction, TopicPartition};
use serde::Serialize;

/// A transaction that has written nothing for so many seconds hangs: whoever began it should have ended it, or its
/// coordinator. Twice what our writers are given.
const HANGING_AFTER: f64 = 20.0;

/// A transaction that holds back the end of the committed log.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Hanging {
    /// The producer.
    pub producer_id: i64,
    /// Its epoch.
    pub producer_epoch: i32,
    /// Where the transaction begins.
    pub start_offset: i64,
    /// Seconds since it last wrote.
    pub silent_seconds: f64,
    /// The command of Kafka that ends it.
    pub command: String,
}

/// The transaction that the last stable offset `end` waits for, if it hangs. `high_watermark` is the end with open
/// transactions.
pub(crate) async fn look(
    log: &Arc<dyn EventLog>,
    of: &TopicPartition,
    end: i64,
    high_watermark: i64,
) -> Result<Option<Hanging>, LogError> {
    if high_watermark <= end {
        return Ok(None);
    }
    let open = log.open_transactions(of).await?;
    let first = open.iter().find(|it| it.start_offset <= end);
    Ok(first.map(|it| Hanging::new(of, it)).filter(|it| it.silent_seconds >= HANGING_AFTER))
}

impl Hanging {
    fn new(of: &TopicPartition, open: &OpenTransaction) -> Self {
        let (topic, partition, start) = (&of.topic, of.partition, open.start_offset);
        let command = format!(
            "kafka-transactions.sh --bootstrap-server $KAFKA_BOOTSTRAP_SERVERS abort --topic {topic} \
             --partition {partition} --start-offset {start}"
        );
        let silent_ms = (Utc::now().timestamp_millis() - open.last_timestamp_ms).max(0);
        Self {
            producer_id: open.producer_id,
            producer_epoch: open.producer_epoch,
            start_offset: start,
            silent_seconds: silent_ms as f64 / 1_000.0,
            command,
        }
    }

    /// Which transaction it is, in words.
    pub(crate) fn reason(&self) -> String {
        let (producer, epoch, at) = (self.producer_id, self.producer_epoch, self.start_offset);
        format!("a transaction of producer {producer} (epoch {epoch}) hangs at offset {at}")
    }
}

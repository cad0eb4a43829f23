//! Collects the delivery reports of one window, in the order of its records.

use event_schemas::topics;
use parking_lot::Mutex;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::{Message, Timestamp};
use rdkafka::producer::{DeliveryResult, ProducerContext};

use super::client;

/// The context of a lane's producer.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    expected: Mutex<Expected>,
}

/// The reports of the present window.
#[derive(Debug, Default)]
struct Expected {
    window: u32,
    outstanding: usize,
    offsets: Vec<i64>,
    failure: Option<Undelivered>,
}

/// Why a window is not in the log as it was sent.
#[derive(Clone, Debug)]
pub(super) enum Undelivered {
    /// A record could not be delivered.
    Failed(KafkaError),
    /// The broker had records of these numbers already, in this partition of this topic.
    Repeated(String, i32),
}

/// Which record of which window a report is about, in the one word that librdkafka carries. A window whose abort timed
/// out may still report after the next one began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket {
    /// Number of the window.
    pub(super) window: u32,
    /// Number of the record in it.
    pub(super) index: u32,
}

impl Ticket {
    /// The ticket as one word.
    pub(super) const fn pack(self) -> usize {
        (self.window as usize) << 32 | self.index as usize
    }

    const fn unpack(word: usize) -> Self {
        Self { window: (word >> 32) as u32, index: word as u32 }
    }
}

impl Deliveries {
    /// Starts a window of so many records; the answer is its number.
    pub(super) fn expect(&self, records: usize) -> u32 {
        let mut expected = self.expected.lock();
        let window = expected.window.wrapping_add(1);
        *expected = Expected { window, outstanding: records, offsets: vec![-1; records], failure: None };
        window
    }

    /// The offsets of the window's records; none while reports are missing, the first reason when one is not there.
    pub(super) fn take(&self) -> Result<Option<Vec<i64>>, Undelivered> {
        let mut expected = self.expected.lock();
        match expected.failure.take() {
            Some(why) => Err(why),
            None if expected.outstanding > 0 => Ok(None),
            None => Ok(Some(std::mem::take(&mut expected.offsets))),
        }
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        client::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "kafka producer reports an error");
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: usize) {
        let ticket = Ticket::unpack(ticket);
        let mut expected = self.expected.lock();
        if ticket.window != expected.window {
            return;
        }
        expected.outstanding = expected.outstanding.saturating_sub(1);
        match result {
            Ok(message) if is_repeat(message) => {
                let repeated = Undelivered::Repeated(message.topic().to_owned(), message.partition());
                expected.failure.get_or_insert(repeated);
            }
            Ok(message) => {
                if let Some(offset) = expected.offsets.get_mut(ticket.index as usize) {
                    *offset = message.offset();
                }
            }
            Err((error, _)) => {
                expected.failure.get_or_insert_with(|| Undelivered::Failed(error.clone()));
            }
        }
    }
}

/// Whether the broker took a record for one that it had already. It does so by the producer's numbers, whatever the record says,
/// and answers with the time of what it has; a record that it appends where writers keep the time, it answers without one.
/// (`UnifiedLog.append` of Apache Kafka: the `LogAppendTimeMs` of a duplicate; without an offset if it remembers no more of it.)
fn is_repeat(message: &impl Message) -> bool {
    let timed = matches!(message.timestamp(), Timestamp::LogAppendTime(_));
    message.offset() < 0 || (timed && topics::has_writers_time(message.topic()))
}

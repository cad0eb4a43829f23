//! What all Kafka clients of this crate share: settings, log lines, and the translation of errors.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::types::RDKafkaErrorCode;

use crate::{LogError, Position, Record, TopicPartition};

/// Settings of every client.
pub(super) fn config(bootstrap_servers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", bootstrap_servers)
        .set("client.id", "karmyq")
        .set("socket.nagle.disable", "true")
        .set("socket.timeout.ms", "10000")
        .set("reconnect.backoff.max.ms", "1000")
        .set_log_level(RDKafkaLogLevel::Warning);
    config
}

/// Settings of every consumer: committed records only, no commits of its own, and no waits where data is at hand.
pub(crate) fn consumer_config(bootstrap_servers: &str, group: &str) -> ClientConfig {
    let mut config = config(bootstrap_servers);
    config
        .set("group.id", group)
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("fetch.wait.max.ms", "250")
        .set("fetch.error.backoff.ms", "50")
        .set("fetch.queue.backoff.ms", "5")
        .set("queued.max.messages.kbytes", "16384");
    config
}

/// Passes the client's log lines on, and counts what is served beside records.
#[derive(Clone, Debug, Default)]
pub(super) struct Context {
    served: Arc<AtomicU64>,
}

impl Context {
    /// How many log lines and errors were served. `poll` answers "nothing" after each of them although records may be
    /// waiting; a caller that sees this number move asks again.
    pub(super) fn served(&self) -> u64 {
        self.served.load(Ordering::Relaxed)
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.served.fetch_add(1, Ordering::Relaxed);
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.served.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(%error, reason, "kafka client reports an error");
    }
}

impl ConsumerContext for Context {}

/// A log line of librdkafka. What concerns the program is also an error of some call; these lines are for experts.
pub(super) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        RDKafkaLogLevel::Emerg
        | RDKafkaLogLevel::Alert
        | RDKafkaLogLevel::Critical
        | RDKafkaLogLevel::Error
        | RDKafkaLogLevel::Warning => tracing::warn!(facility, message, "kafka client"),
        RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => {
            tracing::debug!(facility, message, "kafka client");
        }
    }
}

/// A consumer of this context.
pub(super) type PlainConsumer = BaseConsumer<Context>;

/// The error with what was attempted; refused for ever when no retry can help, else unavailable for now.
pub(super) fn log_error(attempt: &str, error: &KafkaError) -> LogError {
    use RDKafkaErrorCode as Code;

    let text = format!("{attempt}: {error}");
    let hopeless = match error.rdkafka_error_code() {
        Some(code) => matches!(
            code,
            Code::UnknownTopicOrPartition
                | Code::UnknownTopic
                | Code::UnknownPartition
                | Code::InvalidTopic
                | Code::OffsetOutOfRange
                | Code::AutoOffsetReset
                | Code::TopicAuthorizationFailed
                | Code::GroupAuthorizationFailed
                | Code::TransactionalIdAuthorizationFailed
                | Code::UnsupportedFeature
                | Code::InvalidSessionTimeout
                | Code::Fatal
        ),
        None => matches!(error, KafkaError::ClientConfig(..) | KafkaError::Nul(_)),
    };
    if hopeless || matches!(error, KafkaError::MessageConsumptionFatal(_)) {
        LogError::Refused(text)
    } else {
        LogError::Unavailable(text)
    }
}

/// The message as a record of `of`, which must be its partition.
pub(super) fn record(message: &BorrowedMessage<'_>, of: TopicPartition) -> Record {
    let headers = message.headers().map_or_else(Vec::new, |headers| {
        headers.iter().map(|it| (it.key.to_owned(), it.value.map_or_else(Vec::new, <[u8]>::to_vec))).collect()
    });
    Record {
        position: Position { of, offset: message.offset() },
        key: message.key().map_or_else(Vec::new, <[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        headers,
        timestamp_ms: message.timestamp().to_millis().unwrap_or_default(),
    }
}

//! From values to records: bytes, key, partition, headers, time.

use std::collections::HashMap;
use std::sync::Arc;

use event_schemas::headers::{FINGERPRINT, Header, TRACEPARENT, cloud_events, header};
use event_schemas::topics::Topic;
use event_schemas::{
    Codec, Command, EncodeError, Envelope, Event, Payload, Recorded, SealError, Timestamp, partitioner,
};
use serde::Serialize;

use crate::{NewRecord, Record, TopicPartition};

/// Where records go that no consumer of a group could process.
pub const DEAD_LETTERS: &str = "dead-letters";

/// Encodes records; cheap to clone.
#[derive(Clone, Debug)]
pub struct Encoder {
    codec: Arc<Codec>,
    partitions: Arc<HashMap<String, u32>>,
}

impl Encoder {
    /// An encoder for the topics of a manifest.
    #[must_use]
    pub fn new(codec: Codec, manifest: &[Topic]) -> Self {
        let partitions = manifest.iter().map(|it| (it.name.clone(), it.partitions.cast_unsigned()));
        Self { codec: Arc::new(codec), partitions: Arc::new(partitions.collect()) }
    }

    /// The partition of a key on a topic; 0 on a topic that the manifest does not name.
    #[must_use]
    pub fn partition(&self, topic: &str, key: &[u8]) -> i32 {
        self.partitions.get(topic).map_or(0, |count| partitioner::partition(key, *count))
    }

    /// The record of an event on its owner's partition; `fingerprint` marks the first event of a client's command.
    ///
    /// # Errors
    /// When a value does not fit its schema or a personal field is not sealed.
    pub fn event(
        &self,
        event: &Recorded<Event>,
        partition: i32,
        fingerprint: Option<[u8; 8]>,
        traceparent: Option<&str>,
    ) -> Result<NewRecord, WriteError> {
        let to = TopicPartition::new(event.payload.entry().topic(), partition);
        let mut headers = cloud_events(event.payload.entry(), &event.envelope);
        headers.extend(traceparent.map(|it| header(TRACEPARENT, it)));
        headers.extend(fingerprint.map(|it| header(FINGERPRINT, format!("{:016x}", u64::from_be_bytes(it)))));
        self.record(event, to, headers)
    }

    /// The record of a policy's command, on the partition of its target.
    ///
    /// # Errors
    /// As [`Self::event`].
    pub fn command(
        &self,
        command: &Recorded<Command>,
        traceparent: Option<&str>,
    ) -> Result<NewRecord, WriteError> {
        let topic = command.payload.entry().topic();
        let to = TopicPartition::new(topic, self.partition(topic, command.envelope.aggregate_id.as_bytes()));
        let mut headers = cloud_events(command.payload.entry(), &command.envelope);
        headers.extend(traceparent.map(|it| header(TRACEPARENT, it)));
        self.record(command, to, headers)
    }

    /// A record of a state topic; without a value it removes the key.
    ///
    /// # Errors
    /// As [`Self::event`].
    pub fn state<T: Serialize>(
        &self,
        topic: &'static str,
        key: &str,
        value: Option<&T>,
        at: Timestamp,
    ) -> Result<NewRecord, WriteError> {
        self.state_on(topic, self.partition(topic, key.as_bytes()), key, value, at)
    }

    /// A record of a state topic on a partition that does not follow from its key.
    ///
    /// # Errors
    /// As [`Self::event`].
    pub fn state_on<T: Serialize>(
        &self,
        topic: &'static str,
        partition: i32,
        key: &str,
        value: Option<&T>,
        at: Timestamp,
    ) -> Result<NewRecord, WriteError> {
        Ok(NewRecord {
            to: TopicPartition::new(topic, partition),
            key: key.as_bytes().to_vec(),
            value: value.map(|it| self.codec.encode_state(topic, it)).transpose()?,
            headers: Vec::new(),
            timestamp_ms: at.millis(),
        })
    }

    /// The copy of a record for the dead letters: key, value and headers unchanged, with who failed, where it stood and why.
    /// `error` is a code and a text of at most 1 KiB without personal data.
    #[must_use]
    pub fn dead_letter(&self, record: &Record, group: &str, error: &str, at: Timestamp) -> NewRecord {
        let mut headers: Vec<Header> =
            record.headers.iter().map(|(name, value)| (name.clone().into(), value.clone())).collect();
        headers.extend([
            header("kq_dl_group", group),
            header("kq_dl_topic", &*record.position.of.topic),
            header("kq_dl_partition", record.position.of.partition.to_string()),
            header("kq_dl_offset", record.position.offset.to_string()),
            header("kq_dl_attempts", "1"),
            header("kq_dl_error", error.chars().take(1_024).collect::<String>()),
            header("kq_dl_at", at.to_string()),
        ]);
        NewRecord {
            to: TopicPartition::new(DEAD_LETTERS, self.partition(DEAD_LETTERS, &record.key)),
            key: record.key.clone(),
            value: record.value.clone(),
            headers,
            timestamp_ms: at.millis(),
        }
    }

    fn record<P: Payload>(
        &self,
        of: &Recorded<P>,
        to: TopicPartition,
        headers: Vec<Header>,
    ) -> Result<NewRecord, WriteError> {
        let Envelope { aggregate_id, timestamp, .. } = &of.envelope;
        let (key, timestamp_ms) = (aggregate_id.as_bytes().to_vec(), timestamp.millis());
        Ok(NewRecord { to, key, value: Some(self.codec.encode(of)?), headers, timestamp_ms })
    }
}

/// A value could not be made a record.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// It does not fit its schema.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// A personal field could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The key of a personal field is gone: what it belongs to was forgotten.
    #[error("the data key {0} was destroyed")]
    KeyGone(String),
    /// The operating system gave no randomness.
    #[error("no randomness: {0}")]
    Randomness(#[from] getrandom::Error),
}

#[cfg(test)]
mod tests;

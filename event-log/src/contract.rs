//! What a log does, whoever does it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use event_schemas::headers::{self, Header};
use event_schemas::topics::Topic;
use tokio::sync::{mpsc, oneshot};

/// A partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicPartition {
    /// Name of the topic.
    pub topic: Arc<str>,
    /// Number of the partition, from 0.
    pub partition: i32,
}

impl TopicPartition {
    /// The partition with this number.
    #[must_use]
    pub fn new(topic: impl Into<Arc<str>>, partition: i32) -> Self {
        Self { topic: topic.into(), partition }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.partition)
    }
}

/// Where a record stands: `request-events/3@1042`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// The partition.
    pub of: TopicPartition,
    /// The record's offset.
    pub offset: i64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.of, self.offset)
    }
}

impl FromStr for Position {
    type Err = InvalidPosition;

    fn from_str(text: &str) -> Result<Self, InvalidPosition> {
        let (of, offset) = text.rsplit_once('@').ok_or(InvalidPosition)?;
        let (topic, partition) = of.rsplit_once('/').ok_or(InvalidPosition)?;
        let natural = |it: &str| it.bytes().all(|b| b.is_ascii_digit()).then_some(()).ok_or(InvalidPosition);
        natural(partition).and_then(|()| natural(offset))?;
        if topic.is_empty() {
            return Err(InvalidPosition);
        }
        Ok(Self {
            of: TopicPartition::new(topic, partition.parse().map_err(|_| InvalidPosition)?),
            offset: offset.parse().map_err(|_| InvalidPosition)?,
        })
    }
}

/// The text is no position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a position has the form topic/partition@offset")]
pub struct InvalidPosition;

/// A record to append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRecord {
    /// Where to.
    pub to: TopicPartition,
    /// Its key.
    pub key: Vec<u8>,
    /// Its value; none is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Its headers, in order.
    pub headers: Vec<Header>,
    /// `CreateTime` in milliseconds since the epoch.
    pub timestamp_ms: i64,
}

/// A record as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where it stands.
    pub position: Position,
    /// Its key.
    pub key: Vec<u8>,
    /// Its value; none is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Its headers, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Milliseconds since the epoch.
    pub timestamp_ms: i64,
}

impl Record {
    /// The first header of this name, as text; none when it is missing or no UTF-8.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(it, _)| it == name).and_then(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// Whether a writer of ours has written it. Others may be able to write to a topic, too, by mistake or with Kafka's own
    /// tools; no state has ever followed from what they wrote.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.header(headers::ID).is_some()
    }
}

/// A key as people read it and programs find it again: its text, or `0x` and its bytes where it is none.
#[must_use]
pub fn key_text(key: &[u8]) -> String {
    match std::str::from_utf8(key) {
        Ok(text) if !text.is_empty() && !text.starts_with("0x") && !text.contains(char::is_control) => {
            text.to_owned()
        }
        _ => key.iter().fold("0x".to_owned(), |text, byte| text + &format!("{byte:02x}")),
    }
}

/// A log.
#[async_trait]
pub trait EventLog: Send + Sync + fmt::Debug + 'static {
    /// A lane for fenced appends. Whatever an earlier holder of the id left open is aborted, and the holder fenced.
    async fn lane(&self, transactional_id: &str) -> Result<Box<dyn Lane>, LogError>;

    /// Aborts what the holder of this id has open and fences it, without keeping the id.
    async fn fence(&self, transactional_id: &str) -> Result<(), LogError>;

    /// Joins a group. The events arrive until the membership is left or dropped.
    async fn join(
        &self,
        config: GroupConfig,
    ) -> Result<(Arc<dyn Membership>, mpsc::Receiver<GroupEvent>), LogError>;

    /// A reader of committed records that starts at the given offsets. It belongs to no group.
    async fn reader(&self, from: Vec<(TopicPartition, i64)>) -> Result<Box<dyn Reader>, LogError>;

    /// End of the partition, open transactions included: one past the last record that could ever have been acknowledged.
    async fn high_watermark(&self, of: &TopicPartition) -> Result<i64, LogError>;

    /// The offset up to which committed records can be read now. A window that was just acknowledged may lie behind it
    /// for a moment, and on one partition longer than on another: to wait for it, wait for the high watermark.
    async fn last_stable_offset(&self, of: &TopicPartition) -> Result<i64, LogError>;

    /// The transactions that are open in the partition, the one that began first in front: the last stable offset waits
    /// for it. A log that cannot tell knows of none.
    async fn open_transactions(&self, of: &TopicPartition) -> Result<Vec<OpenTransaction>, LogError> {
        let _ = of;
        Ok(Vec::new())
    }

    /// Per partition, in the order asked, the first offset that was written at this time (milliseconds since the epoch) or
    /// later, so that no record before it is that young; none where there is no such offset. It may be a marker, which has
    /// the time of its broker.
    async fn offsets_since(&self, of: &[TopicPartition], time_ms: i64) -> Result<Vec<Option<i64>>, LogError>;

    /// Creates the topics that do not exist yet; existing ones stay as they are. Returns the names of those created.
    async fn create_topics(&self, topics: &[Topic], replication: i32) -> Result<Vec<String>, LogError>;

    /// Deletes a group for good, with the offsets that it has consumed; false when there is none of that name. Refused while
    /// it has members.
    async fn delete_group(&self, group: &str) -> Result<bool, LogError>;

    /// What on the broker differs from the manifest, a sentence each with the fix (invariant W4); also a broker without transactions.
    async fn drift(&self, topics: &[Topic]) -> Result<Vec<String>, LogError>;
}

/// A transaction that is neither committed nor aborted, as a partition knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenTransaction {
    /// Number of the producer.
    pub producer_id: i64,
    /// Its epoch.
    pub producer_epoch: i32,
    /// Offset of the first record of the transaction in this partition.
    pub start_offset: i64,
    /// When the producer last wrote here, in milliseconds since the epoch.
    pub last_timestamp_ms: i64,
}

/// A transactional producer: one append at a time.
#[async_trait]
pub trait Lane: Send + fmt::Debug {
    /// Appends all records and the consumed offsets in one transaction, or nothing of it (invariant W1, rule 2):
    /// produces, awaits every delivery, presents the fence, commits.
    async fn append(&mut self, window: Window) -> Result<Appended, AppendError>;
}

/// What goes into one transaction.
#[derive(Debug)]
pub struct Window {
    /// The records, in order.
    pub records: Vec<NewRecord>,
    /// Per partition of a command topic the offset to consume next. Never empty: an instance repeats a position of its
    /// own when it consumed nothing, because the fence is checked only where an offset is sent.
    pub consumed: Vec<(TopicPartition, i64)>,
    /// The member whose live generation speaks for the instance; taken before anything of the window was decided.
    pub fence: Arc<dyn Fence>,
}

/// The transaction is committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Offsets of the records, in the order of the window.
    pub offsets: Vec<i64>,
}

/// The transaction was not committed, or nobody knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Aborted; nothing of it is in the log. The lane is ready for the next window.
    #[error("the window was aborted: {0}")]
    Aborted(String),
    /// Refused because another owner holds the partitions or the id, or may do so; nothing of it is in the log. The lane is dead.
    #[error("the window was fenced: {0}")]
    Fenced(String),
    /// The commit's result is unknown; only reading up to the high watermark tells. The lane is dead.
    #[error("the outcome of the window is unknown: {0}")]
    Indeterminate(String),
}

/// How to join a group.
#[derive(Clone, Debug)]
pub struct GroupConfig {
    /// Name of the group.
    pub group: String,
    /// Topics whose partitions are shared out.
    pub topics: Vec<String>,
    /// Whether records of assigned partitions are fetched, from the group's committed offsets on (from the start where
    /// there is none), or only the assignment is wanted.
    pub fetch: bool,
    /// How long a silent member keeps its partitions.
    pub session_timeout: Duration,
}

/// What a member of a group learns.
#[derive(Debug)]
pub enum GroupEvent {
    /// These partitions came to this member; with the offset to consume next, or [`GroupEvent::UNSETTLED`]. None where
    /// the group has answered and the others have everything.
    Assigned(Vec<(TopicPartition, i64)>),
    /// These partitions go away. The group waits until `done` is answered or dropped (bounded by the session timeout).
    Revoked {
        /// The partitions.
        partitions: Vec<TopicPartition>,
        /// True when they are already somebody else's, so that nothing can be finished any more.
        lost: bool,
        /// To be answered once nothing more is appended for them.
        done: oneshot::Sender<()>,
    },
    /// A record of an assigned partition.
    Record(Record),
    /// The group or the broker has a problem that the client goes on to retry; for logs and health.
    Trouble(String),
}

impl GroupEvent {
    /// Stands for an offset that an open transaction of an earlier owner holds: fence that owner, then ask
    /// [`Membership::committed`]. A lane that is given it as a consumed offset asks by itself.
    pub const UNSETTLED: i64 = -1;
}

/// The fence: proof of the live generation, understood by lanes of the same log. It is good for all generations that the
/// member lives to see, until it loses partitions or does not give them back in time; then never again.
pub trait Fence: Send + Sync + fmt::Debug {
    /// For the lane's own downcast.
    fn as_any(&self) -> &dyn std::any::Any;
}

/// Membership in a group.
#[async_trait]
pub trait Membership: Fence {
    /// The fence for what is decided on partitions that are assigned from now on. After a loss whoever goes on takes
    /// everything from the log, and another fence: a generation after the loss must not speak for what was decided before.
    fn fence(&self) -> Arc<dyn Fence>;

    /// The offsets to consume next: what the group has committed, else where the partition begins. Waits (bounded)
    /// while an open transaction holds one of them.
    async fn committed(&self, of: Vec<TopicPartition>) -> Result<Vec<(TopicPartition, i64)>, LogError>;

    /// Leaves the group at once, so that others need not wait for the session timeout. Revocations are told first.
    async fn leave(&self) -> Result<(), LogError>;
}

/// Reads committed records of its partitions in order.
#[async_trait]
pub trait Reader: Send + fmt::Debug {
    /// The next records, at most `max`; waits up to `wait` for the first one. Empty when there is none yet.
    async fn next(&mut self, max: usize, wait: Duration) -> Result<Vec<Record>, LogError>;

    /// The offset to be read next, past markers and aborted records that were skipped; none for a partition not read here.
    fn position(&self, of: &TopicPartition) -> Option<i64>;
}

/// The log could not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// Passing: the same call may succeed later.
    #[error("the log is not available: {0}")]
    Unavailable(String),
    /// The call can never succeed like this.
    #[error("the log refused: {0}")]
    Refused(String),
}

#[cfg(test)]
mod tests {
    use super::key_text;

    #[test]
    fn a_key_that_is_no_text_is_shown_by_its_bytes() {
        assert_eq!(key_text("0b7a-β".as_bytes()), "0b7a-β");
        assert_eq!(key_text(&[0, 255]), "0x00ff");
        assert_eq!(key_text(b""), "0x");
        // Or two keys would look the same.
        assert_eq!(key_text(b"0x00ff"), "0x307830306666");
    }
}

//! The log in process: the same promises as on Kafka, for fast and deterministic tests of what is built on a log.
//!
//! Records stay until the log is dropped, but for topics that a test has compacted. Beside the contract it can do what
//! tests need and a broker does not offer: let the next append fail in each of the named ways, hold one open, evict a
//! member, damage a record, and have a director decide at each stage of every append how it goes on.

mod director;
mod group;
mod lane;
mod member;
mod reader;
mod state;

use std::sync::Arc;

use async_trait::async_trait;
use event_schemas::topics::Topic;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

pub use self::director::{Director, Stage, Turn};
use self::lane::MemoryLane;
use self::member::MemoryMembership;
use self::reader::MemoryReader;
use self::state::State;
use crate::changes::Changes;
use crate::drift;
use crate::{
    EventLog, GroupConfig, GroupEvent, Lane, LogError, Membership, OpenTransaction, Reader, Record,
    TopicPartition,
};

/// A log in memory; clones are the same log.
#[derive(Clone, Debug, Default)]
pub struct MemoryLog {
    shared: Arc<Shared>,
}

/// How an append is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// [`crate::AppendError::Aborted`].
    Aborted,
    /// [`crate::AppendError::Fenced`], as if another owner had come.
    Fenced,
    /// [`crate::AppendError::Indeterminate`]; whether the window is in the log nevertheless.
    AnswerLost {
        /// Whether the commit had reached the log.
        committed: bool,
    },
}

/// An append that has passed its fence and waits with its commit.
#[derive(Debug)]
pub struct Held {
    reached: oneshot::Receiver<()>,
    release: oneshot::Sender<()>,
}

impl Held {
    /// Returns once the append waits: its records stand in the log, open.
    pub async fn reached(&mut self) {
        // An error means that the log is gone, and with it everything to wait for.
        let _ = (&mut self.reached).await;
    }

    /// Lets it go on to its commit.
    pub fn release(self) {
        let _ = self.release.send(());
    }
}

impl MemoryLog {
    /// An empty log.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets the next append, of whichever lane, end like this.
    pub fn fail_next(&self, fault: Fault) {
        self.shared.state.lock().scripts.push_back((None, Script::Fail(fault)));
    }

    /// Lets the next append that writes to a topic end like this. Where several lanes append on their own, as the shards
    /// of an instance do when they announce what they own, the next one of all may be anybody's.
    pub fn fail_next_on(&self, topic: &str, fault: Fault) {
        self.shared.state.lock().scripts.push_back((Some(topic.to_owned()), Script::Fail(fault)));
    }

    /// Holds the next append, of whichever lane, between its fence and its commit.
    #[must_use]
    pub fn hold_next(&self) -> Held {
        let (waits, reached) = oneshot::channel();
        let (release, released) = oneshot::channel();
        self.shared.state.lock().scripts.push_back((None, Script::Hold { waits, released }));
        Held { reached, release }
    }

    /// Compacts a topic as eagerly as a broker could: of the committed records only the last one of each key stays, and
    /// no tombstone.
    pub fn compact(&self, topic: &str) {
        self.shared.change(|state| state.compact(topic));
    }

    /// Lets a disk forget bits: hands every committed record of a topic over to be changed.
    pub fn damage(&self, topic: &str, damage: impl FnMut(&mut Record)) {
        self.shared.change(|state| state.damage(topic, damage));
    }

    /// Has every append from now on ask this director how it goes on.
    pub fn direct(&self, director: Arc<dyn Director>) {
        *self.shared.director.lock() = Some(director);
    }

    /// Takes a member out of its group as if it had been silent for too long: its partitions are given to others at
    /// once, it is told that they are lost, and joins again when it has answered.
    pub fn evict(&self, member: &dyn Membership) {
        if let Some(member) = member.as_any().downcast_ref::<MemoryMembership>() {
            member.evict();
        }
    }
}

/// What clones of a log share.
#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    director: Mutex<Option<Arc<dyn Director>>>,
    /// Every change, for those who wait for one.
    changes: Changes,
}

impl Shared {
    /// Changes the state and wakes whoever waits for a change.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state.lock());
        self.changes.note();
        result
    }
}

/// What a test has in store for an append.
#[derive(Debug)]
enum Script {
    Fail(Fault),
    Hold { waits: oneshot::Sender<()>, released: oneshot::Receiver<()> },
}

#[async_trait]
impl EventLog for MemoryLog {
    async fn lane(&self, transactional_id: &str) -> Result<Box<dyn Lane>, LogError> {
        let epoch = self.shared.change(|state| state.take_over(transactional_id));
        Ok(Box::new(MemoryLane::new(Arc::clone(&self.shared), transactional_id, epoch)))
    }

    async fn fence(&self, transactional_id: &str) -> Result<(), LogError> {
        self.shared.change(|state| state.take_over(transactional_id));
        Ok(())
    }

    async fn join(
        &self,
        config: GroupConfig,
    ) -> Result<(Arc<dyn Membership>, mpsc::Receiver<GroupEvent>), LogError> {
        let (membership, events) = MemoryMembership::join(Arc::clone(&self.shared), config);
        Ok((Arc::new(membership), events))
    }

    async fn reader(&self, from: Vec<(TopicPartition, i64)>) -> Result<Box<dyn Reader>, LogError> {
        Ok(Box::new(MemoryReader::new(Arc::clone(&self.shared), from)))
    }

    async fn high_watermark(&self, of: &TopicPartition) -> Result<i64, LogError> {
        self.shared.state.lock().partition(of).map(|it| it.end()).ok_or_else(|| unknown(of))
    }

    async fn last_stable_offset(&self, of: &TopicPartition) -> Result<i64, LogError> {
        self.shared.state.lock().partition(of).map(|it| it.stable()).ok_or_else(|| unknown(of))
    }

    async fn open_transactions(&self, of: &TopicPartition) -> Result<Vec<OpenTransaction>, LogError> {
        self.shared.state.lock().partition(of).map(|it| it.open()).ok_or_else(|| unknown(of))
    }

    async fn offsets_since(&self, of: &[TopicPartition], time_ms: i64) -> Result<Vec<Option<i64>>, LogError> {
        let state = self.shared.state.lock();
        let since = |it| state.partition(it).map(|it| it.since(time_ms)).ok_or_else(|| unknown(it));
        of.iter().map(since).collect()
    }

    async fn create_topics(&self, topics: &[Topic], _replication: i32) -> Result<Vec<String>, LogError> {
        Ok(self.shared.change(|state| state.create(topics)))
    }

    async fn delete_group(&self, group: &str) -> Result<bool, LogError> {
        self.shared.change(|state| state.delete_group(group))
    }

    async fn drift(&self, topics: &[Topic]) -> Result<Vec<String>, LogError> {
        Ok(drift::sentences(topics, &self.shared.state.lock().found()))
    }
}

fn unknown(of: &TopicPartition) -> LogError {
    LogError::Refused(format!("there is no partition {of}"))
}

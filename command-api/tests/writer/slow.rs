//! A view of a log on which takeovers are slow: what they have read reaches them when they are let go on. It may also
//! hold back data keys and what views follow, refuse at once to tell where the log ends, and lose its member.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use event_log::{
    DATA_KEYS, EventLog, GroupConfig, GroupEvent, Lane, LogError, Membership, MemoryLog, Reader, Record,
    TopicPartition,
};
use event_schemas::topics::Topic;
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};

/// The view. It is slow once a group was joined, so that whatever is read before is not meant.
#[derive(Debug)]
pub(crate) struct Slow {
    log: MemoryLog,
    /// How many takeovers of each partition may go on.
    allowed: watch::Sender<u32>,
    /// Whether data keys are told, as 1 or 0.
    tells_keys: watch::Sender<u32>,
    /// How many takeovers of each partition were begun.
    begun: Mutex<Option<HashMap<TopicPartition, u32>>>,
    /// Zero while readers of several partitions, such as views have, are kept from going on.
    followers: watch::Sender<u32>,
    /// Told how often it was asked where the decided part of a partition ends.
    asked: watch::Sender<u32>,
    refuses: AtomicBool,
    refused: AtomicUsize,
    /// Who joined last.
    member: Mutex<Option<Weak<dyn Membership>>>,
}

/// How long it may take until somebody asks; far beyond what it takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// Refusals after which there is no answer any more, so that a test of somebody who asks without end has one.
const TOO_MANY: usize = 10_000;

impl Slow {
    pub(crate) fn new(log: MemoryLog) -> Arc<Self> {
        let (refuses, refused) = (AtomicBool::default(), AtomicUsize::default());
        Arc::new(Self {
            log,
            allowed: watch::Sender::new(0),
            tells_keys: watch::Sender::new(1),
            begun: Mutex::default(),
            followers: watch::Sender::new(1),
            asked: watch::Sender::new(0),
            refuses,
            refused,
            member: Mutex::default(),
        })
    }

    /// Keeps views from going on, or lets them.
    pub(crate) fn hold_views(&self, holds: bool) {
        self.followers.send_replace(u32::from(!holds));
    }

    /// Returns once somebody has asked so often where the decided part of a partition ends.
    pub(crate) async fn asked(&self, times: u32) {
        let mut asked = self.asked.subscribe();
        let enough = tokio::time::timeout(PATIENCE, asked.wait_for(|it| *it >= times));
        enough.await.expect("somebody asks in time").expect("the view is there");
    }

    /// Whether a group was joined.
    pub(crate) fn is_joined(&self) -> bool {
        self.begun.lock().is_some()
    }

    /// The log.
    pub(crate) fn log(&self) -> MemoryLog {
        self.log.clone()
    }

    /// Has the group take its partitions from whoever joined it last.
    pub(crate) fn evict(&self) {
        let member = self.member.lock().as_ref().and_then(Weak::upgrade).expect("somebody has joined");
        self.log.evict(member.as_ref());
    }

    /// Lets the first so many takeovers of each partition go on.
    pub(crate) fn allow(&self, takeovers: u32) {
        self.allowed.send_replace(takeovers);
    }

    /// Keeps back data keys, or does so no more.
    pub(crate) fn tell_keys(&self, tells: bool) {
        self.tells_keys.send_replace(u32::from(tells));
    }

    /// Refuses to tell where the log ends, or does so no more.
    pub(crate) fn refuse(&self, refuses: bool) {
        self.refuses.store(refuses, Ordering::Relaxed);
    }

    /// How often it has refused.
    pub(crate) fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }

    /// How many takeovers of the partition know its end and begin to read.
    pub(crate) fn begun(&self, of: &TopicPartition) -> u32 {
        self.begun.lock().as_ref().and_then(|it| it.get(of)).copied().unwrap_or_default()
    }

    /// Counts a takeover; none for another kind of reader.
    fn begin(&self, from: &[(TopicPartition, i64)]) -> Option<u32> {
        // From wherever a snapshot ends.
        let [(of, _)] = from else { return None };
        if !of.topic.ends_with("-events") {
            return None;
        }
        let mut begun = self.begun.lock();
        let number = begun.as_mut()?.entry(of.clone()).or_default();
        *number += 1;
        Some(*number)
    }
}

#[async_trait]
impl EventLog for Slow {
    async fn lane(&self, transactional_id: &str) -> Result<Box<dyn Lane>, LogError> {
        self.log.lane(transactional_id).await
    }

    async fn fence(&self, transactional_id: &str) -> Result<(), LogError> {
        self.log.fence(transactional_id).await
    }

    async fn join(
        &self,
        config: GroupConfig,
    ) -> Result<(Arc<dyn Membership>, mpsc::Receiver<GroupEvent>), LogError> {
        self.begun.lock().get_or_insert_default();
        let (membership, events) = self.log.join(config).await?;
        *self.member.lock() = Some(Arc::downgrade(&membership));
        Ok((membership, events))
    }

    async fn reader(&self, from: Vec<(TopicPartition, i64)>) -> Result<Box<dyn Reader>, LogError> {
        let begun = self.begin(&from);
        let reads_keys = from.iter().any(|(of, _)| *of.topic == *DATA_KEYS);
        let held_by = match begun {
            Some(number) => Some((number, &self.allowed)),
            None if reads_keys => Some((1, &self.tells_keys)),
            None if from.len() > 1 => Some((1, &self.followers)),
            None => None,
        };
        let reader = self.log.reader(from).await?;
        Ok(match held_by {
            Some((number, allowed)) => Box::new(SlowReader { reader, number, allowed: allowed.subscribe() }),
            None => reader,
        })
    }

    async fn high_watermark(&self, of: &TopicPartition) -> Result<i64, LogError> {
        if self.refuses.load(Ordering::Relaxed) {
            if self.refused.fetch_add(1, Ordering::Relaxed) >= TOO_MANY {
                std::future::pending::<()>().await;
            }
            return Err(LogError::Unavailable("as the test wants it".to_owned()));
        }
        self.log.high_watermark(of).await
    }

    async fn last_stable_offset(&self, of: &TopicPartition) -> Result<i64, LogError> {
        self.asked.send_modify(|it| *it += 1);
        self.log.last_stable_offset(of).await
    }

    async fn offsets_since(&self, of: &[TopicPartition], time_ms: i64) -> Result<Vec<Option<i64>>, LogError> {
        self.log.offsets_since(of, time_ms).await
    }

    async fn create_topics(&self, topics: &[Topic], replication: i32) -> Result<Vec<String>, LogError> {
        self.log.create_topics(topics, replication).await
    }

    async fn delete_group(&self, group: &str) -> Result<bool, LogError> {
        self.log.delete_group(group).await
    }

    async fn drift(&self, topics: &[Topic]) -> Result<Vec<String>, LogError> {
        self.log.drift(topics).await
    }
}

/// Keeps back what it has read until its takeover is allowed to go on.
#[derive(Debug)]
struct SlowReader {
    reader: Box<dyn Reader>,
    number: u32,
    allowed: watch::Receiver<u32>,
}

#[async_trait]
impl Reader for SlowReader {
    async fn next(&mut self, max: usize, wait: Duration) -> Result<Vec<Record>, LogError> {
        let read = self.reader.next(max, wait).await;
        // The view lives as long as its readers.
        let _ = self.allowed.wait_for(|allowed| *allowed >= self.number).await;
        read
    }

    fn position(&self, of: &TopicPartition) -> Option<i64> {
        self.reader.position(of)
    }
}

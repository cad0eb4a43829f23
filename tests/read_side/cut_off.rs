//! A log between which and its readers something stands: it yields nothing, or does not answer at all.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use event_log::{
    EventLog, GroupConfig, GroupEvent, Lane, LogError, Membership, OpenTransaction, Reader, Record,
    TopicPartition,
};
use event_schemas::topics::Topic;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::fixture::World;

/// What is kept from readers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Nothing.
    #[default]
    No,
    /// Records; ends are told.
    Records,
    /// Everything.
    All,
    /// What concerns this partition, which has no leader.
    Partition(TopicPartition),
}

/// The log of a world, with something between.
#[derive(Clone, Debug)]
pub(crate) struct CutOff {
    log: Arc<dyn EventLog>,
    cut: Arc<watch::Sender<Cut>>,
}

impl CutOff {
    /// Puts itself before the log of this world.
    pub(crate) fn before(world: &mut World) -> Self {
        let cut_off = Self { log: Arc::clone(&world.source.log), cut: Arc::new(watch::Sender::new(Cut::No)) };
        world.source.log = Arc::new(cut_off.clone());
        cut_off
    }

    /// From now on this is kept from readers.
    pub(crate) fn cut(&self, what: Cut) {
        self.cut.send_replace(what);
    }

    fn end(&self, of: &TopicPartition) -> Result<(), LogError> {
        match &*self.cut.borrow() {
            Cut::No | Cut::Records => Ok(()),
            Cut::Partition(cut) if cut != of => Ok(()),
            Cut::Partition(_) => Err(LogError::Unavailable(format!("{of} has no leader"))),
            Cut::All => Err(LogError::Unavailable("no broker answers".to_owned())),
        }
    }
}

#[derive(Debug)]
struct CutReader {
    reader: Box<dyn Reader>,
    cut: Arc<watch::Sender<Cut>>,
}

#[async_trait]
impl Reader for CutReader {
    async fn next(&mut self, max: usize, wait: Duration) -> Result<Vec<Record>, LogError> {
        let deadline = Instant::now() + wait;
        let mut changes = self.cut.subscribe();
        loop {
            let let_through = matches!(*changes.borrow_and_update(), Cut::No | Cut::Partition(_));
            let left = deadline.saturating_duration_since(Instant::now());
            let reading = async {
                if let_through { self.reader.next(max, left).await } else { std::future::pending().await }
            };
            // What is cut off and what comes after it may be seen at once: the former counts.
            tokio::select! {
                biased;
                _ = changes.changed() => {}
                records = reading => return records,
                () = tokio::time::sleep_until(deadline) => return Ok(Vec::new()),
            }
        }
    }

    fn position(&self, of: &TopicPartition) -> Option<i64> {
        self.reader.position(of)
    }
}

#[async_trait]
impl EventLog for CutOff {
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
        self.log.join(config).await
    }

    async fn reader(&self, from: Vec<(TopicPartition, i64)>) -> Result<Box<dyn Reader>, LogError> {
        let reader = self.log.reader(from).await?;
        Ok(Box::new(CutReader { reader, cut: Arc::clone(&self.cut) }))
    }

    async fn high_watermark(&self, of: &TopicPartition) -> Result<i64, LogError> {
        self.end(of)?;
        self.log.high_watermark(of).await
    }

    async fn last_stable_offset(&self, of: &TopicPartition) -> Result<i64, LogError> {
        self.end(of)?;
        self.log.last_stable_offset(of).await
    }

    async fn open_transactions(&self, of: &TopicPartition) -> Result<Vec<OpenTransaction>, LogError> {
        self.log.open_transactions(of).await
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

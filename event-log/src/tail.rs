//! Following whole topics: folds every committed record into something in memory, and tells how far it is.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::try_join_all;
use parking_lot::RwLock;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::changes::Changes;
use crate::{EventLog, LogError, Reader, Record, TopicPartition};

/// Most records folded at once.
const BATCH: usize = 2_000;
/// How long one read waits for news.
const WAIT: Duration = Duration::from_millis(200);
/// Pause after a read that failed, so that a missing broker is not hammered.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// What is folded.
#[async_trait]
pub trait Fold: Send + 'static {
    /// Takes the next records, in order within each partition. Waiters learn of them when this returns.
    async fn fold(&mut self, records: Vec<Record>);
}

/// A fold that follows its topics until it is stopped; cheap to clone.
#[derive(Clone, Debug)]
pub struct Tail {
    log: Arc<dyn EventLog>,
    partitions: Arc<[TopicPartition]>,
    next: Arc<RwLock<HashMap<TopicPartition, i64>>>,
    changes: Changes,
}

impl Tail {
    /// Follows these partitions from their start until `stop`.
    ///
    /// # Errors
    /// When no reader can be opened.
    pub async fn follow(
        log: Arc<dyn EventLog>,
        partitions: Vec<TopicPartition>,
        fold: impl Fold,
        stop: CancellationToken,
    ) -> Result<Self, LogError> {
        let from: Vec<_> = partitions.iter().map(|it| (it.clone(), 0)).collect();
        let reader = log.reader(from.clone()).await?;
        let next = Arc::new(RwLock::new(from.into_iter().collect()));
        let tail = Self { log, partitions: partitions.into(), next, changes: Changes::default() };
        let mut follower = Follower { tail: tail.clone(), reader, fold };
        tokio::spawn(async move { while stop.run_until_cancelled(follower.step()).await.is_some() {} });
        Ok(tail)
    }

    /// Waits until everything is folded that stands now on those of its topics that are asked for.
    ///
    /// # Errors
    /// When the log cannot be asked for its ends.
    pub async fn reach_end(&self, asked: impl Fn(&str) -> bool) -> Result<(), LogError> {
        let asked = self.partitions.iter().filter(|it| asked(&it.topic));
        // Not the last stable offset: a commit is acknowledged before its markers are written, partition by partition.
        let ends = asked.map(async |it| Ok((it, self.log.high_watermark(it).await?)));
        self.reach_all(try_join_all(ends).await?).await;
        Ok(())
    }

    /// Waits until everything is folded that is decided now. It may lack what was acknowledged a moment ago, and does not
    /// wait for a transaction that hangs.
    ///
    /// # Errors
    /// When the log cannot be asked for its ends.
    pub async fn reach_stable_end(&self) -> Result<(), LogError> {
        let ends = self.partitions.iter().map(async |it| Ok((it, self.log.last_stable_offset(it).await?)));
        self.reach_all(try_join_all(ends).await?).await;
        Ok(())
    }

    async fn reach_all(&self, ends: Vec<(&TopicPartition, i64)>) {
        for (partition, end) in ends {
            self.reach(partition, end).await;
        }
    }

    /// Waits until everything before offset `end` of the partition is folded; for ever when it is not followed.
    pub async fn reach(&self, of: &TopicPartition, end: i64) {
        let mut changes = self.changes.listen();
        while self.next.read().get(of).is_none_or(|it| *it < end) {
            changes.changed().await;
        }
    }
}

struct Follower<F> {
    tail: Tail,
    reader: Box<dyn Reader>,
    fold: F,
}

impl<F: Fold> Follower<F> {
    async fn step(&mut self) {
        match self.reader.next(BATCH, WAIT).await {
            Ok(records) => {
                if !records.is_empty() {
                    self.fold.fold(records).await;
                }
                self.advance();
            }
            Err(fault) => {
                warn!(%fault, "a follower cannot read the log, trying again");
                // A pause between attempts: nothing tells when a broker is back.
                tokio::time::sleep(RETRY_AFTER).await;
                self.reopen().await;
            }
        }
    }

    fn advance(&self) {
        let mut moved = false;
        for (partition, offset) in self.tail.next.write().iter_mut() {
            if let Some(position) = self.reader.position(partition).filter(|it| it > offset) {
                *offset = position;
                moved = true;
            }
        }
        if moved {
            self.tail.changes.note();
        }
    }

    async fn reopen(&mut self) {
        let from = self.tail.next.read().iter().map(|(partition, next)| (partition.clone(), *next)).collect();
        match self.tail.log.reader(from).await {
            Ok(reader) => self.reader = reader,
            Err(fault) => warn!(%fault, "a follower has no reader"),
        }
    }
}

impl<F> fmt::Debug for Follower<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follower").field("tail", &self.tail).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

//! Reading what is committed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::timeout;

use super::Shared;
use crate::{LogError, Reader, Record, TopicPartition};

/// A reader of committed records; partitions are read one after the other, in the order of their names.
#[derive(Debug)]
pub(super) struct MemoryReader {
    shared: Arc<Shared>,
    positions: BTreeMap<TopicPartition, i64>,
}

impl MemoryReader {
    pub(super) fn new(shared: Arc<Shared>, from: Vec<(TopicPartition, i64)>) -> Self {
        Self { shared, positions: from.into_iter().collect() }
    }

    /// What is there now; and whether a position moved.
    fn take(&mut self, max: usize) -> Result<(Vec<Record>, bool), LogError> {
        let state = self.shared.state.lock();
        let (mut records, mut moved) = (Vec::new(), false);
        for (of, position) in &mut self.positions {
            let partition = state.partition(of).ok_or_else(|| super::unknown(of))?;
            if *position < 0 || *position > partition.end() {
                return Err(LogError::Refused(format!("{of} has no offset {position}")));
            }
            let (read, next) = partition.read(*position, max - records.len());
            records.extend(read);
            moved |= next > *position;
            *position = next;
        }
        Ok((records, moved))
    }
}

#[async_trait]
impl Reader for MemoryReader {
    async fn next(&mut self, max: usize, wait: Duration) -> Result<Vec<Record>, LogError> {
        let mut changes = self.shared.changes.listen();
        let first = self.take(max)?;
        if first.1 || max == 0 {
            return Ok(first.0);
        }
        let news = async {
            loop {
                changes.changed().await;
                let (records, moved) = self.take(max)?;
                if moved {
                    return Ok(records);
                }
            }
        };
        timeout(wait, news).await.unwrap_or_else(|_| Ok(Vec::new()))
    }

    fn position(&self, of: &TopicPartition) -> Option<i64> {
        self.positions.get(of).copied()
    }
}

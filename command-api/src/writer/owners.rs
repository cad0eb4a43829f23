//! Who owns which partition: announced on a compacted topic, followed by every instance for routing and for takeovers.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use event_log::{
    Decoder, Encoder, EventLog, Fold, LogError, NewRecord, Record, Tail, TopicPartition, WriteError,
};
use event_schemas::state::PartitionOwner;
use event_schemas::{Domain, Timestamp};
use parking_lot::RwLock;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::partition::PartitionId;

/// The latest announcement per partition; cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Owners(Arc<RwLock<HashMap<PartitionId, PartitionOwner>>>);

impl Owners {
    /// Reads the topic up to its present end, then follows it until `stop`.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub(super) async fn follow(
        log: Arc<dyn EventLog>,
        decoder: Decoder,
        stop: CancellationToken,
    ) -> Result<Self, LogError> {
        let owners = Self::default();
        let fold = FoldOwners { decoder, owners: owners.clone() };
        let tail = Tail::follow(log, vec![TopicPartition::new(PartitionOwner::TOPIC, 0)], fold, stop).await?;
        tail.reach_end(|_| true).await?;
        Ok(owners)
    }

    /// Partitions that an earlier process at this address still seems to own: it died, and its session has to time out
    /// before somebody takes them over.
    pub(super) fn left_behind(&self, address: &str, instance: &str) -> Vec<PartitionId> {
        let owners = self.0.read();
        let dead = |it: &PartitionOwner| it.is_owned() && it.address == address && it.instance != instance;
        owners.iter().filter(|(_, it)| dead(it)).map(|(id, _)| *id).collect()
    }

    /// The latest announcement of a partition.
    pub(super) fn last(&self, id: PartitionId) -> Option<PartitionOwner> {
        self.0.read().get(&id).cloned()
    }
}

/// Folds the announcements.
struct FoldOwners {
    decoder: Decoder,
    owners: Owners,
}

#[async_trait]
impl Fold for FoldOwners {
    async fn fold(&mut self, records: Vec<Record>) {
        for record in records {
            match self.decoder.decode_state::<PartitionOwner>(&record).await {
                Ok(Some(owner)) => {
                    if let Some(domain) = Domain::named(&owner.domain) {
                        let id = PartitionId { domain, number: owner.partition };
                        self.owners.0.write().insert(id, owner);
                    }
                }
                Ok(None) => {}
                Err(fault) => {
                    warn!(position = %record.position, %fault, "an announcement of an owner is not readable")
                }
            }
        }
    }
}

/// How this instance presents itself.
#[derive(Clone, Debug)]
pub(super) struct Announcer {
    pub(super) instance: Arc<str>,
    pub(super) address: Arc<str>,
    pub(super) transactional_ids: Vec<String>,
    pub(super) encoder: Encoder,
}

impl Announcer {
    /// The record that says who owns, or no longer owns, a partition.
    pub(super) fn record(
        &self,
        id: PartitionId,
        owned: bool,
        at: Timestamp,
    ) -> Result<NewRecord, WriteError> {
        let owner = PartitionOwner {
            domain: id.domain.name().to_owned(),
            partition: id.number,
            state: if owned { PartitionOwner::OWNED } else { PartitionOwner::RELEASED }.to_owned(),
            instance: self.instance.to_string(),
            address: self.address.to_string(),
            transactional_ids: self.transactional_ids.clone(),
            at,
        };
        self.encoder.state(PartitionOwner::TOPIC, &id.to_string(), Some(&owner), at)
    }
}

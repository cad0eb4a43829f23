//! The way from routes to the writer: which partition, who owns it, and a bounded queue to the actor.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use event_schemas::{CommandId, Domain, partitioner};
use parking_lot::RwLock;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::attendance::Attendance;
use super::owners::Owners;
use super::partition::PartitionId;
use super::window::Reply;
use super::{Executed, Failure, Submission, Target};

/// A command on its way to the actor.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) partition: PartitionId,
    pub(super) submission: Submission,
    pub(super) reply: Reply,
}

/// Where a target's partition is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// By this instance.
    Here,
    /// By the instance at this base address.
    At(String),
    /// By nobody right now.
    Moving,
}

/// The writer as routes see it; cheap to clone.
#[derive(Clone, Debug)]
pub struct Handle {
    pub(super) jobs: mpsc::Sender<Job>,
    pub(super) serving: Serving,
    pub(super) attendance: Attendance,
    pub(super) owners: Owners,
    pub(super) partitions: Arc<HashMap<Domain, u32>>,
    pub(super) instance: Arc<str>,
    pub(super) address: Arc<str>,
}

impl Handle {
    /// Carries out a command, or tells why not. The answer comes when its events are durable.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn execute(&self, submission: Submission) -> Result<Executed, Failure> {
        match self.owner_of(&submission.target) {
            Owner::Here => {}
            Owner::At(address) => return Err(Failure::Elsewhere { address }),
            Owner::Moving => return Err(Failure::Moving),
        }
        let partition = self.partition_of(&submission.target);
        let (reply, answer) = oneshot::channel();
        self.jobs.try_send(Job { partition, submission, reply }).map_err(|it| match it {
            mpsc::error::TrySendError::Full(_) => Failure::Overloaded,
            mpsc::error::TrySendError::Closed(_) => Failure::Moving,
        })?;
        // The actor answers everything it took; a dropped reply means that it broke off, so nobody knows.
        answer.await.unwrap_or(Err(Failure::OutcomeUnknown))
    }

    /// Where the target is served.
    #[must_use]
    pub fn owner_of(&self, target: &Target) -> Owner {
        let id = self.partition_of(target);
        if self.serving.contains(id) {
            return Owner::Here;
        }
        match self.owners.last(id) {
            // At this address only a dead predecessor can be.
            Some(owner) if owner.is_owned() && *owner.address != *self.address => Owner::At(owner.address),
            _ => Owner::Moving,
        }
    }

    /// The partition of an aggregate of this domain with this id.
    #[must_use]
    pub fn partition(&self, domain: Domain, id: &str) -> i32 {
        partitioner::partition(id.as_bytes(), self.count(domain))
    }

    /// An id for a new aggregate: a `UUIDv7` that hashes into the partition of the command id's text, so that a repeat of
    /// the creation meets the first try in its ledger.
    #[must_use]
    pub fn new_id_for(&self, domain: Domain, command: CommandId) -> Uuid {
        let wanted = self.partition(domain, &command.to_string());
        let drawn = std::iter::repeat_with(Uuid::now_v7);
        drawn.into_iter().find(|it| self.partition(domain, &it.to_string()) == wanted).unwrap_or_default()
    }

    /// Partitions that nobody serves until the session of an earlier process at this address has timed out.
    #[must_use]
    pub fn left_behind(&self) -> Vec<PartitionId> {
        let left = self.owners.left_behind(&self.address, &self.instance);
        left.into_iter().filter(|it| !self.serving.contains(*it)).collect()
    }

    /// What this instance serves.
    #[must_use]
    pub const fn serving(&self) -> &Serving {
        &self.serving
    }

    /// Whether this instance takes part in the writers' group.
    #[must_use]
    pub const fn attendance(&self) -> &Attendance {
        &self.attendance
    }

    fn partition_of(&self, target: &Target) -> PartitionId {
        let domain = target.domain();
        PartitionId { domain, number: self.partition(domain, &target.id) }
    }

    fn count(&self, domain: Domain) -> u32 {
        self.partitions.get(&domain).copied().unwrap_or(1)
    }
}

/// The partitions that an instance serves, and why others of it are not; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Serving(Arc<RwLock<Served>>);

#[derive(Debug, Default)]
struct Served {
    partitions: HashSet<PartitionId>,
    stuck: HashMap<PartitionId, String>,
}

impl Serving {
    /// Whether commands for this partition are taken.
    #[must_use]
    pub fn contains(&self, id: PartitionId) -> bool {
        self.0.read().partitions.contains(&id)
    }

    /// How many partitions are served.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.read().partitions.len()
    }

    /// The partitions that are assigned but cannot be taken over, with the reason.
    #[must_use]
    pub fn stuck_reasons(&self) -> Vec<String> {
        self.0.read().stuck.iter().map(|(id, reason)| format!("{id}: {reason}")).collect()
    }

    pub(super) fn insert(&self, id: PartitionId) {
        let mut served = self.0.write();
        served.stuck.remove(&id);
        served.partitions.insert(id);
    }

    pub(super) fn stuck(&self, id: PartitionId, reason: String) {
        self.0.write().stuck.insert(id, reason);
    }

    pub(super) fn remove(&self, id: PartitionId) {
        let mut served = self.0.write();
        served.partitions.remove(&id);
        served.stuck.remove(&id);
    }

    pub(super) fn clear(&self) {
        *self.0.write() = Served::default();
    }
}

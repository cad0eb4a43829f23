//! Partitions that come and go: what the group assigns is loaded and served, what it asks back is finished and announced.
//!
//! A revocation is answered only when nothing more will be appended for its partitions (invariant W1, rule 3): the window
//! that holds their commands is decided, and the announcement that they are released is in the log.

use std::time::Duration;

use event_log::{GroupEvent, TopicPartition};
use event_schemas::Domain;
use tokio::sync::oneshot;
use tokio::task::JoinError;
use tracing::{error, info, warn};

use super::partition::{Partition, PartitionId};
use super::shard::{End, RETRY_AFTER, Session};
use super::takeover::Stuck;

/// Partitions on their way out.
#[derive(Debug)]
pub(super) struct Leaving {
    partitions: Vec<PartitionId>,
    announced: bool,
    done: oneshot::Sender<()>,
}

/// A takeover that has come to its end.
#[derive(Debug)]
pub(super) struct Loaded {
    of: PartitionId,
    /// Which takeover it was: one that was asked back half-way is overtaken by what others appended since.
    number: u64,
    partition: Result<Partition, Stuck>,
}

impl Session<'_> {
    pub(super) fn group_event(&mut self, event: Option<GroupEvent>) -> Result<(), End> {
        match event {
            Some(GroupEvent::Assigned(assigned)) => self.assigned(assigned)?,
            Some(GroupEvent::Revoked { partitions, lost, done }) => {
                let partitions = partitions.iter().filter_map(partition_of).collect();
                if lost {
                    return Err(End::Fenced("the group gave the partitions away".to_owned()));
                }
                self.revoked(partitions, done);
            }
            Some(GroupEvent::Record(record)) => self.inbox.push(record),
            Some(GroupEvent::Trouble(trouble)) => warn!(trouble, "the writers' group has a problem"),
            None => return Err(End::Fenced("the membership ended".to_owned())),
        }
        Ok(())
    }

    fn assigned(&mut self, assigned: Vec<(TopicPartition, i64)>) -> Result<(), End> {
        for (of, next) in assigned {
            let Some(id) = partition_of(&of) else { continue };
            if self.leaving.iter().any(|it| it.partitions.contains(&id)) {
                return Err(End::Fenced(format!("{id} came back before it was given back")));
            }
            self.positions.insert(of, next);
            self.shard.serving.stuck(id, "is being taken over".to_owned());
            self.load(id, Duration::ZERO);
        }
        Ok(())
    }

    fn load(&mut self, of: PartitionId, pause: Duration) {
        self.takeovers += 1;
        let (takeover, number) = (self.shard.takeover.clone(), self.takeovers);
        self.expected.insert(of, number);
        let loading = async move {
            tokio::time::sleep(pause).await;
            Loaded { of, number, partition: takeover.load(of).await }
        };
        self.loading.spawn_on(loading, &self.shard.takeovers);
    }

    pub(super) fn loaded(&mut self, loaded: Result<Loaded, JoinError>) -> Result<(), End> {
        let Loaded { of: id, number, partition } =
            loaded.map_err(|it| End::Fenced(format!("a takeover broke off: {it}")))?;
        if self.expected.get(&id) != Some(&number) || self.gives_back {
            // It was asked back while it loaded, and perhaps assigned again, for which another takeover is under way.
            return Ok(());
        }
        match partition {
            Ok(partition) => {
                self.expected.remove(&id);
                partition.report();
                self.partitions.insert(id, partition);
                self.shard.serving.insert(id);
                self.unannounced.push(id);
            }
            Err(stuck) => {
                error!(partition = %id, %stuck, "cannot take over the partition, trying again");
                self.shard.serving.stuck(id, stuck.to_string());
                self.load(id, RETRY_AFTER);
            }
        }
        Ok(())
    }

    /// Announces what is served and not announced yet, in the window that is about to be handed to a lane.
    pub(super) fn announce_served(&mut self) -> Result<(), End> {
        for id in std::mem::take(&mut self.unannounced) {
            if self.shard.serving.contains(id) {
                self.announce(id, true)?;
            }
        }
        Ok(())
    }

    fn announce(&mut self, id: PartitionId, owned: bool) -> Result<(), End> {
        let at = self.shard.tools.clock.now();
        let announcement = self.announcer.record(id, owned, at).map_err(|it| End::Fenced(it.to_string()))?;
        self.open.announce(id, announcement);
        Ok(())
    }

    /// What was announced of these partitions came to nothing; others go on to send calls by what they heard before.
    pub(super) fn not_announced(&mut self, partitions: Vec<PartitionId>) {
        for leaving in &mut self.leaving {
            leaving.announced &= !leaving.partitions.iter().any(|it| partitions.contains(it));
        }
        self.unannounced.extend(partitions);
    }

    fn revoked(&mut self, partitions: Vec<PartitionId>, done: oneshot::Sender<()>) {
        info!(partitions = ?partitions, "partitions are asked back");
        for id in &partitions {
            self.shard.serving.remove(*id);
            self.expected.remove(id);
        }
        self.leaving.push(Leaving { partitions, announced: false, done });
    }

    /// With no window under way: lets go what was announced or never served, and announces the rest in the next window.
    pub(super) fn announce_leaving(&mut self) -> Result<(), End> {
        for mut leaving in std::mem::take(&mut self.leaving) {
            let served: Vec<_> =
                leaving.partitions.iter().filter(|it| self.partitions.contains_key(it)).copied().collect();
            if leaving.announced || served.is_empty() {
                self.let_go(leaving);
                continue;
            }
            for id in served {
                self.announce(id, false)?;
            }
            leaving.announced = true;
            self.leaving.push(leaving);
        }
        Ok(())
    }

    fn let_go(&mut self, leaving: Leaving) {
        for id in leaving.partitions {
            self.partitions.remove(&id);
            self.positions.remove(&TopicPartition::new(id.domain.commands_topic(), id.number));
            self.inbox.drop_partition(id);
        }
        // The callback may have run out of patience; then the group has moved on, and the fence decides.
        _ = leaving.done.send(());
    }

    /// The instance leaves: no new commands, and the partitions go as if the group had asked for them.
    pub(super) fn give_everything_back(&mut self) {
        self.gives_back = true;
        let partitions: Vec<_> = self.partitions.keys().copied().collect();
        let (done, _) = oneshot::channel();
        self.revoked(partitions, done);
    }
}

/// The partition that a partition of a command topic stands for.
pub(super) fn partition_of(of: &TopicPartition) -> Option<PartitionId> {
    let domain = Domain::ALL.into_iter().find(|it| it.commands_topic() == &*of.topic)?;
    Some(PartitionId { domain, number: of.partition })
}

//! Who owns which partition: what the owners announced on their topic, and what each of them tells of itself.
//!
//! `figures` reads an owner's metrics, `table` puts both together, a row per partition. For the command line and for the
//! console of query-api.

mod figures;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use event_log::{Decoder, EventLog, Fold, LogError, Record, Tail, TopicPartition};
use event_schemas::state::PartitionOwner;
use event_schemas::topics::{self, Profile};
use event_schemas::{Domain, Timestamp};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::warn;

pub use figures::{Figures, WindowFigures};
pub use table::{Answers, Owner, Row, State, answers, lines, rows};

/// A partition: name of its domain, and its number.
pub type Partition = (String, i32);

/// What the owners announced, followed as long as this value lives.
#[derive(Debug)]
pub struct Owners {
    log: Arc<dyn EventLog>,
    profile: Profile,
    told: watch::Receiver<Told>,
    _following: DropGuard,
}

/// The announcements, folded.
#[derive(Clone, Debug, Default)]
pub struct Told {
    last: BTreeMap<Partition, PartitionOwner>,
    /// When each partition was let go last.
    released: BTreeMap<Partition, Timestamp>,
}

impl Told {
    /// Takes the next announcement.
    fn announce(&mut self, owner: PartitionOwner) {
        let partition = (owner.domain.clone(), owner.partition);
        if !owner.is_owned() {
            self.released.insert(partition.clone(), owner.at);
        }
        self.last.insert(partition, owner);
    }

    /// The last announcement of a partition: its owner, or who let it go.
    #[must_use]
    pub fn last(&self, partition: &Partition) -> Option<&PartitionOwner> {
        self.last.get(partition)
    }

    /// Who owns a partition.
    #[must_use]
    pub fn owner(&self, partition: &Partition) -> Option<&PartitionOwner> {
        self.last(partition).filter(|it| it.is_owned())
    }

    /// What the instance at this address owns.
    #[must_use]
    pub fn owned_at(&self, address: &str) -> Vec<Partition> {
        let owned = self.last.iter().filter(|(_, it)| it.is_owned() && it.address == address);
        owned.map(|(partition, _)| partition.clone()).collect()
    }

    /// Where the owners are.
    #[must_use]
    pub fn addresses(&self) -> BTreeSet<String> {
        let owned = self.last.values().filter(|it| it.is_owned());
        owned.map(|it| it.address.clone()).collect()
    }

    /// How long nobody served a partition before its owner took it over, in milliseconds by the clocks of the two; none
    /// when it was not let go before, or nobody has it.
    #[must_use]
    pub fn away_ms(&self, partition: &Partition) -> Option<i64> {
        let owner = self.owner(partition)?;
        self.released.get(partition).map(|it| owner.at.since(*it).num_milliseconds())
    }
}

impl Owners {
    /// Reads everything that was announced so far, and follows what comes.
    ///
    /// # Errors
    /// [`LogError`].
    pub async fn follow(
        log: Arc<dyn EventLog>,
        decoder: Decoder,
        profile: Profile,
    ) -> Result<Self, LogError> {
        let (sender, told) = watch::channel(Told::default());
        let stop = CancellationToken::new();
        let following = stop.clone().drop_guard();
        let partition = TopicPartition::new(PartitionOwner::TOPIC, 0);
        let tail =
            Tail::follow(Arc::clone(&log), vec![partition], FoldTold { decoder, told: sender }, stop).await?;
        tail.reach_end(|_| true).await?;
        Ok(Self { log, profile, told, _following: following })
    }

    /// What is announced now.
    #[must_use]
    pub fn told(&self) -> Told {
        self.told.borrow().clone()
    }

    /// Waits until what is announced is so; for ever when it never is.
    ///
    /// # Errors
    /// When the announcements are no longer followed.
    pub async fn become_so(&self, so: impl Fn(&Told) -> bool) -> Result<Told, LogError> {
        let mut told = self.told.clone();
        let told = told.wait_for(so).await;
        let ended = |_| LogError::Unavailable("the announcements are no longer followed".to_owned());
        told.map(|it| it.clone()).map_err(ended)
    }

    /// Every partition that there is, whether it was ever owned or not, in the order of the domains.
    #[must_use]
    pub fn partitions(&self) -> Vec<Partition> {
        let of = |domain: Domain| {
            (0..topics::partitions(domain, self.profile)).map(move |it| (domain.name().to_owned(), it))
        };
        Domain::ALL.into_iter().flat_map(of).collect()
    }

    /// Offset of the next event of a partition.
    ///
    /// # Errors
    /// [`LogError`].
    pub async fn log_end(&self, (domain, number): &Partition) -> Result<i64, LogError> {
        let events = TopicPartition::new(&*format!("{domain}-events"), *number);
        self.log.high_watermark(&events).await
    }
}

/// Folds the announcements.
struct FoldTold {
    decoder: Decoder,
    told: watch::Sender<Told>,
}

#[async_trait]
impl Fold for FoldTold {
    async fn fold(&mut self, records: Vec<Record>) {
        for record in records {
            match self.decoder.decode_state::<PartitionOwner>(&record).await {
                Ok(Some(owner)) => self.told.send_modify(|it| it.announce(owner)),
                Ok(None) => {}
                Err(fault) => {
                    warn!(position = %record.position, %fault, "an announcement of an owner is not readable");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;

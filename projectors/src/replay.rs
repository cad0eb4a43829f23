//! Replay: a projection folded from the start of its topics in memory, without loading anything.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use event_log::{EventLog, LogError, Record, TopicPartition};
use event_schemas::topics::{self, Profile};
use sqlx::postgres::PgConnection;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::decoding::{Decoding, Keys};
use crate::folding::{self, Cause, Item};
use crate::known::Known;
use crate::pace::Pace;
use crate::parking::ParkedKeys;
use crate::projection::{Projection, Registration};
use crate::versions;

/// Most records decoded at once by a reader.
const CHUNK: usize = 2_000;

/// Chunks that wait for the fold; bounds memory when reading is faster.
const CHUNKS_AHEAD: usize = 8;

/// A reader that sees nothing for so long, although its goal lies ahead, gives up.
pub(crate) const STALL: Duration = Duration::from_secs(30);

/// Offsets per partition.
pub(crate) type Offsets = BTreeMap<TopicPartition, i64>;

/// Where facts come from.
#[derive(Clone, Debug)]
pub struct Source {
    /// The log.
    pub log: Arc<dyn EventLog>,
    /// Schemas and data keys.
    pub decoding: Decoding,
    /// Decides the number of partitions.
    pub profile: Profile,
}

/// A projection in memory, and how far it has come.
pub(crate) struct Replay {
    pub(crate) projection: Box<dyn Projection>,
    pub(crate) next: Offsets,
    /// Records that could not be folded and the later ones of their keys, with the reason.
    pub(crate) parked: Vec<(Record, Cause)>,
    /// Records folded or passed over so far.
    pub(crate) records: u64,
    registration: &'static Registration,
    held_back: HashMap<TopicPartition, ParkedKeys>,
    known: Known,
    /// With more keys parked than these, replaying ends.
    most_keys: usize,
}

/// What a reader hands to the fold.
struct Chunk {
    of: TopicPartition,
    items: Vec<Item>,
    next_offset: i64,
}

/// Replaying failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A partition yields nothing although its end lies ahead.
    #[error("{of} yields nothing since {waited_s} s at offset {at} before {goal}")]
    Stalled {
        /// The partition.
        of: TopicPartition,
        /// How long nothing came, in seconds.
        waited_s: u64,
        /// Where the reader stands.
        at: i64,
        /// Where it should get to.
        goal: i64,
    },
    /// So many keys would be parked that the code must be at fault.
    #[error(
        "more than {most} keys of {projection} would be parked, more than PARKED_KEYS_STOPPED allows or than are parked \
         now: the code must be at fault and not the data"
    )]
    Flood {
        /// The projection.
        projection: &'static str,
        /// As many are allowed.
        most: usize,
    },
    /// A reading task panicked.
    #[error("a reader ended: {0}")]
    Reader(#[from] tokio::task::JoinError),
}

impl Error {
    pub(crate) const fn stalled(of: TopicPartition, at: i64, goal: i64) -> Self {
        Self::Stalled { of, waited_s: STALL.as_secs(), at, goal }
    }

    /// Whether the same may succeed later.
    pub(crate) const fn is_passing(&self) -> bool {
        matches!(self, Self::Log(LogError::Unavailable(_)) | Self::Stalled { .. })
    }
}

impl Source {
    /// The ends of the projection's partitions as readers of committed records see them now.
    ///
    /// # Errors
    /// When the log does not answer.
    pub(crate) async fn ends(&self, registration: &Registration) -> Result<Offsets, LogError> {
        let mut ends = Offsets::new();
        for of in self.partitions(registration) {
            let end = self.log.last_stable_offset(&of).await?;
            ends.insert(of, end);
        }
        Ok(ends)
    }

    /// The partitions that the projection reads.
    pub(crate) fn partitions(&self, registration: &Registration) -> Vec<TopicPartition> {
        partitions(registration, self.profile)
    }
}

/// The partitions that the projection reads, where the cluster is of this size.
pub(crate) fn partitions(registration: &Registration, profile: Profile) -> Vec<TopicPartition> {
    let of_domain = |domain: &event_schemas::Domain| {
        let topic: Arc<str> = domain.events_topic().into();
        (0..topics::partitions(*domain, profile)).map(move |it| TopicPartition::new(topic.clone(), it))
    };
    registration.domains.iter().flat_map(of_domain).collect()
}

impl Replay {
    /// Nothing folded yet.
    pub(crate) fn new(registration: &'static Registration, known: Known) -> Self {
        let mut projection = (registration.new)();
        projection.tables().into_iter().for_each(|table| table.hold_everything());
        let (next, parked, held_back) = Default::default();
        Self { projection, next, parked, records: 0, registration, held_back, known, most_keys: usize::MAX }
    }

    /// Ends when more keys than these are parked.
    pub(crate) fn bounded(self, most_keys: usize) -> Self {
        Self { most_keys, ..self }
    }

    /// Folds on, in each partition up to its goal and not beyond; partitions are read and decoded in parallel.
    pub(crate) async fn fold_to(
        &mut self,
        source: &Source,
        goals: &Offsets,
        pace: &Pace,
        mut progress: impl FnMut(&Offsets, u64) + Send,
    ) -> Result<(), Error> {
        // What lies before the goals is committed, and so are its keys.
        source.decoding.know_all_keys().await?;
        let (sender, mut chunks) = mpsc::channel(CHUNKS_AHEAD);
        let mut readers = JoinSet::new();
        for (of, &goal) in goals {
            let from = self.next.get(of).copied().unwrap_or(0);
            if from < goal {
                let projection = (self.registration.new)();
                let chunk = pace.at_once(CHUNK);
                let range = from..goal;
                readers.spawn(read(source.clone(), projection, of.clone(), range, chunk, sender.clone()));
            }
        }
        drop(sender);
        while let Some(chunk) = chunks.recv().await {
            let records = chunk.items.len();
            self.records += records as u64;
            self.fold(chunk);
            if self.held_back.values().map(HashSet::len).sum::<usize>() > self.most_keys {
                return Err(Error::Flood { projection: self.registration.name, most: self.most_keys });
            }
            progress(&self.next, self.records);
            pace.keep(records).await;
        }
        while let Some(ended) = readers.join_next().await {
            ended??;
        }
        Ok(())
    }

    /// Writes into the tables of this version what changed since [`Self::settle`].
    pub(crate) async fn write_changes(
        &mut self,
        connection: &mut PgConnection,
        version: i32,
    ) -> sqlx::Result<()> {
        for table in self.projection.tables() {
            let target = versions::versioned(table.name(), version);
            table.write_changes(connection, &target).await?;
        }
        Ok(())
    }

    /// What was written is committed.
    pub(crate) fn settle(&mut self) {
        self.projection.tables().into_iter().for_each(|table| table.settle());
    }

    fn fold(&mut self, mut chunk: Chunk) {
        self.known.mark(&mut chunk.items);
        let held_back = self.held_back.entry(chunk.of.clone()).or_default();
        let to_park = folding::fold_all(self.projection.as_mut(), &chunk.items, held_back);
        self.next.insert(chunk.of, chunk.next_offset);
        if to_park.is_empty() {
            return;
        }
        let causes: HashMap<usize, Cause> = to_park.into_iter().collect();
        for (index, item) in chunk.items.into_iter().enumerate() {
            if let Some(cause) = causes.get(&index) {
                held_back.insert(item.record.key.clone());
                self.parked.push((item.record, cause.clone()));
            }
        }
    }
}

/// Reads and decodes one partition within the range of offsets.
async fn read(
    source: Source,
    projection: Box<dyn Projection>,
    of: TopicPartition,
    range: std::ops::Range<i64>,
    chunk: usize,
    chunks: mpsc::Sender<Chunk>,
) -> Result<(), Error> {
    let mut reader = source.log.reader(vec![(of.clone(), range.start)]).await?;
    let mut at = range.start;
    while at < range.end {
        let mut records = reader.next(chunk, STALL).await?;
        let reached = reader.position(&of).unwrap_or(at);
        if records.is_empty() && reached <= at {
            return Err(Error::stalled(of, at, range.end));
        }
        records.retain(|it| it.position.offset < range.end);
        at = reached.min(range.end);
        let items = source.decoding.items(projection.as_ref(), records, Keys::AllKnown).await?;
        if chunks.send(Chunk { of: of.clone(), items, next_offset: at }).await.is_err() {
            break;
        }
    }
    Ok(())
}

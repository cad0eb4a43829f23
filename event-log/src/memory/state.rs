//! What stands in the log: topics, open transactions, groups.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use event_schemas::topics::Topic;

use super::Script;
use super::group::Group;
use crate::drift::Found;
use crate::{NewRecord, OpenTransaction, Position, Record, TopicPartition, Window};

/// Everything, behind one lock.
#[derive(Debug, Default)]
pub(super) struct State {
    topics: BTreeMap<String, StoredTopic>,
    /// The present holder of each transactional id, counted up by each take-over.
    holders: HashMap<String, u64>,
    /// Open transactions: who holds them, and where they wrote.
    open: HashMap<u64, Open>,
    transactions: u64,
    pub(super) groups: HashMap<String, Group>,
    /// What tests have in store for the next appends: of a topic, or of whichever.
    pub(super) scripts: VecDeque<(Option<String>, Script)>,
}

#[derive(Debug)]
struct StoredTopic {
    topic: Topic,
    partitions: Vec<Partition>,
}

#[derive(Debug)]
struct Open {
    holder: String,
    partitions: HashSet<TopicPartition>,
    /// The group and its consumed offsets, once they were added.
    consumed: Option<(String, Vec<(TopicPartition, i64)>)>,
}

/// A partition: its entries from offset 0 on.
#[derive(Debug, Default)]
pub(super) struct Partition {
    entries: Vec<Entry>,
    /// First offset of each open transaction.
    open: BTreeMap<u64, usize>,
    aborted: HashSet<u64>,
}

#[derive(Debug)]
enum Entry {
    Record {
        record: Record,
        transaction: u64,
    },
    /// The end of a transaction takes an offset, as it does on a broker.
    Marker,
}

/// Why nothing was produced.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Another holder has the transactional id.
    TakenOver,
    /// The window can never be appended.
    Impossible(String),
}

impl Partition {
    /// One past the last entry.
    pub(super) fn end(&self) -> i64 {
        offset(self.entries.len())
    }

    /// One past the last entry that is decided.
    pub(super) fn stable(&self) -> i64 {
        offset(self.open.values().copied().min().unwrap_or(self.entries.len()))
    }

    /// The first record of this time or later.
    pub(super) fn since(&self, time_ms: i64) -> Option<i64> {
        let is_it =
            |entry: &Entry| matches!(entry, Entry::Record { record, .. } if record.timestamp_ms >= time_ms);
        self.entries.iter().position(is_it).map(offset)
    }

    /// Its open transactions, in the order in which they began.
    pub(super) fn open(&self) -> Vec<OpenTransaction> {
        let mut open: Vec<_> = self.open.iter().map(|(number, at)| self.described(*number, *at)).collect();
        open.sort_by_key(|it| it.start_offset);
        open
    }

    fn described(&self, number: u64, at: usize) -> OpenTransaction {
        let last = self.entries.iter().rev().find_map(|entry| match entry {
            Entry::Record { record, transaction } if *transaction == number => Some(record.timestamp_ms),
            Entry::Record { .. } | Entry::Marker => None,
        });
        OpenTransaction {
            producer_id: number.cast_signed(),
            producer_epoch: 0,
            start_offset: offset(at),
            last_timestamp_ms: last.unwrap_or_default(),
        }
    }

    /// Committed records from an offset on, at most `max`, and the offset to go on with.
    pub(super) fn read(&self, from: i64, max: usize) -> (Vec<Record>, i64) {
        let mut records = Vec::new();
        let mut next = index(from);
        while next < index(self.stable()) && records.len() < max {
            if let Some(Entry::Record { record, transaction }) = self.entries.get(next)
                && !self.aborted.contains(transaction)
            {
                records.push(record.clone());
            }
            next += 1;
        }
        (records, offset(next).max(from))
    }
}

impl Partition {
    /// Committed records, in order.
    fn committed(&mut self) -> impl Iterator<Item = (usize, &mut Record)> {
        let (stable, aborted) = (index(self.stable()), &self.aborted);
        self.entries.iter_mut().enumerate().take(stable).filter_map(|(at, entry)| match entry {
            Entry::Record { record, transaction } if !aborted.contains(transaction) => Some((at, record)),
            Entry::Record { .. } | Entry::Marker => None,
        })
    }

    fn compact(&mut self) {
        let last: HashMap<_, _> =
            self.committed().map(|(at, it)| (it.key.clone(), (at, it.value.is_some()))).collect();
        let stays = |at, key: &Vec<u8>| last.get(key) == Some(&(at, true));
        let gone: Vec<_> =
            self.committed().filter(|(at, it)| !stays(*at, &it.key)).map(|(at, _)| at).collect();
        for at in gone {
            // Offsets never change: what is gone leaves a gap, as a marker does.
            self.entries[at] = Entry::Marker;
        }
    }
}

impl State {
    /// What a test has in store for the append of this window.
    pub(super) fn script_for(&mut self, window: &Window) -> Option<Script> {
        let writes_to = |topic: &str| window.records.iter().any(|it| *it.to.topic == *topic);
        let meant = self.scripts.iter().position(|(topic, _)| topic.as_deref().is_none_or(writes_to))?;
        self.scripts.remove(meant).map(|(_, script)| script)
    }

    /// See [`super::MemoryLog::compact`].
    pub(super) fn compact(&mut self, topic: &str) {
        self.topics.get_mut(topic).into_iter().flat_map(|it| &mut it.partitions).for_each(Partition::compact);
    }

    /// See [`super::MemoryLog::damage`].
    pub(super) fn damage(&mut self, topic: &str, mut damage: impl FnMut(&mut Record)) {
        let partitions = self.topics.get_mut(topic).into_iter().flat_map(|it| &mut it.partitions);
        partitions.flat_map(Partition::committed).for_each(|(_, record)| damage(record));
    }

    /// The partition, when it exists.
    pub(super) fn partition(&self, of: &TopicPartition) -> Option<&Partition> {
        self.topics.get(of.topic.as_ref())?.partitions.get(usize::try_from(of.partition).ok()?)
    }

    fn partition_mut(&mut self, of: &TopicPartition) -> Option<&mut Partition> {
        self.topics.get_mut(of.topic.as_ref())?.partitions.get_mut(usize::try_from(of.partition).ok()?)
    }

    /// Creates the topics that do not exist; returns their names.
    pub(super) fn create(&mut self, topics: &[Topic]) -> Vec<String> {
        let mut created = Vec::new();
        for topic in
            topics.iter().filter(|it| !self.topics.contains_key(&it.name)).cloned().collect::<Vec<_>>()
        {
            let partitions = (0..topic.partitions).map(|_| Partition::default()).collect();
            created.push(topic.name.clone());
            self.topics.insert(topic.name.clone(), StoredTopic { topic, partitions });
        }
        created
    }

    /// Partition count and settings of each topic.
    pub(super) fn found(&self) -> HashMap<String, Found> {
        let found = |it: &StoredTopic| Found {
            partitions: it.partitions.len(),
            settings: it
                .topic
                .settings
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
        };
        self.topics.iter().map(|(name, it)| (name.clone(), found(it))).collect()
    }

    /// All partitions of a topic.
    pub(super) fn partitions_of(&self, topic: &str) -> Vec<TopicPartition> {
        let count = self.topics.get(topic).map_or(0, |it| it.partitions.len());
        (0..).take(count).map(|partition| TopicPartition::new(topic, partition)).collect()
    }

    /// Gives the id to a new holder and aborts what the one before left open; returns the holder's number.
    pub(super) fn take_over(&mut self, id: &str) -> u64 {
        let epoch = self.holders.entry(id.to_owned()).or_default();
        *epoch += 1;
        let epoch = *epoch;
        let left = self.open.iter().filter(|(_, it)| it.holder == id).map(|(number, _)| *number);
        for transaction in left.collect::<Vec<_>>() {
            self.close(transaction, false);
        }
        epoch
    }

    /// Begins a transaction; its number.
    pub(super) fn begin(&mut self, id: &str, epoch: u64) -> Result<u64, Refusal> {
        self.is_holder(id, epoch)?;
        self.transactions += 1;
        let open = Open { holder: id.to_owned(), partitions: HashSet::new(), consumed: None };
        self.open.insert(self.transactions, open);
        Ok(self.transactions)
    }

    fn is_holder(&self, id: &str, epoch: u64) -> Result<(), Refusal> {
        if self.holders.get(id) == Some(&epoch) { Ok(()) } else { Err(Refusal::TakenOver) }
    }

    /// Writes records in an open transaction; their offsets.
    pub(super) fn produce(
        &mut self,
        id: &str,
        epoch: u64,
        transaction: u64,
        records: &[NewRecord],
    ) -> Result<Vec<i64>, Refusal> {
        self.is_holder(id, epoch)?;
        if let Some(nowhere) = records.iter().find(|it| self.partition(&it.to).is_none()) {
            return Err(Refusal::Impossible(format!("there is no partition {}", nowhere.to)));
        }
        let Some(open) = self.open.get_mut(&transaction) else { return Err(Refusal::TakenOver) };
        open.partitions.extend(records.iter().map(|it| it.to.clone()));
        Ok(records.iter().map(|it| self.write(transaction, it)).collect())
    }

    /// Adds a group's consumed offsets to an open transaction.
    pub(super) fn consume(
        &mut self,
        transaction: u64,
        group: &str,
        consumed: &[(TopicPartition, i64)],
    ) -> Result<(), Refusal> {
        let Some(open) = self.open.get_mut(&transaction) else { return Err(Refusal::TakenOver) };
        open.consumed = Some((group.to_owned(), consumed.to_vec()));
        Ok(())
    }

    /// Whether an open transaction holds the group's offset of this partition.
    pub(super) fn is_unsettled(&self, group: &str, of: &TopicPartition) -> bool {
        let holds = |it: &Open| {
            it.consumed.as_ref().is_some_and(|(of_group, consumed)| {
                of_group == group && consumed.iter().any(|(it, next)| it == of && *next >= 0)
            })
        };
        self.open.values().any(holds)
    }

    fn write(&mut self, transaction: u64, new: &NewRecord) -> i64 {
        let Some(partition) = self.partition_mut(&new.to) else { return -1 };
        let at = partition.entries.len();
        let headers = new.headers.iter().map(|(name, value)| (name.clone().into_owned(), value.clone()));
        let record = Record {
            position: Position { of: new.to.clone(), offset: offset(at) },
            key: new.key.clone(),
            value: new.value.clone(),
            headers: headers.collect(),
            timestamp_ms: new.timestamp_ms,
        };
        partition.entries.push(Entry::Record { record, transaction });
        partition.open.entry(transaction).or_insert(at);
        offset(at)
    }

    /// Commits or aborts a transaction; false when a take-over has ended it before.
    pub(super) fn close(&mut self, transaction: u64, committed: bool) -> bool {
        let Some(open) = self.open.remove(&transaction) else { return false };
        if committed && let Some((group, consumed)) = open.consumed {
            self.groups.entry(group).or_default().settle(&consumed, transaction);
        }
        for of in open.partitions {
            if let Some(partition) = self.partition_mut(&of) {
                partition.open.remove(&transaction);
                partition.entries.push(Entry::Marker);
                if !committed {
                    partition.aborted.insert(transaction);
                }
            }
        }
        true
    }
}

/// The offset of an entry.
fn offset(index: usize) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}

/// The entry at an offset; the first one for offsets below 0.
fn index(offset: i64) -> usize {
    usize::try_from(offset).unwrap_or_default()
}

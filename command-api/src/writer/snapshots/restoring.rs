//! What a takeover makes of a snapshots topic: the partition as it was at the checkpoint, or the reason why not.
//!
//! Only the last record of each key counts. The topic may be compacted or not, hold what a crashed pass left, or records
//! of other code under keys that nobody has written anew; none of that is a fault as long as a checkpoint of this very code
//! stands there and everything that it rests on is sound.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use event_log::{Decoder, Record};
use event_schemas::CommandId;
use event_schemas::state::Snapshot;

use super::super::key::Key;
use super::super::ledger::Remembered;
use super::super::partition::{Gap, Partition};
use super::LastEvent;
use super::format::{Checkpoint, Chunk, Digest, Format, Subject, digest, key_of_part, read};

/// Why a snapshot is not used. The log tells everything that it would have told.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum Ignored {
    #[error("there is none")]
    None,
    #[error("{0} was folded by other code")]
    OtherCode(String),
    #[error("{0} is damaged")]
    Damaged(String),
    #[error("{0} is missing")]
    Incomplete(String),
    #[error("it covers offset {covered}, but the log ends at {end}")]
    Future { covered: i64, end: i64 },
    #[error("the log has another event at offset {0}")]
    OtherLog(i64),
    #[error(transparent)]
    Gap(#[from] Gap),
}

impl Ignored {
    /// The reason in metrics.
    pub(in super::super) const fn name(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::OtherCode(_) => "other_code",
            Self::Damaged(_) => "damaged",
            Self::Incomplete(_) => "incomplete",
            Self::Future { .. } => "future",
            Self::OtherLog(_) => "other_log",
            Self::Gap(_) => "gap",
        }
    }
}

/// Collects the records of a snapshots topic into a partition.
#[derive(Debug)]
pub(in super::super) struct Restored {
    partition: Partition,
    fold: std::sync::Arc<str>,
    /// Keys whose last record is of no use.
    useless: HashMap<String, Ignored>,
    /// The largest offset that an aggregate covers.
    covered: i64,
    /// Parts of aggregates of which there will be more.
    parts: HashMap<Key, Vec<Snapshot>>,
    ledger: BTreeMap<Chunk, (Digest, Vec<(CommandId, Remembered)>)>,
    /// Every part of the ledger that stands there, of use or not.
    chunks: BTreeSet<Chunk>,
    checkpoint: Option<(i64, Checkpoint)>,
}

impl Restored {
    /// Begins with an empty partition.
    pub(in super::super) fn into_empty(partition: Partition, format: &Format) -> Self {
        Self {
            partition,
            fold: format.fold.clone(),
            useless: HashMap::new(),
            covered: -1,
            parts: HashMap::new(),
            ledger: BTreeMap::new(),
            chunks: BTreeSet::new(),
            checkpoint: None,
        }
    }

    /// Takes the next record. The keys must have caught up.
    pub(in super::super) async fn take(&mut self, record: &Record, decoder: &Decoder, format: &Format) {
        let key = String::from_utf8_lossy(&record.key).into_owned();
        self.useless.remove(&key);
        let decoded = decoder.decode_state::<Snapshot>(record).await;
        let Ok(subject) = subject(&key, decoded.as_ref().ok().and_then(Option::as_ref)) else {
            self.useless.insert(key.clone(), Ignored::Damaged(key));
            return;
        };
        let result = match decoded {
            Err(_) => {
                self.forget(&subject);
                Err(Ignored::Damaged(key.clone()))
            }
            Ok(None) => {
                self.forget(&subject);
                self.remove_chunk(&subject);
                Ok(())
            }
            Ok(Some(snapshot)) => self.add(&key, subject, snapshot, format),
        };
        if let Err(ignored) = result {
            self.useless.insert(key, ignored);
        }
    }

    fn add(
        &mut self,
        key: &str,
        subject: Subject,
        snapshot: Snapshot,
        format: &Format,
    ) -> Result<(), Ignored> {
        if let Subject::Ledger(chunk) = subject {
            self.chunks.insert(chunk);
        }
        let damaged = || Ignored::Damaged(key.to_owned());
        let sum = digest(key, &snapshot);
        if snapshot.digest != sum {
            return Err(damaged());
        }
        if snapshot.fold != *self.fold {
            return Err(Ignored::OtherCode(key.to_owned()));
        }
        match subject {
            Subject::Aggregate(of) => self.add_part(of, snapshot, format).ok_or_else(damaged),
            Subject::Ledger(chunk) => {
                self.ledger.insert(chunk, (sum, read(&snapshot.state).ok_or_else(damaged)?));
                Ok(())
            }
            Subject::Checkpoint => {
                let checkpoint = read(&snapshot.state).ok_or_else(damaged)?;
                self.checkpoint = Some((snapshot.last_offset, checkpoint));
                Ok(())
            }
        }
    }

    /// Adds an aggregate, or a part of a large one: those of one writing stand one behind the other in their order. What is
    /// left of longer writings before them begins with no first part.
    fn add_part(&mut self, key: Key, snapshot: Snapshot, format: &Format) -> Option<()> {
        let Snapshot { version, last_offset, part, parts, .. } = snapshot;
        let known = self.parts.entry(key.clone()).or_default();
        if part == 0 {
            known.clear();
        }
        let follows = i32::try_from(known.len()) == Ok(part)
            && known.first().is_none_or(|it| (it.version, it.parts) == (version, parts));
        if !follows {
            return Some(());
        }
        known.push(snapshot);
        if i32::try_from(known.len()) != Ok(parts) {
            return Some(());
        }
        let bytes = match self.parts.remove(&key)?.as_mut_slice() {
            [whole] => std::mem::take(&mut whole.state),
            parts => parts.iter().flat_map(|it| &it.state).copied().collect(),
        };
        let state = format.state(&key, &bytes)?;
        self.covered = self.covered.max(last_offset);
        self.partition.take_over(key, state, version, last_offset);
        Some(())
    }

    /// A record of it is superseded by nothing of use.
    fn forget(&mut self, subject: &Subject) {
        match subject {
            Subject::Aggregate(_) => {}
            Subject::Ledger(chunk) => _ = self.ledger.remove(chunk),
            Subject::Checkpoint => self.checkpoint = None,
        }
    }

    fn remove_chunk(&mut self, subject: &Subject) {
        if let Subject::Ledger(chunk) = subject {
            self.chunks.remove(chunk);
        }
    }

    /// The partition as of its checkpoint and the last event which that covers, should the log of the events end at `end`.
    /// Otherwise why not, with what the next snapshot of the empty partition has to remove from the topic.
    pub(in super::super) fn finish(
        mut self,
        end: i64,
    ) -> Result<(Partition, LastEvent), (Ignored, Vec<Chunk>)> {
        match self.judged(end) {
            Ok(last) => Ok((self.partition, last)),
            Err(ignored) => Err((ignored, self.chunks.into_iter().collect())),
        }
    }

    /// What has been put together.
    #[cfg(test)]
    pub(super) fn so_far(self) -> Partition {
        self.partition
    }

    fn judged(&mut self, end: i64) -> Result<LastEvent, Ignored> {
        if let Some(ignored) = self.useless.remove(&Subject::Checkpoint.to_string()) {
            return Err(ignored);
        }
        let (offset, checkpoint) = self.checkpoint.take().ok_or(Ignored::None)?;
        // Commands that are no longer named were forgotten, or belong to a pass that was not finished.
        let named = |key: &String| match key.parse() {
            Ok(Subject::Ledger(chunk)) => checkpoint.ledger.iter().any(|it| it.0 == chunk),
            Ok(Subject::Aggregate(_) | Subject::Checkpoint) | Err(_) => true,
        };
        self.useless.retain(|key, _| named(key));
        if let Some((_, ignored)) = self.useless.drain().next() {
            return Err(ignored);
        }
        if let Some(key) = self.parts.keys().next() {
            return Err(Ignored::Incomplete(key.id()));
        }
        let covered = self.covered.max(offset);
        if covered >= end {
            return Err(Ignored::Future { covered, end });
        }
        let missing = checkpoint.aggregates.saturating_sub(self.partition.len() as u64);
        if missing > 0 {
            return Err(Ignored::Incomplete(format!("the state of {missing} aggregates")));
        }
        self.restore_ledger(&checkpoint)?;
        let last = LastEvent { offset, id: checkpoint.event, at: checkpoint.at };
        self.partition.go_on_after(last, checkpoint.aggregates);
        Ok(last)
    }

    fn restore_ledger(&mut self, checkpoint: &Checkpoint) -> Result<(), Ignored> {
        let named: BTreeMap<_, _> = checkpoint.ledger.iter().copied().collect();
        for (chunk, wanted) in &named {
            let key = || Subject::Ledger(*chunk).to_string();
            let (found, commands) = self.ledger.remove(chunk).ok_or_else(|| Ignored::Incomplete(key()))?;
            if found != *wanted {
                return Err(Ignored::Damaged(key()));
            }
            self.partition.ledger.put_back(chunk.hour, commands);
        }
        let snapshots = &mut self.partition.snapshots;
        snapshots.holds_leftover(self.chunks.iter().copied().filter(|it| !named.contains_key(it)));
        snapshots.holds(named);
        Ok(())
    }
}

/// What a record is of, by its key; which part it is only the record itself tells.
fn subject(key: &str, snapshot: Option<&Snapshot>) -> Result<Subject, super::format::Unknown> {
    let part = snapshot.map_or(0, |it| it.part);
    let whole = key.strip_suffix(&format!("#{part}")).filter(|_| part > 0).unwrap_or(key);
    let subject: Subject = whole.parse()?;
    debug_assert!(part > 0 || key_of_part(&subject, 0) == key, "keys are written in one form");
    Ok(subject)
}

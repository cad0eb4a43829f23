//! Snapshots: what the owner of a partition remembers, so that the next one need not read the history.
//!
//! A *pass* writes everything that has changed since the pass before it to the partition's snapshots topic, a few
//! records at a time, and ends with a *checkpoint*: from here on whoever takes over reads the topic and replays the
//! events behind the checkpoint alone. Aggregates that changed meanwhile may stand there newer than the checkpoint says;
//! the replay skips what they cover already.
//!
//! Records of a snapshot go through the owner's windows, under its fence, and hold committed states only: what is on the
//! topic is never ahead of the events, and no zombie can write there. Nothing of it is believed that was folded by other
//! code, is damaged, lies ahead of the log, or contradicts it: then all of it is ignored and the log replayed.
//!
//! `format` is the way between what is remembered and records, `saving` when and how much an owner writes, `restoring`
//! what a takeover reads.

mod format;
mod restoring;
mod saving;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashSet, hash_set};

use event_schemas::{CommandId, Event, EventId, Recorded, Timestamp};
use metrics::{counter, gauge};
use tracing::debug;

use super::key::Key;
use super::ledger::Ledger;
use super::partition::PartitionId;

pub(super) use format::{Chunk, Digest, Format};
pub(super) use restoring::{Ignored, Restored};
pub(super) use saving::Saving;

/// Commands in one record of the ledger: 40 bytes each.
const COMMANDS_IN_A_CHUNK: usize = 4_096;

/// How an owner writes snapshots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotConfig {
    /// Events of a partition after which a pass begins. Whoever takes over replays about as many.
    pub every: u64,
    /// Of the records of a window at most one in so many more may be a snapshot's while commands come.
    pub one_in: usize,
    /// Tells the code that folds from any other.
    pub fold: String,
}

impl Default for SnapshotConfig {
    fn default() -> Self {
        Self { every: 20_000, one_in: 8, fold: env!("KARMYQ_FOLD").to_owned() }
    }
}

/// The last event that is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LastEvent {
    /// Where it stands.
    pub(super) offset: i64,
    /// Which it is.
    pub(super) id: EventId,
    /// When it was decided; no earlier one was later.
    pub(super) at: Timestamp,
}

impl LastEvent {
    pub(super) const fn of(event: &Recorded<Event>, offset: i64) -> Self {
        Self { offset, id: event.envelope.event_id, at: event.envelope.timestamp }
    }
}

/// What of a partition stands on its snapshots topic, and what does not yet.
#[derive(Debug, Default)]
pub(super) struct Snapshots {
    /// Aggregates with events that no pass has taken yet; at most as many as there are aggregates.
    changed: HashSet<Key>,
    /// Events that no pass has taken yet.
    events: u64,
    /// Aggregates with a committed event.
    aggregates: u64,
    /// The last committed event.
    last: Option<LastEvent>,
    /// Where the events begin that no pass has taken.
    from: i64,
    /// What of the ledger stands on the topic.
    ledger: BTreeMap<Chunk, Digest>,
    /// What stands there beside it, from snapshots that were ignored or never finished.
    leftover: BTreeSet<Chunk>,
    /// The pass under way.
    pass: Option<Pass>,
    /// Where the last checkpoint ends.
    checkpoint: Option<i64>,
    /// Something cannot be encoded: there are no snapshots until the partition is taken over anew.
    broken: bool,
}

/// A piece of a snapshot.
#[derive(Clone, Debug)]
pub(super) enum Piece {
    /// An aggregate.
    Aggregate(Key),
    /// Commands of the ledger.
    Ledger(Chunk, Vec<CommandId>),
    /// That the snapshot is complete.
    Checkpoint,
}

/// A piece whose records wait in a window.
#[derive(Debug)]
pub(super) struct Saved {
    /// Of which partition.
    pub(super) partition: PartitionId,
    /// What it is.
    pub(super) piece: Piece,
    /// Of its last record.
    pub(super) digest: Digest,
    /// Of its records.
    pub(super) bytes: u64,
}

/// Writes what had changed when it began.
#[derive(Debug)]
struct Pass {
    up_to: LastEvent,
    aggregates: u64,
    changed: hash_set::IntoIter<Key>,
    ledger: Vec<Piece>,
    /// What was in a window that came to nothing.
    again: Vec<Piece>,
    /// How many pieces wait in windows.
    undecided: usize,
}

impl Snapshots {
    /// An event is committed. Names its aggregate unless a snapshot covers it already.
    pub(super) fn note(&mut self, event: LastEvent, version: i64, changed: Option<&Key>) {
        self.last = Some(event);
        self.events += 1;
        self.aggregates += u64::from(version == 1);
        if let Some(key) = changed
            && !self.broken
            && !self.changed.contains(key)
        {
            self.changed.insert(key.clone());
        }
    }

    /// Goes on after this event, up to which a checkpoint covers everything.
    pub(super) fn go_on_after(&mut self, last: LastEvent, aggregates: u64) {
        (self.last, self.aggregates) = (Some(last), aggregates);
        (self.from, self.checkpoint) = (last.offset + 1, Some(last.offset + 1));
    }

    /// These records of the ledger stand on the topic and belong to the checkpoint.
    pub(super) fn holds(&mut self, ledger: BTreeMap<Chunk, Digest>) {
        self.ledger = ledger;
    }

    /// These records of the ledger stand on the topic and belong to no checkpoint that counts.
    pub(super) fn holds_leftover(&mut self, chunks: impl IntoIterator<Item = Chunk>) {
        self.leftover.extend(chunks);
    }

    /// Where the last checkpoint ends; none before the first one.
    #[cfg(test)]
    const fn start(&self) -> Option<i64> {
        self.checkpoint
    }

    /// Every part of the ledger that stands on the topic.
    pub(super) fn chunks(&self) -> Vec<Chunk> {
        self.ledger.keys().chain(&self.leftover).copied().collect()
    }

    /// Whether there is something to write, now that so many new events are worth a pass.
    fn is_due(&self, every: u64) -> bool {
        !self.broken && (self.pass.is_some() || self.events >= every.max(1))
    }

    /// The next piece to write. Begins a pass when one is due; none when the pieces of the one under way wait in windows.
    /// Only while no window is under way: what is committed is known then.
    fn next(&mut self, ledger: &mut Ledger, every: u64) -> Option<Piece> {
        if !self.is_due(every) {
            return None;
        }
        if self.pass.is_none() {
            self.begin(ledger);
        }
        let pass = self.pass.as_mut()?;
        let piece = pass.again.pop().or_else(|| pass.ledger.pop());
        let piece = piece.or_else(|| pass.changed.next().map(Piece::Aggregate));
        let piece = piece.or_else(|| (pass.undecided == 0).then_some(Piece::Checkpoint))?;
        pass.undecided += 1;
        Some(piece)
    }

    fn begin(&mut self, ledger: &mut Ledger) {
        let Some(up_to) = self.last else { return };
        let mut pieces = Vec::new();
        for (hour, commands) in ledger.take_unsaved() {
            for (number, commands) in (0..).zip(commands.chunks(COMMANDS_IN_A_CHUNK)) {
                pieces.push(Piece::Ledger(Chunk { hour, from: self.from, number }, commands.to_vec()));
            }
        }
        self.pass = Some(Pass {
            up_to,
            aggregates: self.aggregates,
            changed: std::mem::take(&mut self.changed).into_iter(),
            ledger: pieces,
            again: Vec::new(),
            undecided: 0,
        });
        (self.events, self.from) = (0, up_to.offset + 1);
    }

    /// A piece is on the topic.
    pub(super) fn saved(&mut self, saved: Saved) {
        let Some(pass) = &mut self.pass else { return };
        pass.undecided -= 1;
        let Saved { partition, piece, digest, bytes } = saved;
        counter!("karmyq_snapshot_bytes_total").increment(bytes);
        match piece {
            Piece::Aggregate(_) => {}
            Piece::Ledger(chunk, _) => {
                self.leftover.remove(&chunk);
                self.ledger.insert(chunk, digest);
            }
            Piece::Checkpoint => {
                let end = pass.up_to.offset + 1;
                debug!(%partition, end, aggregates = pass.aggregates, "wrote a snapshot");
                self.checkpoint = Some(end);
                self.leftover.clear();
                self.pass = None;
            }
        }
    }

    /// A piece is not on the topic: its window came to nothing.
    pub(super) fn put_back(&mut self, saved: Saved) {
        if let Some(pass) = &mut self.pass {
            pass.undecided -= 1;
            pass.again.push(saved.piece);
        }
    }

    /// Nothing more is written.
    fn give_up(&mut self) {
        (self.broken, self.pass) = (true, None);
        // Nobody will ask for it any more.
        self.changed = HashSet::new();
    }

    /// The last event that the pass under way covers, and how many aggregates there were.
    fn pass_up_to(&self) -> Option<(LastEvent, u64)> {
        self.pass.as_ref().map(|it| (it.up_to, it.aggregates))
    }

    /// A piece turned out to have no records.
    fn drop_piece(&mut self) {
        if let Some(pass) = &mut self.pass {
            pass.undecided -= 1;
        }
    }

    /// The records of the ledger that the next checkpoint does not name, to be removed with it: from hours before
    /// `oldest`, which are forgotten, and whatever else was left over.
    fn let_go_before(&mut self, oldest: Option<i64>) -> Vec<Chunk> {
        let is_forgotten = |chunk: &Chunk| oldest.is_none_or(|it| chunk.hour < it);
        let forgotten: Vec<_> = self.ledger.keys().copied().filter(is_forgotten).collect();
        self.ledger.retain(|chunk, _| !is_forgotten(chunk));
        // Should the window of the checkpoint come to nothing they still stand there.
        self.leftover.extend(forgotten);
        self.leftover.iter().copied().collect()
    }

    /// Tells how far the last checkpoint is behind the log.
    pub(super) fn report(&self, partition: PartitionId) {
        let labels = [("partition", partition.to_string())];
        let end = self.last.map_or(0, |it| it.offset + 1);
        let checkpoint = self.checkpoint.unwrap_or_default();
        gauge!("karmyq_snapshot_offset", &labels).set(figure(checkpoint));
        gauge!("karmyq_snapshot_lag_offsets", &labels).set(figure(end - checkpoint));
    }
}

/// An offset as metrics take it; exact up to 2^53.
const fn figure(offset: i64) -> f64 {
    offset as f64
}

//! When and how much an owner writes of snapshots: all it can while nobody asks for anything, a small share of each window
//! while commands come, and what is left before it goes.

use std::time::Duration;

use event_log::NewRecord;
use tokio::time::Instant;
use tracing::error;

use super::super::partition::{Partition, PartitionId};
use super::super::shard::Session;
use super::super::window::Window;
use super::format::{About, Checkpoint, Digest, Format, Unwritable};
use super::{Piece, Saved};

/// How long nobody must have asked for anything before windows are opened for snapshots alone.
const QUIET: Duration = Duration::from_millis(50);
/// How long no snapshot is written after a window with records of one was aborted: they may be the reason.
const PAUSE: Duration = Duration::from_secs(10);
/// How long an owner that stops goes on to serve in order to write what is left.
const FAREWELL: Duration = Duration::from_secs(2);
/// Most pieces, and bytes, in a window for snapshots alone: whoever asks meanwhile waits for it.
const QUIET_PIECES: usize = 1_000;
const QUIET_BYTES: usize = 512 * 1024;
/// Pieces, and bytes, that each window has room for in any case.
const LEAST_PIECES: usize = 4;
const BUSY_BYTES: usize = 64 * 1024;

/// When a session may write snapshots.
#[derive(Debug)]
pub(in super::super) struct Saving {
    /// The last window with anything but a snapshot.
    busy: Instant,
    /// After a fault.
    paused_until: Option<Instant>,
    /// The process stops: until then.
    farewell: Option<Instant>,
    /// The partition that comes first the next time.
    turn: usize,
}

impl Saving {
    pub(in super::super) fn new() -> Self {
        Self { busy: Instant::now(), paused_until: None, farewell: None, turn: 0 }
    }

    /// A window was handed to a lane.
    pub(in super::super) fn committing(&mut self, window: &Window) {
        if window.does_more_than_save() {
            self.busy = Instant::now();
        }
    }

    /// A window came to nothing.
    pub(in super::super) fn aborted(&mut self, window: &Window) {
        if window.saves() {
            self.paused_until = Some(Instant::now() + PAUSE);
        }
    }

    /// From here on everything is written, at full speed.
    pub(in super::super) fn say_farewell(&mut self) {
        self.farewell = Some(Instant::now() + FAREWELL);
    }

    /// Events that are worth a pass.
    const fn worth(&self, every: u64) -> u64 {
        if self.farewell.is_some() { 1 } else { every }
    }

    /// From when on windows may be opened for snapshots alone.
    fn quiet_from(&self) -> Instant {
        let quiet = if self.farewell.is_some() { self.busy } else { self.busy + QUIET };
        self.paused_until.map_or(quiet, |it| it.max(quiet))
    }
}

impl Session<'_> {
    /// When there is something to write in a window of its own; none when there is not.
    pub(in super::super) fn saves_from(&self) -> Option<Instant> {
        let worth = self.saving.worth(self.shard.config.snapshots.every);
        let is_due = |id: &PartitionId| self.partitions.get(id).is_some_and(|it| it.snapshots.is_due(worth));
        (self.flight.is_none() && self.served().iter().any(is_due)).then(|| self.saving.quiet_from())
    }

    /// Whether nothing is left to be written before the process goes, or no time.
    pub(in super::super) fn has_said_farewell(&self) -> bool {
        let now = Instant::now();
        let is_late = self.saving.farewell.is_none_or(|it| it <= now);
        let is_paused = self.saving.paused_until.is_some_and(|it| it > now);
        is_late || is_paused || self.flight.is_none() && self.saves_from().is_none()
    }

    /// Puts pieces of snapshots into the open window, which is about to be handed to a lane, or opens one for them.
    /// Only while no window is under way.
    pub(in super::super) fn save_some(&mut self) {
        let now = Instant::now();
        let is_quiet = self.open.is_empty() && self.shard.jobs.is_empty() && self.saving.quiet_from() <= now;
        if !is_quiet && self.open.is_empty() || self.saving.paused_until.is_some_and(|it| now < it) {
            return;
        }
        let share = self.open.records.len() / self.shard.config.snapshots.one_in.max(1);
        let (mut pieces, mut bytes) =
            if is_quiet { (QUIET_PIECES, QUIET_BYTES) } else { (share.max(LEAST_PIECES), BUSY_BYTES) };
        let worth = self.saving.worth(self.shard.config.snapshots.every);
        let mut served = self.served();
        served.sort_unstable();
        self.saving.turn = self.saving.turn.wrapping_add(1);
        let first = self.saving.turn % served.len().max(1);
        served.rotate_left(first);
        for id in served {
            let Some(partition) = self.partitions.get_mut(&id) else { continue };
            while pieces > 0
                && bytes > 0
                && let Some(piece) = partition.snapshots.next(&mut partition.ledger, worth)
            {
                let saved = save(partition, &mut self.open, &self.shard.takeover.snapshots, piece);
                pieces -= 1;
                bytes = bytes.saturating_sub(saved);
            }
        }
    }
}

/// Puts the records of a piece into the window; returns their size in bytes.
fn save(partition: &mut Partition, window: &mut Window, format: &Format, piece: Piece) -> usize {
    match records(partition, window, format, &piece) {
        Ok(None) => {
            partition.snapshots.drop_piece();
            0
        }
        Ok(Some((records, digest))) => {
            let size = |it: &NewRecord| it.key.len() + it.value.as_ref().map_or(0, Vec::len);
            let bytes = records.iter().map(size).sum();
            let saved = Saved { partition: partition.id, piece, digest, bytes: bytes as u64 };
            window.save(records, saved);
            bytes
        }
        Err(fault) => {
            error!(partition = %partition.id, %fault, "no snapshots are written any more: one cannot be encoded");
            partition.snapshots.give_up();
            0
        }
    }
}

/// The records of a piece, and the digest of the last one; none when there is nothing left of it.
fn records(
    partition: &mut Partition,
    window: &Window,
    format: &Format,
    piece: &Piece,
) -> Result<Option<(Vec<NewRecord>, Digest)>, Unwritable> {
    let id = partition.id;
    let Some((last, aggregates)) = partition.snapshots.pass_up_to() else { return Ok(None) };
    let about = About { partition: id, version: 0, last_offset: last.offset, at: last.at };
    match piece {
        Piece::Aggregate(key) => {
            let Some(live) = window.without(partition, key) else {
                return Err(Unwritable::Open(key.clone()));
            };
            format.aggregate(id, key, live, last.at).map(Some)
        }
        Piece::Ledger(chunk, commands) => {
            let commands = partition.ledger.in_drawer(chunk.hour, commands);
            if commands.is_empty() {
                return Ok(None);
            }
            format.ledger(about, *chunk, &commands).map(Some)
        }
        Piece::Checkpoint => {
            let gone = partition.snapshots.let_go_before(partition.ledger.oldest_hour());
            let ledger = partition.snapshots.ledger.iter().map(|(chunk, digest)| (*chunk, *digest)).collect();
            let checkpoint = Checkpoint { event: last.id, at: last.at, aggregates, ledger };
            let (checkpoint, digest) = format.checkpoint(about, &checkpoint)?;
            let mut records: Vec<_> =
                gone.into_iter().map(|it| format.tombstone(about, it)).collect::<Result<_, _>>()?;
            records.extend(checkpoint);
            Ok(Some((records, digest)))
        }
    }
}

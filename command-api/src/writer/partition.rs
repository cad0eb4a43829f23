//! What the owner of a partition holds in memory: aggregates, ledger, timers, and the clock of the partition.
//!
//! All of it is a fold of the partition's records, which snapshots shorten. A command is decided on *projected* state:
//! what is committed and what waits in a window. What a window changed can be taken back, should the log not take it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use chrono::TimeDelta;
use domain::{Meta, State};
use event_schemas::{Domain, Envelope, Event, Recorded, Timestamp};
use metrics::gauge;

use super::key::Key;
use super::ledger::Ledger;
use super::snapshots::{LastEvent, Snapshots};

/// A domain and the number of one of its partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartitionId {
    /// Whose.
    pub domain: Domain,
    /// Which, from 0.
    pub number: i32,
}

impl std::fmt::Display for PartitionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.domain.name(), self.number)
    }
}

/// An aggregate with the place of its last event.
#[derive(Clone, Debug)]
pub(super) struct Live {
    /// The fold of its events.
    pub(super) state: State,
    /// Number of its events.
    pub(super) version: i64,
    /// Offset of its last event; none while that waits in a window.
    pub(super) last: Option<i64>,
    /// The due time for which the heap holds an entry.
    armed: Option<Timestamp>,
}

impl Live {
    /// Tells where the event of this version stands.
    pub(super) fn place(&mut self, version: i64, offset: i64) {
        if self.version == version {
            self.last = Some(offset);
        }
    }
}

/// Events of an aggregate are missing on the log, or in a snapshot.
#[derive(Debug, thiserror::Error)]
#[error("{aggregate} has an event of version {version} after version {known}")]
pub(super) struct Gap {
    aggregate: String,
    known: i64,
    version: i64,
}

/// The state of one owned partition.
#[derive(Debug)]
pub(super) struct Partition {
    pub(super) id: PartitionId,
    pub(super) ledger: Ledger,
    pub(super) snapshots: Snapshots,
    /// Boxed: a map keeps up to half of its slots free.
    aggregates: HashMap<Key, Box<Live>>,
    due: BinaryHeap<Reverse<(Timestamp, Key)>>,
    last_written: Timestamp,
}

impl Partition {
    /// Before its first record. See [`Ledger::new`] for `remembered_for` and `capacity`.
    pub(super) fn new(id: PartitionId, remembered_for: TimeDelta, capacity: usize) -> Self {
        Self {
            id,
            ledger: Ledger::new(remembered_for, capacity),
            snapshots: Snapshots::default(),
            aggregates: HashMap::new(),
            due: BinaryHeap::new(),
            last_written: Timestamp::default(),
        }
    }

    /// The aggregate as it is projected; none before its first event.
    pub(super) fn get(&self, key: &Key) -> Option<&Live> {
        self.aggregates.get(key).map(|it| &**it)
    }

    /// All aggregates, in no order.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Key, &Live)> {
        self.aggregates.iter().map(|(key, live)| (key, &**live))
    }

    /// All armed timers, in order.
    #[cfg(test)]
    pub(super) fn timers(&self) -> Vec<(Timestamp, Key)> {
        let mut timers: Vec<_> = self.due.iter().map(|Reverse(it)| it.clone()).collect();
        timers.sort();
        timers
    }

    /// How many aggregates it holds.
    pub(super) fn len(&self) -> usize {
        self.aggregates.len()
    }

    /// Tells its size and the reach of its ledger as metrics.
    pub(super) fn report(&self) {
        let labels = [("partition", self.id.to_string())];
        gauge!("karmyq_partition_aggregates", &labels).set(count(self.aggregates.len()));
        gauge!("karmyq_ledger_commands", &labels).set(count(self.ledger.len()));
        if let Some(reach) = self.ledger.reaches_back_to() {
            gauge!("karmyq_ledger_reaches_back_to_seconds", &labels).set(reach.millis() as f64 / 1e3);
        }
        self.snapshots.report(self.id);
    }

    /// The time of a decision that is made at `clock`: never before what was written.
    pub(super) fn decision_time(&self, clock: Timestamp) -> Timestamp {
        clock.max(self.last_written)
    }

    /// Folds a record of the log. What a snapshot has brought already only counts for the ledger.
    pub(super) fn replay(&mut self, event: &Recorded<Event>, offset: i64, fingerprint: [u8; 8]) {
        let (key, envelope) = (key_of(event), &event.envelope);
        self.ledger.note(envelope.command_id, offset, fingerprint, envelope.timestamp);
        self.last_written = self.last_written.max(envelope.timestamp);
        let is_news = self.version_of(&key) < envelope.aggregate_version;
        if is_news {
            self.evolve(&key, event).last = Some(offset);
        }
        self.snapshots.note(
            LastEvent::of(event, offset),
            envelope.aggregate_version,
            is_news.then_some(&key),
        );
        // Timers are armed once at the end of the replay: most of those on the way are long gone.
    }

    /// What is missing of an aggregate before this event.
    pub(super) fn gap_before(&self, event: &Recorded<Event>) -> Option<Gap> {
        let (key, version) = (key_of(event), event.envelope.aggregate_version);
        let known = self.version_of(&key);
        (known + 1 < version).then_some(Gap { aggregate: key.id(), known, version })
    }

    fn version_of(&self, key: &Key) -> i64 {
        self.get(key).map_or(0, |it| it.version)
    }

    /// Takes an aggregate from a snapshot, in place of an earlier one.
    pub(super) fn take_over(&mut self, key: Key, state: State, version: i64, last: i64) {
        let live = Live { state, version, last: Some(last), armed: None };
        self.aggregates.insert(key, Box::new(live));
    }

    /// Goes on after this event, up to which a snapshot knows everything.
    pub(super) fn go_on_after(&mut self, last: LastEvent, aggregates: u64) {
        self.last_written = last.at;
        self.snapshots.go_on_after(last, aggregates);
    }

    /// Arms the timers of all aggregates, after a replay.
    pub(super) fn arm_all(&mut self) {
        let arm = |(key, live): (&Key, &mut Box<Live>)| {
            live.armed = live.state.timer().map(|it| it.due);
            live.armed.map(|due| Reverse((due, key.clone())))
        };
        let mut due: Vec<_> = self.aggregates.iter_mut().filter_map(arm).collect();
        // It has grown by doubling; from here on a few come and go.
        due.shrink_to_fit();
        self.due = due.into();
    }

    /// Folds an event that was just decided and arms the aggregate's timer.
    pub(super) fn project(&mut self, key: &Key, event: &Recorded<Event>) -> &Live {
        self.evolve(key, event).last = None;
        self.arm(key);
        &self.aggregates[key]
    }

    /// An event is committed: tells where it came to stand.
    pub(super) fn committed(
        &mut self,
        key: &Key,
        event: &Recorded<Event>,
        offset: i64,
        fingerprint: [u8; 8],
    ) {
        let Envelope { command_id, timestamp, aggregate_version, .. } = &event.envelope;
        self.ledger.note(*command_id, offset, fingerprint, *timestamp);
        self.snapshots.note(LastEvent::of(event, offset), *aggregate_version, Some(key));
        if let Some(live) = self.aggregates.get_mut(key) {
            live.place(*aggregate_version, offset);
        }
    }

    /// Takes an aggregate back to what it was before a window.
    pub(super) fn restore(&mut self, key: Key, before: Option<Live>) {
        match before {
            Some(live) => {
                // Its entry in the heap may have been popped since; a second one does no harm.
                self.aggregates.insert(key.clone(), Box::new(Live { armed: None, ..live }));
                self.arm(&key);
            }
            None => {
                self.aggregates.remove(&key);
            }
        }
    }

    /// When the next timer is due; none when nothing is armed. May be early: a timer whose reason has gone stays in the
    /// heap until then.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.due.peek().map(|Reverse((due, _))| *due)
    }

    /// An aggregate whose timer is really due at `now`, in due order; stale entries are dropped on the way.
    pub(super) fn pop_due(&mut self, now: Timestamp) -> Option<Key> {
        while self.next_due().is_some_and(|due| due <= now) {
            let Reverse((due, key)) = self.due.pop()?;
            if let Some(live) = self.aggregates.get_mut(&key).filter(|it| it.armed == Some(due)) {
                live.armed = None;
                return Some(key);
            }
        }
        None
    }

    fn evolve(&mut self, key: &Key, event: &Recorded<Event>) -> &mut Live {
        let envelope = &event.envelope;
        self.last_written = self.last_written.max(envelope.timestamp);
        let fresh = || {
            Box::new(Live {
                state: State::initial(envelope.aggregate_type),
                version: 0,
                last: None,
                armed: None,
            })
        };
        let live = self.aggregates.entry(key.clone()).or_insert_with(fresh);
        live.state.evolve(&event.payload, Meta { event_id: envelope.event_id, at: envelope.timestamp });
        live.version = envelope.aggregate_version;
        live
    }

    fn arm(&mut self, key: &Key) {
        let Some(live) = self.aggregates.get_mut(key) else { return };
        let due = live.state.timer().map(|it| it.due);
        if due != live.armed {
            live.armed = due;
            self.due.extend(due.map(|it| Reverse((it, key.clone()))));
        }
    }
}

/// A count as metrics take it; exact up to 2^32.
fn count(of: usize) -> f64 {
    u32::try_from(of).unwrap_or(u32::MAX).into()
}

/// The key of the aggregate that an event is about.
pub(super) fn key_of(event: &Recorded<Event>) -> Key {
    Key::new(event.envelope.aggregate_type, &event.envelope.aggregate_id)
}

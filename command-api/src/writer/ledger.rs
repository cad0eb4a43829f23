//! The ledger: which commands were carried out lately, and where their events stand (invariant W2).
//!
//! Part of the folded state: events carry their command's id, so whoever owns the partition knows every command of the
//! window, also after a crash or a move. An entry is an id and a position; the answer itself is rendered from the log.

use std::collections::{HashMap, VecDeque};

use chrono::TimeDelta;
use event_schemas::{CommandId, Timestamp};
use serde::{Deserialize, Serialize};

/// What the ledger knows of a carried out command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Remembered {
    /// Offset of its first event.
    pub(super) first: i64,
    /// Offset of its last event.
    pub(super) last: i64,
    /// The call's fingerprint; zeros for a command that no client sent.
    pub(super) fingerprint: [u8; 8],
}

/// Commands of the last day of one partition, in hourly drawers so that forgetting costs nothing.
#[derive(Debug)]
pub(super) struct Ledger {
    drawers: VecDeque<Drawer>,
    remembered_for: TimeDelta,
    capacity: usize,
    count: usize,
}

#[derive(Debug)]
struct Drawer {
    /// Hours since the epoch.
    hour: i64,
    commands: HashMap<CommandId, Remembered>,
    /// Those that no snapshot has taken yet, in the order in which they came.
    unsaved: Vec<CommandId>,
}

impl Ledger {
    /// Remembers for `remembered_for` (at least 24 h by contract), and at most `capacity` commands: whole hours are
    /// forgotten when there are more.
    pub(super) fn new(remembered_for: TimeDelta, capacity: usize) -> Self {
        Self { drawers: VecDeque::new(), remembered_for, capacity, count: 0 }
    }

    /// What is known of this command.
    pub(super) fn find(&self, command: CommandId) -> Option<Remembered> {
        self.drawers.iter().rev().find_map(|it| it.commands.get(&command).copied())
    }

    /// Notes an event of the command; the first one opens its entry, later ones extend it.
    pub(super) fn note(&mut self, command: CommandId, offset: i64, fingerprint: [u8; 8], at: Timestamp) {
        let drawer = self.drawer(at);
        let known = drawer.commands.get_mut(&command);
        if let Some(entry) = known {
            entry.last = offset;
        } else {
            drawer.commands.insert(command, Remembered { first: offset, last: offset, fingerprint });
            drawer.unsaved.push(command);
            self.count += 1;
        }
        self.forget(at);
    }

    /// The commands that no snapshot has taken yet, with the hours of their drawers; from here on they count as taken.
    pub(super) fn take_unsaved(&mut self) -> Vec<(i64, Vec<CommandId>)> {
        let taken = self.drawers.iter_mut().map(|it| (it.hour, std::mem::take(&mut it.unsaved)));
        taken.filter(|(_, commands)| !commands.is_empty()).collect()
    }

    /// What the drawer of this hour knows of these commands; nothing once it is forgotten.
    pub(super) fn in_drawer(&self, hour: i64, commands: &[CommandId]) -> Vec<(CommandId, Remembered)> {
        let Some(drawer) = self.drawers.iter().find(|it| it.hour == hour) else { return Vec::new() };
        commands.iter().filter_map(|it| Some((*it, *drawer.commands.get(it)?))).collect()
    }

    /// The hour of the oldest drawer; none while it is empty.
    pub(super) fn oldest_hour(&self) -> Option<i64> {
        self.drawers.front().map(|it| it.hour)
    }

    /// Puts back what a snapshot took from the drawer of this hour; hours must come in order, and before any
    /// [`Self::note`].
    pub(super) fn put_back(&mut self, hour: i64, commands: Vec<(CommandId, Remembered)>) {
        let drawer = self.drawer(Timestamp::from_micros(hour * MICROS_PER_HOUR));
        let before = drawer.commands.len();
        drawer.commands.extend(commands);
        self.count += self.drawers.back().map_or(0, |it| it.commands.len()) - before;
    }

    /// All drawers in order, with their hours.
    #[cfg(test)]
    pub(super) fn content(&self) -> Vec<(i64, std::collections::BTreeMap<CommandId, Remembered>)> {
        let known = self.drawers.iter().map(|it| it.commands.len()).sum::<usize>();
        assert_eq!(known, self.count, "every command is counted once");
        self.drawers
            .iter()
            .map(|it| (it.hour, it.commands.iter().map(|it| (*it.0, *it.1)).collect()))
            .collect()
    }

    /// How many commands it knows.
    pub(super) const fn len(&self) -> usize {
        self.count
    }

    /// How far back it reaches; none while it is empty.
    pub(super) fn reaches_back_to(&self) -> Option<Timestamp> {
        self.drawers.front().map(|it| Timestamp::from_micros(it.hour * MICROS_PER_HOUR))
    }

    /// The drawer of this time. Timestamps of a partition never decrease, so it is the last one or a new one.
    fn drawer(&mut self, at: Timestamp) -> &mut Drawer {
        let hour = at.micros().div_euclid(MICROS_PER_HOUR);
        if self.drawers.back().is_none_or(|it| it.hour < hour) {
            self.drawers.push_back(Drawer { hour, commands: HashMap::new(), unsaved: Vec::new() });
        }
        self.drawers.back_mut().expect("just pushed when empty")
    }

    fn forget(&mut self, now: Timestamp) {
        let kept_from = (now - self.remembered_for).micros().div_euclid(MICROS_PER_HOUR);
        while self.drawers.len() > 1
            && self.drawers.front().is_some_and(|it| it.hour < kept_from || self.count > self.capacity)
        {
            self.count -= self.drawers.pop_front().map_or(0, |it| it.commands.len());
        }
    }
}

const MICROS_PER_HOUR: i64 = 3_600_000_000;

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use event_schemas::{CommandId, Timestamp};
    use uuid::Uuid;

    use super::{Ledger, Remembered};

    fn command(n: u128) -> CommandId {
        CommandId::new(Uuid::from_u128(n))
    }

    fn hour(n: i64) -> Timestamp {
        Timestamp::from_micros(n * super::MICROS_PER_HOUR)
    }

    #[test]
    fn a_command_is_found_with_the_span_of_its_events() {
        let mut ledger = Ledger::new(TimeDelta::hours(24), 100);
        ledger.note(command(1), 10, [7; 8], hour(1));
        ledger.note(command(1), 12, [0; 8], hour(1));
        assert_eq!(ledger.find(command(1)), Some(Remembered { first: 10, last: 12, fingerprint: [7; 8] }));
        assert_eq!(ledger.find(command(2)), None);
    }

    #[test]
    fn commands_are_remembered_for_a_day_and_then_forgotten() {
        let mut ledger = Ledger::new(TimeDelta::hours(24), 100);
        ledger.note(command(1), 1, [0; 8], hour(0));
        ledger.note(command(2), 2, [0; 8], hour(24));
        assert!(ledger.find(command(1)).is_some(), "24 h old");
        ledger.note(command(3), 3, [0; 8], hour(25));
        assert!(ledger.find(command(1)).is_none(), "older than 24 h");
        assert_eq!(ledger.reaches_back_to(), Some(hour(24)));
    }

    #[test]
    fn beyond_its_capacity_the_oldest_hour_goes_first() {
        let mut ledger = Ledger::new(TimeDelta::hours(24), 2);
        for n in 0..4 {
            ledger.note(command(n), 0, [0; 8], hour(i64::try_from(n).expect("small")));
        }
        assert!(ledger.find(command(0)).is_none());
        assert!(ledger.find(command(3)).is_some());
    }
}

//! All that a partition holds, to be compared.

use std::collections::BTreeMap;

use domain::State;
use event_schemas::{CommandId, Timestamp};

use crate::writer::key::Key;
use crate::writer::ledger::Remembered;
use crate::writer::partition::Partition;

/// All of it, in an order.
#[derive(Debug, PartialEq)]
struct Content {
    aggregates: BTreeMap<Key, (State, i64, Option<i64>)>,
    ledger: Vec<(i64, BTreeMap<CommandId, Remembered>)>,
    timers: Vec<(Timestamp, Key)>,
    time: Timestamp,
    aggregates_of_snapshots: u64,
}

impl Partition {
    /// Fails where it differs from the other.
    pub(super) fn assert_same(&self, other: &Self) {
        let (ours, theirs) = (self.content(), other.content());
        for (key, theirs) in &theirs.aggregates {
            assert_eq!(ours.aggregates.get(key), Some(theirs), "{key:?} of {}", self.id);
        }
        assert_eq!(ours.ledger, theirs.ledger, "the ledger of {}", self.id);
        assert_eq!(ours, theirs, "{}", self.id);
    }

    fn content(&self) -> Content {
        Content {
            aggregates: self
                .iter()
                .map(|(key, it)| (key.clone(), (it.state.clone(), it.version, it.last)))
                .collect(),
            ledger: self.ledger.content(),
            timers: self.timers(),
            time: self.decision_time(Timestamp::from_micros(i64::MIN)),
            aggregates_of_snapshots: self.snapshots.aggregates,
        }
    }
}

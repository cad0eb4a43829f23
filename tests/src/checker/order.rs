//! Versions and times as every reader of the topics counts on them.

use std::collections::{HashMap, HashSet};

use super::{Findings, History, Rule};

pub(super) fn check(history: &History, found: &mut Findings) {
    let (mut versions, mut times, mut ids) = (HashMap::new(), HashMap::new(), HashSet::new());
    for event in &history.events {
        let envelope = &event.record.envelope;
        let version = versions.entry((envelope.aggregate_type, &envelope.aggregate_id)).or_insert(0);
        *version += 1;
        if envelope.aggregate_version != *version {
            found.note(
                Rule::VersionsCount,
                &envelope.aggregate_id,
                format!("not version {version}: {event}"),
            );
            *version = envelope.aggregate_version;
        }
        let latest = times.entry(&event.position.of).or_insert(envelope.timestamp);
        if envelope.timestamp < *latest {
            found.note(Rule::TimesNeverDecrease, &envelope.aggregate_id, format!("before {latest}: {event}"));
        }
        *latest = envelope.timestamp.max(*latest);
        if !ids.insert(envelope.event_id) {
            found.note(Rule::IdsAreUnique, &envelope.aggregate_id, format!("a second one: {event}"));
        }
    }
    for key in &history.drawn_again {
        found.note(Rule::KeysAreDrawnOnce, key, "its records are of several keys");
    }
    for of in &history.hanging {
        found.note(Rule::NothingHangs, of, "an open transaction stayed behind");
    }
    for fault in &history.faults {
        found.note(Rule::NoFault, "a client", fault);
    }
    for buried in &history.buried {
        found.note(Rule::NothingIsBuried, "dead-letters", buried);
    }
}

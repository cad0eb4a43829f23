//! The way to bytes and back.

use super::super::format::{Chunk, Subject};
use crate::writer::key::Key;

#[test]
fn keys_are_read_as_they_are_written() {
    let chunk = Chunk { hour: 500_000, from: 12, number: 3 };
    let aggregate = Key::new(event_schemas::AggregateType::Community, "a/b#1");
    for subject in [Subject::Aggregate(aggregate), Subject::Ledger(chunk), Subject::Checkpoint] {
        assert_eq!(subject.to_string().parse::<Subject>().expect("is one"), subject);
    }
    for other in ["", "ledger/1", "ledger/1/2/3/4/x", "moon/1"] {
        assert!(other.parse::<Subject>().is_err(), "{other}");
    }
}

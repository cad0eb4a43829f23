//! The fold of announcements.

use event_schemas::Timestamp;
use event_schemas::state::PartitionOwner;

use crate::{Partition, Told};

/// An announcement of partition `number` of the communities.
pub(crate) fn announcement(number: i32, state: &str, at: &str, second: i64) -> PartitionOwner {
    PartitionOwner {
        domain: "community".to_owned(),
        partition: number,
        state: state.to_owned(),
        instance: format!("instance of {at}"),
        address: at.to_owned(),
        transactional_ids: Vec::new(),
        at: Timestamp::from_micros(second * 1_000_000),
    }
}

pub(crate) fn told(announcements: impl IntoIterator<Item = PartitionOwner>) -> Told {
    let mut told = Told::default();
    announcements.into_iter().for_each(|it| told.announce(it));
    told
}

fn community(number: i32) -> Partition {
    ("community".to_owned(), number)
}

#[test]
fn the_last_announcement_counts() {
    let told = told([
        announcement(0, "owned", "one", 1),
        announcement(1, "owned", "one", 1),
        announcement(0, "released", "one", 5),
        announcement(0, "owned", "two", 6),
    ]);
    assert_eq!(told.owner(&community(0)).map(|it| it.address.as_str()), Some("two"));
    assert_eq!(told.owned_at("one"), [community(1)]);
    assert_eq!(told.owned_at("two"), [community(0)]);
    assert!(told.addresses().iter().eq(["one", "two"]));
}

#[test]
fn what_was_let_go_is_nobodys_since_then() {
    let told = told([announcement(0, "owned", "one", 1), announcement(0, "released", "one", 5)]);
    assert_eq!(told.owner(&community(0)), None);
    assert_eq!(told.last(&community(0)).map(|it| it.at), Some(Timestamp::from_micros(5_000_000)));
    assert!(told.addresses().is_empty());
    assert_eq!(told.last(&community(1)), None, "never announced");
}

#[test]
fn a_partition_was_away_from_its_release_to_its_takeover() {
    let mut told = told([announcement(0, "owned", "one", 1), announcement(0, "released", "one", 5)]);
    assert_eq!(told.away_ms(&community(0)), None, "nobody has it yet");
    told.announce(announcement(0, "owned", "two", 7));
    assert_eq!(told.away_ms(&community(0)), Some(2_000));
}

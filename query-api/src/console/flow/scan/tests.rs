//! What a look leaves out when it is bounded, and that it says so.

use std::time::Duration;

use event_log::{EventLog as _, GroupConfig, GroupEvent, MemoryLog, NewRecord, TopicPartition, Window};
use event_schemas::topics::{self, Profile};

use super::{BOUNDS, Bound, Bounds, Error, PLACES, Range, Scan, find, slices};

const PROFILE: Profile = Profile::Small;

/// When the stretch begins, in milliseconds, and how long it is.
const BEGIN: i64 = 1_700_000_000_000;
const LENGTH: i64 = 100_000;

fn range(from_start: bool) -> Range {
    Range { since_ms: BEGIN, until_ms: BEGIN + LENGTH, from_start }
}

/// A log with a record a second, of which the fourth and the last but two are of the flow.
async fn log() -> MemoryLog {
    let log = MemoryLog::new();
    log.create_topics(&topics::manifest(PROFILE), 1).await.expect("topics are new");
    let config = GroupConfig {
        group: "writers".to_owned(),
        topics: vec!["community-commands".to_owned()],
        fetch: false,
        session_timeout: Duration::from_secs(10),
    };
    let (membership, mut events) = log.join(config).await.expect("a group of one");
    let Some(GroupEvent::Assigned(assigned)) = events.recv().await else { panic!("nothing is assigned") };
    let records = (0..LENGTH / 1_000).map(|second| NewRecord {
        to: TopicPartition::new("request-events", 0),
        key: vec![1],
        value: Some(vec![0]),
        headers: vec![(
            "ce_correlationid".into(),
            if matches!(second, 3 | 97) { b"mine".to_vec() } else { b"other".to_vec() },
        )],
        timestamp_ms: BEGIN + second * 1_000,
    });
    let consumed = assigned.into_iter().take(1).collect();
    let window = Window { records: records.collect(), consumed, fence: membership.fence() };
    log.lane("test").await.expect("a lane").append(window).await.expect("it is committed");
    log
}

fn seconds(scan: &Scan) -> Vec<i64> {
    scan.found.iter().map(|it| (it.timestamp_ms - BEGIN) / 1_000).collect()
}

fn whole(scan: &Scan) -> Option<(i64, i64)> {
    scan.whole.map(|(first, last)| (first - BEGIN, last - BEGIN))
}

#[tokio::test]
async fn a_bounded_look_leaves_out_what_is_far_from_the_known_end_and_says_what_it_has_seen() {
    let log = log().await;
    let look = async |from_start, bounds| find(&log, PROFILE, "mine", range(from_start), bounds).await;
    for from_start in [true, false] {
        let all = look(from_start, BOUNDS).await.expect("found");
        let mut found = seconds(&all);
        found.sort_unstable();
        assert_eq!(
            (found.as_slice(), all.stopped, whole(&all)),
            ([3, 97].as_slice(), None, Some((0, LENGTH)))
        );
        assert!(all.looked_at >= 100, "{}", all.looked_at);
    }
    let few = Bounds { records: 15, ..BOUNDS };
    let first = look(true, few).await.expect("found");
    assert_eq!((seconds(&first), first.stopped), (vec![3], Some(Bound::Records)));
    assert_eq!(whole(&first), Some((0, 10_000)));
    let last = look(false, few).await.expect("found");
    assert_eq!((seconds(&last), last.stopped), (vec![97], Some(Bound::Records)));
    assert_eq!(whole(&last), Some((LENGTH - 10_000, LENGTH)));
    let one = look(true, Bounds { kept: 1, ..BOUNDS }).await.expect("found");
    assert_eq!((seconds(&one), one.stopped), (vec![3], Some(Bound::Kept)));

    let _others = PLACES.try_acquire_many(2).expect("nobody looks");
    assert!(matches!(look(true, BOUNDS).await, Err(Error::Busy)));
}

#[test]
fn slices_cover_the_stretch_without_gaps_and_grow() {
    let forward = slices(range(true));
    assert_eq!(forward.iter().map(|it| it.1 - it.0).collect::<Vec<_>>(), [10_000, 20_000, 40_000, 30_000]);
    assert_eq!(forward.first().map(|it| it.0), Some(BEGIN));
    assert_eq!(forward.last().map(|it| it.1), Some(BEGIN + LENGTH));
    assert!(forward.windows(2).all(|it| it[0].1 == it[1].0));
    let backward = slices(range(false));
    assert_eq!(backward.first(), Some(&(BEGIN + LENGTH - 10_000, BEGIN + LENGTH)));
    assert_eq!(backward.last().map(|it| it.0), Some(BEGIN));
    assert!(backward.windows(2).all(|it| it[0].0 == it[1].1));
}

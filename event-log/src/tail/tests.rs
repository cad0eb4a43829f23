//! Following topics on the log in memory.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use event_schemas::topics::{Profile, manifest};
use parking_lot::Mutex;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{Fold, Tail};
use crate::{EventLog, GroupConfig, MemoryLog, NewRecord, Record, TopicPartition, Window};

/// Remembers the keys that it was given.
#[derive(Clone, Default)]
struct Keys(Arc<Mutex<Vec<Vec<u8>>>>);

#[async_trait]
impl Fold for Keys {
    async fn fold(&mut self, records: Vec<Record>) {
        self.0.lock().extend(records.into_iter().map(|it| it.key));
    }
}

fn record(topic: &str, key: &[u8]) -> NewRecord {
    NewRecord {
        to: TopicPartition::new(topic, 0),
        key: key.to_vec(),
        value: None,
        headers: Vec::new(),
        timestamp_ms: 0,
    }
}

#[tokio::test]
async fn the_end_is_reached_once_what_is_being_committed_is_folded() {
    let log = MemoryLog::new();
    log.create_topics(&manifest(Profile::Small), 1).await.expect("topics are created");
    let config = GroupConfig {
        group: "writers".to_owned(),
        topics: vec!["user-commands".to_owned()],
        fetch: false,
        session_timeout: Duration::from_secs(6),
    };
    let (membership, _events) = log.join(config).await.expect("the group is joined");
    let keys = Keys::default();
    let topics = ["user-events", "community-events"].map(|it| TopicPartition::new(it, 0)).to_vec();
    let stop = CancellationToken::new();
    let tail =
        Tail::follow(Arc::new(log.clone()), topics, keys.clone(), stop.clone()).await.expect("it follows");
    tail.reach_end(|_| true).await.expect("the end of nothing is reached");

    let mut held = log.hold_next();
    let mut lane = log.lane("writer").await.expect("a lane opens");
    let records = vec![record("user-events", b"a")];
    let window = Window {
        records,
        consumed: vec![(TopicPartition::new("user-commands", 0), 0)],
        fence: membership.fence(),
    };
    let appending = tokio::spawn(async move { lane.append(window).await });
    held.reached().await;

    tail.reach_end(|topic| topic == "community-events").await.expect("nothing is open there");
    tail.reach_stable_end().await.expect("what is open is not waited for");
    let waiting = timeout(Duration::from_millis(100), tail.reach_end(|_| true));
    waiting.await.expect_err("the open record may be acknowledged any moment");
    held.release();
    appending.await.expect("no panic").expect("appended");
    timeout(Duration::from_secs(5), tail.reach_end(|_| true))
        .await
        .expect("in time")
        .expect("the end is reached");
    assert_eq!(*keys.0.lock(), [b"a"]);
    tail.reach_stable_end().await.expect("it was reached");
    stop.cancel();
}

//! Data keys on the log in memory: drawn once, known to everybody after their commit, gone when destroyed.

use std::sync::Arc;
use std::time::Duration;

use event_schemas::community::{CommunityEvent, JoinRequestCreated};
use event_schemas::request::{RequestEvent, RequestUpdated};
use event_schemas::topics::{Profile, manifest};
use event_schemas::{
    Codec, CommunityId, DataKey, Event, Recorded, Sealable, SealedFields, Timestamp, UserId, open_field,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{DATA_KEYS, KeyRing, MasterKey, OpenError};
use crate::suite::any_event;
use crate::{
    Decoder, Encoder, EventLog, GroupConfig, Lane, Membership, MemoryLog, NewRecord, TopicPartition, Window,
    WriteError,
};

const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

/// A log with its keys and a writer for them.
struct Bench {
    log: Arc<dyn EventLog>,
    encoder: Encoder,
    lane: Box<dyn Lane>,
    membership: Arc<dyn Membership>,
}

impl Bench {
    async fn new() -> Self {
        let log: Arc<dyn EventLog> = Arc::new(MemoryLog::new());
        let topics = manifest(Profile::Small);
        log.create_topics(&topics, 1).await.expect("topics are created");
        let config = GroupConfig {
            group: "writers".to_owned(),
            topics: vec!["community-commands".to_owned()],
            fetch: false,
            session_timeout: Duration::from_secs(6),
        };
        let (membership, _events) = log.join(config).await.expect("the group is joined");
        let lane = log.lane("writer").await.expect("a lane opens");
        Self { encoder: Encoder::new(Codec::local(), &topics), log, lane, membership }
    }

    async fn ring(&self, master: u8) -> KeyRing {
        let (log, stop) = (Arc::clone(&self.log), CancellationToken::new());
        let master = MasterKey::new([master; 32]);
        KeyRing::follow(log, Decoder::local(), self.encoder.clone(), master, 1, stop)
            .await
            .expect("keys are followed")
    }

    async fn append(&mut self, records: Vec<NewRecord>) {
        let consumed = vec![(TopicPartition::new("community-commands", 0), 0)];
        let window = Window { records, consumed, fence: self.membership.fence() };
        self.lane.append(window).await.expect("appended");
    }
}

/// A request to join with a personal message.
fn event(applicant: u128) -> Recorded<Event> {
    let asked = JoinRequestCreated {
        community_id: CommunityId::new(Uuid::from_u128(7)),
        user_id: UserId::new(Uuid::from_u128(applicant)),
        message: Some(Sealable::Clear("let me in".to_owned())),
        invited_by_id: None,
    };
    Recorded { payload: CommunityEvent::from(asked).into(), ..any_event() }
}

fn key_id(event: &mut Recorded<Event>) -> String {
    event.payload.sealed_fields()[0].key.id.clone()
}

#[tokio::test]
async fn what_one_process_seals_another_opens() {
    let mut bench = Bench::new().await;
    let (writer, reader) = (bench.ring(1).await, bench.ring(1).await);
    let mut sealed = event(1);
    let drawn = writer.seal(&mut sealed, NOW).expect("it is sealed");
    assert_ne!(sealed, event(1));
    bench.append(drawn).await;
    reader.open(&mut sealed).await.expect("it is opened");
    assert_eq!(sealed, event(1));
}

#[tokio::test]
async fn a_key_is_drawn_once() {
    let bench = Bench::new().await;
    let writer = bench.ring(1).await;
    assert_eq!(writer.seal(&mut event(1), NOW).expect("it is sealed").len(), 1);
    assert_eq!(writer.seal(&mut event(1), NOW).expect("it is sealed").len(), 0);
    assert_eq!(writer.seal(&mut event(2), NOW).expect("it is sealed").len(), 1, "of somebody else");
}

#[tokio::test]
async fn a_key_of_a_window_that_came_to_nothing_is_drawn_again() {
    let bench = Bench::new().await;
    let writer = bench.ring(1).await;
    let first = writer.seal(&mut event(1), NOW).expect("it is sealed");
    writer.discard([key_id(&mut event(1))]);
    let second = writer.seal(&mut event(1), NOW).expect("it is sealed");
    assert_ne!(first[0].value, second[0].value);
}

#[tokio::test]
async fn a_key_of_a_window_that_was_given_up_but_committed_stays() {
    let mut bench = Bench::new().await;
    let writer = bench.ring(1).await;
    let drawn = writer.seal(&mut event(1), NOW).expect("seals");
    bench.append(drawn).await;
    writer.catch_up().await.expect("catches up");
    writer.discard([key_id(&mut event(1))]);
    assert!(
        writer.seal(&mut event(1), NOW).expect("seals").is_empty(),
        "another key would lose the first one"
    );
}

#[tokio::test]
async fn a_destroyed_key_reads_as_forgotten() {
    let mut bench = Bench::new().await;
    let writer = bench.ring(1).await;
    let mut sealed = event(1);
    let drawn = writer.seal(&mut sealed, NOW).expect("it is sealed");
    bench.append(drawn).await;
    let id = key_id(&mut sealed);
    let destroyed = bench.encoder.state::<()>(DATA_KEYS, &id, None, NOW).expect("a tombstone");
    bench.append(vec![destroyed]).await;

    writer.catch_up().await.expect("the topic is read");
    writer.open(&mut sealed).await.expect("it is opened");
    let Event::Community(CommunityEvent::JoinRequestCreated(asked)) = sealed.payload else {
        panic!("it is one")
    };
    assert_eq!(asked.message, Some(Sealable::Forgotten));
}

#[tokio::test]
async fn keys_do_not_stand_in_the_log_in_clear() {
    let bench = Bench::new().await;
    let mut sealed = event(1);
    let drawn = bench.ring(1).await.seal(&mut sealed, NOW).expect("it is sealed");
    let value = drawn[0].value.as_deref().expect("a key, no tombstone");
    let opens = value.windows(32).any(|bytes| {
        let key = DataKey::new(bytes.try_into().expect("32 bytes"));
        let mut tried = sealed.clone();
        let aggregate = sealed.envelope.aggregate_id.clone();
        tried
            .payload
            .sealed_fields()
            .iter_mut()
            .all(|slot| open_field(slot, "JoinRequestCreated", &aggregate, Some(&key)).is_ok())
    });
    assert!(!opens, "32 bytes of the record are the key");
}

#[tokio::test]
async fn a_key_under_another_master_key_is_a_fault_and_not_forgotten() {
    let mut bench = Bench::new().await;
    let (writer, stranger) = (bench.ring(1).await, bench.ring(2).await);
    let mut sealed = event(1);
    let drawn = writer.seal(&mut sealed, NOW).expect("it is sealed");
    bench.append(drawn).await;
    let refused = stranger.open(&mut sealed).await;
    assert!(matches!(refused, Err(OpenError::Seal(_))), "not taken for forgotten: {refused:?}");
    stranger.seal(&mut event(1), NOW).expect_err("nor is another key drawn over it");
}

#[tokio::test]
async fn a_field_whose_subject_is_unknown_is_not_sealed_under_a_new_key() {
    let bench = Bench::new().await;
    let json = format!(r#"{{"requestId":"{}"}}"#, Uuid::from_u128(9));
    let mut updated: RequestUpdated = serde_json::from_str(&json).expect("an update of nothing");
    updated.title = Some(Sealable::Clear("a title".to_owned()));
    let mut update = Recorded { payload: RequestEvent::from(updated).into(), ..any_event() };
    let refused = bench.ring(1).await.seal(&mut update, NOW);
    assert!(matches!(refused, Err(WriteError::KeyGone(_))), "{refused:?}");
}

//! The contract as tests: every sentence is held against the log in memory and against a real broker.
//!
//! The half on Kafka runs where `KAFKA_BOOTSTRAP_SERVERS` names a broker and says so where it does not.

mod appending;
mod groups;
mod kafka;
mod memory;
mod reading;
mod set_back;
mod topics;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use event_schemas::topics::{Kind, Topic};
use event_schemas::user::{SessionsRevoked, UserEvent};
use event_schemas::{
    Actor, AggregateType, CommandId, CorrelationId, Envelope, Event, EventId, Metadata, Recorded, Timestamp,
    UserId,
};
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::{
    EventLog, GroupConfig, GroupEvent, Lane, LogError, Membership, NewRecord, Position, Reader, Record,
    TopicPartition, Window,
};

/// Longer than anything here may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a silent member keeps its partitions in these tests.
const SESSION: Duration = Duration::from_secs(6);

/// A log under test, with what only a test may do to it.
#[async_trait]
trait Subject: Send + Sync {
    fn log(&self) -> Arc<dyn EventLog>;
    /// Opens a transaction under this id and writes one record in it. It stays open until the id is fenced.
    async fn leave_open(&self, id: &str, record: NewRecord);
    /// Consumes an offset in the name of this group and dies before the transaction under the id is committed. It stays
    /// open until the id is fenced.
    async fn leave_offset_open(&self, group: &str, id: &str, consumed: (TopicPartition, i64));
    /// Takes a member out of its group as the broker does with one that was silent for too long.
    async fn evict(&self, member: &Arc<dyn Membership>);
    /// Removes what a test has created where it would stay behind.
    async fn delete_topics(&self, names: &[String]);
}

#[async_trait]
impl<S: Subject> Subject for Arc<S> {
    fn log(&self) -> Arc<dyn EventLog> {
        self.as_ref().log()
    }

    async fn leave_open(&self, id: &str, record: NewRecord) {
        self.as_ref().leave_open(id, record).await;
    }

    async fn leave_offset_open(&self, group: &str, id: &str, consumed: (TopicPartition, i64)) {
        self.as_ref().leave_offset_open(group, id, consumed).await;
    }

    async fn evict(&self, member: &Arc<dyn Membership>) {
        self.as_ref().evict(member).await;
    }

    async fn delete_topics(&self, names: &[String]) {
        self.as_ref().delete_topics(names).await;
    }
}

/// One test's own topics, group and ids.
struct Bench {
    subject: Box<dyn Subject>,
    log: Arc<dyn EventLog>,
    name: String,
    created: Mutex<Vec<String>>,
}

impl Bench {
    async fn new(subject: impl Subject + 'static) -> Self {
        let log = subject.log();
        let name = format!("suite-{}", uuid::Uuid::now_v7());
        let bench = Self { subject: Box::new(subject), log, name, created: Mutex::default() };
        bench.create(&[bench.topic("events"), bench.topic("commands")]).await;
        bench
    }

    async fn create(&self, topics: &[Topic]) {
        let created = self.log.create_topics(topics, 1).await.expect("topics are created");
        assert_eq!(created.len(), topics.len());
        self.created.lock().extend(created);
    }

    async fn clean(self) {
        let created = self.created.into_inner();
        self.subject.delete_topics(&created).await;
    }

    /// A topic of this test with two partitions.
    fn topic(&self, kind: &str) -> Topic {
        let settings = vec![("cleanup.policy", "delete".to_owned()), ("retention.ms", "-1".to_owned())];
        let name = format!("{}-{kind}", self.name);
        Topic { name, partitions: 2, kind: Kind::Record, retention_ms: None, settings }
    }

    fn events(&self, partition: i32) -> TopicPartition {
        TopicPartition::new(format!("{}-events", self.name), partition)
    }

    fn commands(&self, partition: i32) -> TopicPartition {
        TopicPartition::new(format!("{}-commands", self.name), partition)
    }

    fn id(&self, lane: &str) -> String {
        format!("{}-{lane}", self.name)
    }

    fn group(&self) -> String {
        format!("{}-group", self.name)
    }

    async fn lane(&self, lane: &str) -> Box<dyn Lane> {
        self.log.lane(&self.id(lane)).await.expect("a lane opens")
    }

    async fn join(&self, fetch: bool) -> Member {
        let (group, topics) = (self.group(), vec![self.commands(0).topic.to_string()]);
        let config = GroupConfig { group, topics, fetch, session_timeout: SESSION };
        let (membership, events) = self.log.join(config).await.expect("the group is joined");
        Member { membership, events }
    }

    /// A member that has both partitions of the command topic.
    async fn owner(&self) -> Member {
        let mut member = self.join(false).await;
        assert_eq!(member.assigned().await.len(), 2);
        member
    }

    async fn reader(&self, from: &[(TopicPartition, i64)]) -> Box<dyn Reader> {
        self.log.reader(from.to_vec()).await.expect("a reader starts")
    }

    /// Waits for a marker: a commit is acknowledged when it is decided, and a broker writes the markers afterwards.
    async fn end_reaches(&self, of: &TopicPartition, end: i64) {
        until_it_is(end, async || self.log.high_watermark(of).await).await;
    }

    /// Like [`Bench::end_reaches`] for what readers of committed records see, which a broker moves after the high watermark.
    async fn stable_reaches(&self, of: &TopicPartition, end: i64) {
        until_it_is(end, async || self.log.last_stable_offset(of).await).await;
    }

    /// Everything committed on an event partition, read until its high watermark.
    async fn everything(&self, partition: i32) -> Vec<Record> {
        let of = self.events(partition);
        let end = self.log.high_watermark(&of).await.expect("there is an end");
        let mut reader = self.reader(&[(of.clone(), 0)]).await;
        let mut records = Vec::new();
        let reading = async {
            while reader.position(&of).expect("it is read here") < end {
                records.extend(reader.next(100, PATIENCE).await.expect("the partition is readable"));
            }
        };
        timeout(PATIENCE, reading).await.expect("the end is reached");
        records
    }
}

/// Waits until an end of a partition has reached this offset.
async fn until_it_is(end: i64, ask: impl AsyncFn() -> Result<i64, LogError>) {
    let reaching = async {
        while ask().await.expect("there is an end") < end {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, reaching).await.expect("the marker is written");
}

/// A member of the test's group.
struct Member {
    membership: Arc<dyn Membership>,
    events: mpsc::Receiver<GroupEvent>,
}

impl Member {
    async fn next(&mut self) -> GroupEvent {
        loop {
            let event = timeout(PATIENCE, self.events.recv()).await.expect("an event comes in time");
            match event.expect("the membership lives") {
                GroupEvent::Trouble(trouble) => eprintln!("trouble: {trouble}"),
                GroupEvent::Assigned(none) if none.is_empty() => {}
                event @ (GroupEvent::Assigned(_) | GroupEvent::Revoked { .. } | GroupEvent::Record(_)) => {
                    return event;
                }
            }
        }
    }

    async fn assigned(&mut self) -> Vec<(TopicPartition, i64)> {
        let event = self.next().await;
        let GroupEvent::Assigned(partitions) = event else { panic!("an assignment, not {event:?}") };
        partitions
    }

    async fn revoked(&mut self) -> (Vec<TopicPartition>, bool, oneshot::Sender<()>) {
        let event = self.next().await;
        let GroupEvent::Revoked { partitions, lost, done } = event else {
            panic!("a revocation, not {event:?}")
        };
        (partitions, lost, done)
    }

    /// Leaves; revocations are answered meanwhile.
    async fn leave(mut self) {
        let membership = Arc::clone(&self.membership);
        let leaving = async move { membership.leave().await.expect("the group is left") };
        let answering = async {
            while let Some(event) = self.events.recv().await {
                drop(event);
            }
        };
        timeout(PATIENCE, async { tokio::join!(leaving, answering) }).await.expect("leaving ends");
    }

    fn window(&self, records: Vec<NewRecord>, consumed: (TopicPartition, i64)) -> Window {
        Window { records, consumed: vec![consumed], fence: self.membership.fence() }
    }
}

/// A record with this key and a value derived from it.
fn record(to: TopicPartition, key: &str) -> NewRecord {
    let value = Some(format!("value of {key}").into_bytes());
    NewRecord {
        to,
        key: key.as_bytes().to_vec(),
        value,
        headers: Vec::new(),
        timestamp_ms: 1_700_000_000_000,
    }
}

/// Some event, complete and without sealed fields.
pub(crate) fn any_event() -> Recorded<Event> {
    let user_id = UserId::new(uuid::Uuid::from_u128(1));
    let command_id = CommandId::new(uuid::Uuid::from_u128(2));
    let revoked = SessionsRevoked { user_id, family_ids: vec![], reason: "logout_all".to_owned() };
    Recorded {
        envelope: Envelope {
            event_id: EventId::new(uuid::Uuid::from_u128(3)),
            timestamp: Timestamp::from_micros(1_700_000_000_000_001),
            correlation_id: CorrelationId::from(command_id),
            causation_id: None,
            aggregate_type: AggregateType::User,
            aggregate_id: user_id.to_string(),
            aggregate_version: 2,
            community_id: None,
            actor: Some(Actor::User(user_id)),
            command_id,
            metadata: Metadata::default(),
        },
        payload: UserEvent::from(revoked).into(),
    }
}

/// A record with this value.
pub(crate) fn record_of(value: Vec<u8>) -> Record {
    let position = Position { of: TopicPartition::new("user-events", 0), offset: 0 };
    Record { position, key: vec![], value: Some(value), headers: vec![], timestamp_ms: 0 }
}

fn keys(records: &[Record]) -> Vec<String> {
    records.iter().map(|it| String::from_utf8_lossy(&it.key).into_owned()).collect()
}

/// Runs each test on both logs.
macro_rules! on_both_logs {
    ($($name:ident),+ $(,)?) => {
        mod on_memory {
            use crate::suite::{Bench, memory::Memory};

            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name(&Bench::new(Memory::default()).await).await;
                }
            )+
        }

        mod on_kafka {
            use crate::suite::{Bench, kafka::Kafka};

            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    if let Some(kafka) = Kafka::of_environment() {
                        let bench = Bench::new(kafka).await;
                        super::$name(&bench).await;
                        bench.clean().await;
                    }
                }
            )+
        }
    };
}
use on_both_logs;

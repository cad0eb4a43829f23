//! Windows on a cluster that answers as no healthy one does: librdkafka's own for tests.

use std::time::Duration;

use futures::FutureExt;
use rdkafka::TopicPartitionList;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use tokio::sync::mpsc;

use super::{Failed, LaneThread, Steps};
use crate::kafka::group::{KafkaFence, KafkaMembership};
use crate::kafka::lane::Gate;
use crate::transaction::Transaction;
use crate::{AppendError, GroupConfig, GroupEvent, Membership, NewRecord, TopicPartition, Window};

/// A cluster, and somebody who joins a group there.
struct Bench {
    membership: KafkaMembership,
    events: mpsc::Receiver<GroupEvent>,
    cluster: MockCluster<'static, DefaultProducerContext>,
}

impl Bench {
    fn new(prepare: impl FnOnce(&MockCluster<'static, DefaultProducerContext>)) -> Self {
        let cluster = MockCluster::new(1).expect("librdkafka brings a cluster for tests");
        for topic in ["events", "commands"] {
            cluster.create_topic(topic, 1, 1).expect("created");
        }
        prepare(&cluster);
        let config = GroupConfig {
            group: "writers".to_owned(),
            topics: vec!["commands".to_owned()],
            fetch: false,
            session_timeout: Duration::from_secs(6),
        };
        let (membership, events) =
            KafkaMembership::join(&cluster.bootstrap_servers(), &config).expect("the group is known");
        Self { membership, events, cluster }
    }

    /// One who has its partition.
    fn owner() -> Self {
        let mut bench = Self::new(|_| {});
        while !matches!(bench.events.blocking_recv(), Some(GroupEvent::Assigned(it)) if !it.is_empty()) {}
        bench
    }

    fn lane(&self, gate: &Gate) -> LaneThread {
        let lane = LaneThread::take_over(&self.cluster.bootstrap_servers(), "lane".to_owned(), gate.clone());
        lane.expect("the id is free")
    }

    fn window(&self) -> Window {
        let to = TopicPartition::new("events", 0);
        let record =
            NewRecord { to, key: b"a".to_vec(), value: None, headers: Vec::new(), timestamp_ms: 1_000 };
        let consumed = vec![(TopicPartition::new("commands", 0), 0)];
        Window { records: vec![record], consumed, fence: self.membership.fence() }
    }
}

/// A step that has returned.
fn done<T>(step: impl Future<Output = T>) -> T {
    step.now_or_never().expect("every step blocks")
}

/// The first answer may have been lost, and a successor have taken the id over before the client asked again.
#[test]
fn a_commit_that_is_refused_may_have_counted() {
    let bench = Bench::owner();
    bench.cluster.request_errors(RDKafkaApiKey::EndTxn, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_PRODUCER_FENCED]);
    let outcome = bench.lane(&Gate::default()).append(&bench.window());
    assert!(matches!(outcome, Err(AppendError::Indeterminate(_))), "{outcome:?}");
}

/// Its callers were told that nothing of it was taken, and the same commands may be in another window.
#[test]
fn a_window_that_was_given_up_is_not_committed() {
    let bench = Bench::owner();
    let (gate, window) = (Gate::default(), bench.window());
    let mut lane = bench.lane(&gate);
    let fence = window.fence.as_any().downcast_ref::<KafkaFence>().expect("of this log");
    let mut steps = Steps { lane: &mut lane, fence, offsets: TopicPartitionList::new() };
    assert!(done(steps.begin(&window)).is_ok());
    assert!(done(steps.deliver(&window)).is_ok());
    assert!(done(steps.present_fence(&window)).is_ok());
    assert!(gate.close(), "it is not being committed yet");
    assert!(matches!(done(steps.commit(&window)), Err(Failed::Fenced(_))));
}

/// Whoever was set back to an earlier snapshot of its machine, within its session, and has written meanwhile.
#[test]
fn whoever_has_written_more_than_it_knows_is_fenced() {
    let bench = Bench::owner();
    let unordered = RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
    bench.cluster.request_errors(RDKafkaApiKey::Produce, &[unordered]);
    let outcome = bench.lane(&Gate::default()).append(&bench.window());
    assert!(matches!(outcome, Err(AppendError::Fenced(_))), "{outcome:?}");
}

/// A coordinator takes the offsets of somebody without a generation for those of a consumer that is in no group.
#[test]
fn whoever_is_between_two_generations_is_refused() {
    let bench = Bench::new(|cluster| {
        let loading = RDKafkaRespErr::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS;
        cluster.request_errors(RDKafkaApiKey::JoinGroup, &[loading; 1_000]);
    });
    let outcome = bench.lane(&Gate::default()).append(&bench.window());
    assert!(matches!(outcome, Err(AppendError::Fenced(_))), "{outcome:?}");
}

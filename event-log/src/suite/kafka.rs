//! A broker as a subject of the contract.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kafka_protocol::messages::add_partitions_to_txn_request::AddPartitionsToTxnTopic;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    AddPartitionsToTxnRequest, DescribeTransactionsRequest, EndTxnRequest, LeaveGroupRequest, ProduceRequest,
};
use kafka_protocol::protocol::Request;
use parking_lot::Mutex;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::Subject;
use super::wire::{self, name, text};
use crate::kafka::{KafkaLog, consumer_config, member_of};
use crate::{EventLog, Membership, NewRecord, TopicPartition};

const ANSWER: Duration = Duration::from_secs(10);

type OpenTransaction = ThreadedProducer<rdkafka::producer::DefaultProducerContext>;

pub(super) struct Kafka {
    bootstrap_servers: String,
    log: Arc<KafkaLog>,
    open: Mutex<Vec<OpenTransaction>>,
}

impl Kafka {
    /// The broker that the environment names.
    pub(super) fn of_environment() -> Option<Self> {
        let Ok(bootstrap_servers) = std::env::var("KAFKA_BOOTSTRAP_SERVERS") else {
            eprintln!(
                "SKIPPED on Kafka: KAFKA_BOOTSTRAP_SERVERS names no broker (./dev servers; eval \"$(./dev env)\")"
            );
            return None;
        };
        let log = KafkaLog::connect(&bootstrap_servers).expect("the addresses are valid");
        Some(Self { bootstrap_servers, log: Arc::new(log), open: Mutex::default() })
    }
}

#[async_trait]
impl Subject for Kafka {
    fn log(&self) -> Arc<dyn EventLog> {
        Arc::clone(&self.log) as Arc<dyn EventLog>
    }

    async fn leave_open(&self, id: &str, record: NewRecord) {
        let (bootstrap_servers, id) = (self.bootstrap_servers.clone(), id.to_owned());
        let producer = tokio::task::spawn_blocking(move || {
            let producer = transaction(&bootstrap_servers, &id);
            let mut sent = BaseRecord::to(&record.to.topic).partition(record.to.partition).key(&record.key);
            sent.payload = record.value.as_ref();
            producer.send(sent).map_err(|(error, _)| error).expect("the record is produced");
            producer.flush(ANSWER).expect("the record is delivered");
            producer
        });
        let producer = producer.await.expect("the producer does not panic");
        self.open.lock().push(producer);
    }

    async fn leave_offset_open(&self, group: &str, id: &str, consumed: (TopicPartition, i64)) {
        let topic = consumed.0.topic.clone();
        let config = consumer_config(&self.bootstrap_servers, group);
        let bootstrap_servers = self.bootstrap_servers.clone();
        let id = id.to_owned();
        let producer = tokio::task::spawn_blocking(move || {
            let consumer: BaseConsumer = config.create().expect("a consumer is created");
            consumer.subscribe(&[&topic]).expect("the group is joined");
            while consumer.assignment().expect("there is one").count() == 0 {
                assert!(consumer.poll(Duration::from_millis(10)).is_none_or(|it| it.is_err()), "no records");
            }
            let producer = transaction(&bootstrap_servers, &id);
            let mut offsets = TopicPartitionList::new();
            offsets
                .add_partition_offset(&topic, consumed.0.partition, Offset::Offset(consumed.1))
                .expect("an offset");
            let generation = consumer.group_metadata().expect("it is a member");
            producer.send_offsets_to_transaction(&offsets, &generation, ANSWER).expect("the fence is passed");
            producer
        });
        let producer = producer.await.expect("the producer does not panic");
        self.open.lock().push(producer);
    }

    /// By a `LeaveGroup` request in the member's name, which is what an expired session amounts to: the member itself
    /// hears of it with its next heartbeat.
    async fn evict(&self, member: &Arc<dyn Membership>) {
        let (group, member) = member_of(member.as_ref()).expect("a member of a group on Kafka");
        let request = LeaveGroupRequest::default().with_group_id(name(&group)).with_member_id(text(&member));
        assert_eq!(self.call(&request, 0).await.error_code, 0);
    }

    async fn delete_topics(&self, names: &[String]) {
        let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
            .set("bootstrap.servers", &self.bootstrap_servers)
            .create()
            .expect("an admin client is created");
        let names = names.iter().map(String::as_str).collect::<Vec<_>>();
        let deleted = admin.delete_topics(&names, &AdminOptions::new()).await.expect("topics are deleted");
        assert!(deleted.iter().all(Result::is_ok), "{deleted:?}");
    }
}

impl Kafka {
    /// Appends and commits records as the holder of this id does that has appended so many to their partition, and the holder
    /// hears nothing of it.
    pub(super) async fn append_as_holder(&self, id: &str, appended: i32, records: &[NewRecord]) {
        let question = DescribeTransactionsRequest::default().with_transactional_ids(vec![name(id)]);
        let described = self.call(&question, 0).await.transaction_states.remove(0);
        let holder = (described.producer_id, described.producer_epoch);
        let to = &records[0].to;

        let topic =
            AddPartitionsToTxnTopic::default().with_name(name(&to.topic)).with_partitions(vec![to.partition]);
        let begin = AddPartitionsToTxnRequest::default()
            .with_v3_and_below_transactional_id(name(id))
            .with_v3_and_below_producer_id(holder.0)
            .with_v3_and_below_producer_epoch(holder.1)
            .with_v3_and_below_topics(vec![topic]);
        let begun = self.call(&begin, 3).await;
        let code = begun.results_by_topic_v3_and_below[0].results_by_partition[0].partition_error_code;
        assert_eq!(code, 0, "a transaction begins");

        let batch = wire::batch(holder, appended, records);
        let partition = PartitionProduceData::default().with_index(to.partition).with_records(Some(batch));
        let topic =
            TopicProduceData::default().with_name(name(&to.topic)).with_partition_data(vec![partition]);
        let produce = ProduceRequest::default()
            .with_transactional_id(Some(name(id)))
            .with_acks(-1)
            .with_timeout_ms(10_000)
            .with_topic_data(vec![topic]);
        let produced = self.call(&produce, 9).await;
        assert_eq!(produced.responses[0].partition_responses[0].error_code, 0, "the records are appended");

        let end = EndTxnRequest::default()
            .with_transactional_id(name(id))
            .with_producer_id(holder.0)
            .with_producer_epoch(holder.1)
            .with_committed(true);
        assert_eq!(self.call(&end, 3).await.error_code, 0, "they are committed");
    }

    async fn call<R: Request>(&self, request: &R, version: i16) -> R::Response {
        wire::call(&self.broker().await, request, version).await
    }

    /// The only broker coordinates every group and transaction, and leads every partition.
    async fn broker(&self) -> String {
        let bootstrap_servers = self.bootstrap_servers.clone();
        let brokers = tokio::task::spawn_blocking(move || {
            let consumer: BaseConsumer = ClientConfig::new()
                .set("bootstrap.servers", bootstrap_servers)
                .create()
                .expect("a consumer is created");
            let metadata = consumer.fetch_metadata(None, ANSWER).expect("the cluster describes itself");
            metadata.brokers().iter().map(|it| format!("{}:{}", it.host(), it.port())).collect::<Vec<_>>()
        });
        let brokers = brokers.await.expect("the question does not panic");
        assert_eq!(brokers.len(), 1, "the suite needs a cluster of one broker");
        brokers.into_iter().next().expect("one")
    }
}

/// A producer with an open transaction.
fn transaction(bootstrap_servers: &str, id: &str) -> OpenTransaction {
    let producer: OpenTransaction = ClientConfig::new()
        .set("bootstrap.servers", bootstrap_servers)
        .set("transactional.id", id)
        .create()
        .expect("a producer is created");
    producer.init_transactions(ANSWER).expect("the id is taken over");
    producer.begin_transaction().expect("a transaction begins");
    producer
}

//! A broker as a subject of the contract.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Subject;
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
        let address = self.coordinator().await;
        let mut broker = TcpStream::connect(address).await.expect("the broker is reached");
        let mut request = Vec::new();
        for number in [13_i16, 0] {
            request.extend(number.to_be_bytes());
        }
        request.extend(1_i32.to_be_bytes());
        for text in ["suite", &group, &member] {
            request.extend(i16::try_from(text.len()).expect("short").to_be_bytes());
            request.extend(text.as_bytes());
        }
        broker.write_i32(i32::try_from(request.len()).expect("short")).await.expect("the request is sent");
        broker.write_all(&request).await.expect("the request is sent");
        assert_eq!(broker.read_i32().await.expect("an answer comes"), 6, "length of the answer");
        assert_eq!(broker.read_i32().await.expect("an answer comes"), 1, "the request that is answered");
        assert_eq!(broker.read_i16().await.expect("an answer comes"), 0, "error code");
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
    /// The only broker coordinates every group.
    async fn coordinator(&self) -> String {
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
        assert_eq!(brokers.len(), 1, "the suite needs a cluster of one broker to find the coordinator");
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

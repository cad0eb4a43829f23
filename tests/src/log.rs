//! Topics as a stranger reads them: Kafka's bytes, the registry's schemas, no code of ours in between.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value as Avro;
use event_log::{EventLog, KafkaLog, Record, TopicPartition};
use event_schemas::topics::{Profile, Topic, manifest};
use serde_json::{Value, json};

use crate::environment::Environment;

/// How many records are fetched at once, and how long one fetch may take.
const BATCH: usize = 10_000;
const WAIT: Duration = Duration::from_secs(5);

/// A reader of every topic.
#[derive(Debug)]
pub struct Log {
    kafka: KafkaLog,
    registry: String,
    schemas: Mutex<HashMap<u32, Schema>>,
    topics: Vec<Topic>,
}

impl Log {
    /// The log of this environment.
    ///
    /// # Panics
    /// When its addresses are unusable.
    #[must_use]
    pub fn new(environment: &Environment) -> Self {
        let profile = Profile::named(environment.get("TOPIC_PROFILE")).expect("a profile");
        Self {
            kafka: KafkaLog::connect(environment.get("KAFKA_BOOTSTRAP_SERVERS")).expect("a client"),
            registry: environment.get("SCHEMA_REGISTRY_URL").to_owned(),
            schemas: Mutex::default(),
            topics: manifest(profile),
        }
    }

    /// Every topic that must exist.
    #[must_use]
    pub fn topics(&self) -> &[Topic] {
        &self.topics
    }

    /// The partitions of a topic.
    ///
    /// # Panics
    /// When the topic is none of ours.
    #[must_use]
    pub fn partitions(&self, topic: &str) -> Vec<TopicPartition> {
        let found = self.topics.iter().find(|it| it.name == topic).expect("a topic of the manifest");
        (0..found.partitions).map(|it| TopicPartition::new(topic, it)).collect()
    }

    /// The end of every partition of a topic: behind all that was acknowledged, although its marker may still come.
    ///
    /// # Panics
    /// When the broker does not answer.
    pub async fn ends(&self, topic: &str) -> Vec<(TopicPartition, i64)> {
        let mut ends = Vec::new();
        for of in self.partitions(topic) {
            let end = self.kafka.high_watermark(&of).await.expect("the broker answers");
            ends.push((of, end));
        }
        ends
    }

    /// Every committed record of a topic, partition by partition.
    pub async fn records(&self, topic: &str) -> Vec<Record> {
        let starts = self.partitions(topic).into_iter().map(|of| (of, 0)).collect();
        self.records_from(starts).await
    }

    /// Every committed record from these offsets up to the present ends, once it is settled what is committed.
    ///
    /// # Panics
    /// When the broker does not answer.
    pub async fn records_from(&self, starts: Vec<(TopicPartition, i64)>) -> Vec<Record> {
        let mut records = Vec::new();
        for (of, start) in starts {
            let end = self.kafka.high_watermark(&of).await.expect("the broker answers");
            if start >= end {
                continue;
            }
            let mut reader = self.kafka.reader(vec![(of.clone(), start)]).await.expect("a reader");
            while reader.position(&of).unwrap_or(start) < end {
                let batch = reader.next(BATCH, WAIT).await.expect("records");
                records.extend(batch.into_iter().filter(|it| it.position.offset < end));
            }
        }
        records
    }

    /// Every event of an aggregate on a topic, as JSON, in order.
    pub async fn events_of(&self, topic: &str, aggregate_id: &str) -> Vec<Value> {
        let mut events = Vec::new();
        for record in self.records(topic).await {
            if record.key == aggregate_id.as_bytes() {
                events.push(self.json(&record).await);
            }
        }
        events
    }

    /// The value of a record as JSON, read with the schema that the registry has for it.
    ///
    /// # Panics
    /// When it is not in Confluent wire format or not of its schema.
    pub async fn json(&self, record: &Record) -> Value {
        let value = record.value.as_deref().expect("no tombstone");
        let (&[0, a, b, c, d], mut binary) = value.split_first_chunk().expect("a header") else {
            panic!("{} is not in Confluent wire format", record.position);
        };
        let schema = self.schema(u32::from_be_bytes([a, b, c, d])).await;
        let reader = GenericDatumReader::builder(&schema).build().expect("a reader");
        let value = reader.read_value(&mut binary).expect("of its schema");
        assert!(binary.is_empty(), "{}: bytes follow the record", record.position);
        rendered(&value)
    }

    async fn schema(&self, id: u32) -> Schema {
        if let Some(known) = self.schemas.lock().expect("no panic while locked").get(&id) {
            return known.clone();
        }
        let url = format!("{}/schemas/ids/{id}", self.registry);
        let body = reqwest::get(url).await.expect("the registry answers").text().await.expect("a body");
        let body: Value = serde_json::from_str(&body).expect("JSON");
        let schema = Schema::parse_str(body["schema"].as_str().expect("a schema")).expect("a schema");
        self.schemas.lock().expect("no panic while locked").insert(id, schema.clone());
        schema
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the contract uses a few of Avro's many types")]
fn rendered(value: &Avro) -> Value {
    match value {
        Avro::Null => Value::Null,
        Avro::Boolean(it) => json!(it),
        Avro::Int(it) => json!(it),
        Avro::Long(it) | Avro::TimestampMicros(it) => json!(it),
        Avro::Double(it) => json!(it),
        Avro::String(it) => json!(it),
        Avro::Uuid(it) => json!(it.to_string()),
        Avro::Bytes(it) => json!(it),
        Avro::Union(_, it) => rendered(it),
        Avro::Array(items) => items.iter().map(rendered).collect(),
        Avro::Map(items) => items.iter().map(|(key, it)| (key.clone(), rendered(it))).collect(),
        Avro::Record(fields) => fields.iter().map(|(name, it)| (name.clone(), rendered(it))).collect(),
        other => panic!("{other:?} is no value of the contract"),
    }
}

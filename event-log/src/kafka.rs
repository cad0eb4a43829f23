//! The log on Apache Kafka, by librdkafka.
//!
//! librdkafka's calls block, so each lane and each membership has a thread of its own, readers take only what is already
//! fetched, and the rare questions (watermarks, metadata) run where blocking is allowed. Nothing here ever blocks a
//! worker of the asynchronous runtime.

mod admin;
mod client;
mod deliveries;
mod end;
mod group;
mod lane;
mod native;
mod producers;
mod prompter;
mod reader;
mod rebalance;
mod times;
mod waiting;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use event_schemas::topics::Topic;
use tokio::sync::mpsc;

use self::client::{Context, PlainConsumer};
use self::group::KafkaMembership;
use self::lane::KafkaLane;
use self::reader::KafkaReader;
#[cfg(test)]
pub(crate) use self::{client::consumer_config, group::member_of};
use crate::{
    EventLog, GroupConfig, GroupEvent, Lane, LogError, Membership, OpenTransaction, Reader, TopicPartition,
};

/// How long a broker may take to answer a question.
const ANSWER: Duration = Duration::from_secs(10);

/// The log on a Kafka cluster.
pub struct KafkaLog {
    bootstrap_servers: String,
    /// Asks for high watermarks and metadata.
    uncommitted: Arc<PlainConsumer>,
    /// Asks for last stable offsets: the isolation level decides which end a broker answers.
    committed: Arc<PlainConsumer>,
}

impl KafkaLog {
    /// A log on the cluster of these brokers (`host:port`, separated by commas). Connects when it is first used.
    ///
    /// # Errors
    /// [`LogError::Refused`] for addresses that are none.
    pub fn connect(bootstrap_servers: &str) -> Result<Self, LogError> {
        let asking = |isolation: &str| {
            client::config(bootstrap_servers)
                .set("isolation.level", isolation)
                .create_with_context(Context::default())
                .map(Arc::new)
                .map_err(|error| client::log_error("cannot create a client", &error))
        };
        Ok(Self {
            bootstrap_servers: bootstrap_servers.to_owned(),
            uncommitted: asking("read_uncommitted")?,
            committed: asking("read_committed")?,
        })
    }
}

#[async_trait]
impl EventLog for KafkaLog {
    async fn lane(&self, transactional_id: &str) -> Result<Box<dyn Lane>, LogError> {
        Ok(Box::new(KafkaLane::open(&self.bootstrap_servers, transactional_id).await?))
    }

    async fn fence(&self, transactional_id: &str) -> Result<(), LogError> {
        KafkaLane::fence(&self.bootstrap_servers, transactional_id).await
    }

    async fn join(
        &self,
        config: GroupConfig,
    ) -> Result<(Arc<dyn Membership>, mpsc::Receiver<GroupEvent>), LogError> {
        let bootstrap_servers = self.bootstrap_servers.clone();
        let (membership, events) =
            blocking(move || KafkaMembership::join(&bootstrap_servers, &config)).await?;
        Ok((Arc::new(membership), events))
    }

    async fn reader(&self, from: Vec<(TopicPartition, i64)>) -> Result<Box<dyn Reader>, LogError> {
        let bootstrap_servers = self.bootstrap_servers.clone();
        let reader = blocking(move || KafkaReader::start(&bootstrap_servers, from)).await?;
        Ok(Box::new(reader))
    }

    async fn high_watermark(&self, of: &TopicPartition) -> Result<i64, LogError> {
        end::of(&self.uncommitted, of).await
    }

    async fn last_stable_offset(&self, of: &TopicPartition) -> Result<i64, LogError> {
        end::of(&self.committed, of).await
    }

    async fn open_transactions(&self, of: &TopicPartition) -> Result<Vec<OpenTransaction>, LogError> {
        producers::open(&self.uncommitted, of).await
    }

    async fn offsets_since(&self, of: &[TopicPartition], time_ms: i64) -> Result<Vec<Option<i64>>, LogError> {
        times::since(&self.uncommitted, of, time_ms).await
    }

    async fn create_topics(&self, topics: &[Topic], replication: i32) -> Result<Vec<String>, LogError> {
        admin::create_topics(self, topics, replication).await
    }

    async fn delete_group(&self, group: &str) -> Result<bool, LogError> {
        admin::delete_group(self, group).await
    }

    async fn drift(&self, topics: &[Topic]) -> Result<Vec<String>, LogError> {
        admin::drift(self, topics).await
    }
}

impl fmt::Debug for KafkaLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaLog").field("bootstrap_servers", &self.bootstrap_servers).finish_non_exhaustive()
    }
}

/// Runs a call that blocks where that is allowed.
async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> Result<T, LogError> + Send + 'static,
) -> Result<T, LogError> {
    let ended = |error| LogError::Unavailable(format!("a call to Kafka did not end: {error}"));
    tokio::task::spawn_blocking(call).await.map_err(ended)?
}

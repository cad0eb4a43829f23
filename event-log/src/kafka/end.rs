//! Where a partition ends.

use std::sync::Arc;

use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;

use super::client::{self, PlainConsumer};
use super::{ANSWER, blocking};
use crate::{LogError, TopicPartition};

/// The end of the partition at the asker's isolation level.
pub(super) async fn of(asker: &Arc<PlainConsumer>, of: &TopicPartition) -> Result<i64, LogError> {
    let (asker, of) = (Arc::clone(asker), of.clone());
    blocking(move || {
        let ask = || asker.fetch_watermarks(&of.topic, of.partition, ANSWER).map(|(_, end)| end);
        let refused = |error| client::log_error(&format!("cannot find the end of {of}"), &error);
        match ask() {
            // Also said of a partition that had no leader when its topic was last looked up. The client keeps that for
            // minutes and does not ask again by itself.
            Err(error) if is_unknown(&error) => {
                if !exists(&asker, &of).map_err(refused)? {
                    return Err(refused(error));
                }
                let leaderless = || LogError::Unavailable(format!("{of} has no leader"));
                ask().map_err(|error| if is_unknown(&error) { leaderless() } else { refused(error) })
            }
            told => told.map_err(refused),
        }
    })
    .await
}

fn is_unknown(error: &KafkaError) -> bool {
    error.rdkafka_error_code() == Some(RDKafkaErrorCode::UnknownPartition)
}

/// Looks the topic up on a broker, which renews what the client knows.
fn exists(asker: &PlainConsumer, of: &TopicPartition) -> Result<bool, KafkaError> {
    let metadata = asker.fetch_metadata(Some(&of.topic), ANSWER)?;
    Ok(metadata.topics().iter().flat_map(|it| it.partitions()).any(|it| it.id() == of.partition))
}

#[cfg(test)]
mod tests {
    use rdkafka::mocking::MockCluster;

    use crate::kafka::KafkaLog;
    use crate::{EventLog, LogError, TopicPartition};

    #[tokio::test]
    async fn a_moment_without_a_leader_is_forgotten_when_there_is_one() {
        let cluster = MockCluster::new(1).expect("librdkafka brings a cluster for tests");
        cluster.create_topic("events", 1, 1).expect("created");
        let log = KafkaLog::connect(&cluster.bootstrap_servers()).expect("the address is valid");
        let of = TopicPartition::new("events", 0);
        cluster.partition_leader("events", 0, None).expect("set");
        let leaderless = log.high_watermark(&of).await;
        assert_eq!(leaderless, Err(LogError::Unavailable("events/0 has no leader".to_owned())));
        cluster.partition_leader("events", 0, Some(1)).expect("set");
        assert_eq!(log.high_watermark(&of).await, Ok(0));
    }

    #[tokio::test]
    async fn a_partition_that_does_not_exist_is_refused() {
        let cluster = MockCluster::new(1).expect("librdkafka brings a cluster for tests");
        cluster.create_topic("events", 1, 1).expect("created");
        let log = KafkaLog::connect(&cluster.bootstrap_servers()).expect("the address is valid");
        let told = log.last_stable_offset(&TopicPartition::new("events", 7)).await;
        assert!(matches!(told, Err(LogError::Refused(_))), "{told:?}");
    }
}

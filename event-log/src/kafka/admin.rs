//! Topics on the broker: creating them, and telling what differs from the manifest.

use std::collections::HashMap;
use std::time::Duration;

use event_schemas::topics::Topic;
use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::types::RDKafkaRespErr;

use super::{ANSWER, KafkaLog, blocking, client};
use crate::LogError;
use crate::drift::Found;

/// How long new topics may take until every partition has a leader.
const LEADERS: Duration = Duration::from_secs(20);
/// How often that is looked at.
const LEADERS_CHECK: Duration = Duration::from_millis(50);
/// The transactional id with which a broker is asked whether it has transactions.
const PROBE: &str = "karmyq-probe";

type Admin = AdminClient<DefaultClientContext>;

/// Creates those that do not exist; see [`crate::EventLog::create_topics`].
pub(super) async fn create_topics(
    log: &KafkaLog,
    topics: &[Topic],
    replication: i32,
) -> Result<Vec<String>, LogError> {
    let existing = partition_counts(log).await?;
    let missing = topics.iter().filter(|it| !existing.contains_key(&it.name)).collect::<Vec<_>>();
    let new = missing.iter().map(|it| new_topic(it, replication)).collect::<Vec<_>>();
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let attempt = "cannot create topics";
    let results = admin(log)?
        .create_topics(&new, &options())
        .await
        .map_err(|error| client::log_error(attempt, &error))?;
    let mut created = Vec::new();
    for result in results {
        match result {
            Ok(name) => created.push(name),
            // Another instance was faster.
            Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((name, code)) => return Err(LogError::Refused(format!("{attempt}: {name}: {code}"))),
        }
    }
    await_leaders(log, &missing).await?;
    Ok(created)
}

/// See [`crate::EventLog::delete_group`].
pub(super) async fn delete_group(log: &KafkaLog, group: &str) -> Result<bool, LogError> {
    let attempt = "cannot delete the consumer group";
    let results = admin(log)?
        .delete_groups(&[group], &options())
        .await
        .map_err(|error| client::log_error(attempt, &error))?;
    for result in results {
        match result {
            Ok(_) => {}
            Err((_, RDKafkaErrorCode::GroupIdNotFound)) => return Ok(false),
            Err((name, code)) => return Err(LogError::Refused(format!("{attempt} {name}: {code}"))),
        }
    }
    Ok(true)
}

/// What differs from the manifest; see [`crate::EventLog::drift`].
pub(super) async fn drift(log: &KafkaLog, topics: &[Topic]) -> Result<Vec<String>, LogError> {
    let counts = partition_counts(log).await?;
    let present = topics.iter().filter(|it| counts.contains_key(&it.name)).collect::<Vec<_>>();
    let settings = describe(log, &present).await?;
    let found = present.iter().zip(settings).map(|(topic, settings)| {
        let partitions = counts.get(&topic.name).copied().unwrap_or_default();
        (topic.name.clone(), Found { partitions, settings })
    });
    let mut sentences = crate::drift::sentences(topics, &found.collect());
    // What is wrong already does not become less so by a coordinator that is away.
    if sentences.is_empty() {
        sentences.extend(transaction_drift(log).await?);
    }
    Ok(sentences)
}

/// A broker that does not open transactions. Asked by opening one: brokers tell it in no other way.
///
/// # Errors
/// [`LogError::Unavailable`] when it does not do it now: the coordinator may be coming back.
async fn transaction_drift(log: &KafkaLog) -> Result<Option<String>, LogError> {
    let why = |error: &str| {
        format!(
            "the broker opens no transaction ({error}), so no command can be answered; it must be Apache Kafka 2.5 or \
             later with transaction.state.log.replication.factor not above its number of brokers, and the service must \
             be allowed to use transactional ids"
        )
    };
    match super::lane::KafkaLane::fence(&log.bootstrap_servers, PROBE).await {
        Ok(()) => Ok(None),
        Err(LogError::Refused(reason)) => Ok(Some(why(&reason))),
        Err(LogError::Unavailable(reason)) => Err(LogError::Unavailable(why(&reason))),
    }
}

/// Partition counts of all topics on the broker.
async fn partition_counts(log: &KafkaLog) -> Result<HashMap<String, usize>, LogError> {
    let consumer = std::sync::Arc::clone(&log.uncommitted);
    blocking(move || {
        let metadata = rdkafka::consumer::Consumer::fetch_metadata(consumer.as_ref(), None, ANSWER)
            .map_err(|error| client::log_error("cannot list topics", &error))?;
        let known = metadata.topics().iter().filter(|it| it.error().is_none());
        Ok(known.map(|it| (it.name().to_owned(), it.partitions().len())).collect())
    })
    .await
}

/// Waits until every partition of the topics can be written to.
async fn await_leaders(log: &KafkaLog, topics: &[&Topic]) -> Result<(), LogError> {
    let deadline = tokio::time::Instant::now() + LEADERS;
    for topic in topics {
        while !has_leaders(log, topic).await? {
            if tokio::time::Instant::now() > deadline {
                return Err(LogError::Unavailable(format!(
                    "topic {} has partitions without leader",
                    topic.name
                )));
            }
            tokio::time::sleep(LEADERS_CHECK).await;
        }
    }
    Ok(())
}

async fn has_leaders(log: &KafkaLog, topic: &Topic) -> Result<bool, LogError> {
    let consumer = std::sync::Arc::clone(&log.uncommitted);
    let (name, wanted) = (topic.name.clone(), usize::try_from(topic.partitions).unwrap_or_default());
    blocking(move || {
        let metadata = rdkafka::consumer::Consumer::fetch_metadata(consumer.as_ref(), Some(&name), ANSWER)
            .map_err(|error| client::log_error("cannot look at a new topic", &error))?;
        let led = |it: &rdkafka::metadata::MetadataPartition| it.leader() >= 0 && it.error().is_none();
        let none = |error: Option<RDKafkaRespErr>| error.is_none();
        Ok(metadata
            .topics()
            .iter()
            .all(|it| none(it.error()) && it.partitions().len() == wanted && it.partitions().iter().all(led)))
    })
    .await
}

/// Settings of the topics, in their order.
async fn describe(log: &KafkaLog, topics: &[&Topic]) -> Result<Vec<HashMap<String, String>>, LogError> {
    let resources = topics.iter().map(|it| ResourceSpecifier::Topic(&it.name)).collect::<Vec<_>>();
    let attempt = "cannot read topic settings";
    if resources.is_empty() {
        return Ok(Vec::new());
    }
    let results = admin(log)?
        .describe_configs(&resources, &options())
        .await
        .map_err(|error| client::log_error(attempt, &error))?;
    let settings = |it: ConfigResource| {
        it.entries.into_iter().map(|it| (it.name, it.value.unwrap_or_default())).collect()
    };
    results
        .into_iter()
        .map(|it| it.map(settings).map_err(|code| LogError::Unavailable(format!("{attempt}: {code}"))))
        .collect()
}

fn new_topic(topic: &Topic, replication: i32) -> NewTopic<'_> {
    let new = NewTopic::new(&topic.name, topic.partitions, TopicReplication::Fixed(replication));
    topic.settings.iter().fold(new, |new, (name, value)| new.set(name, value))
}

fn admin(log: &KafkaLog) -> Result<Admin, LogError> {
    client::config(&log.bootstrap_servers)
        .create()
        .map_err(|error| client::log_error("cannot create an admin client", &error))
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(ANSWER)).operation_timeout(Some(ANSWER))
}

//! What on a broker differs from the manifest (invariant W4), in sentences with the reason and the fix.

use std::collections::HashMap;

use event_schemas::topics::{Kind, Topic};

/// A topic as it was found.
#[derive(Debug)]
pub(crate) struct Found {
    /// Number of partitions.
    pub(crate) partitions: usize,
    /// Its settings.
    pub(crate) settings: HashMap<String, String>,
}

/// Everything that differs, topic by topic; `found` is by name.
pub(crate) fn sentences(topics: &[Topic], found: &HashMap<String, Found>) -> Vec<String> {
    let differences = |topic: &Topic| match found.get(&topic.name) {
        None => vec![missing(topic)],
        Some(found) => {
            let mut all = setting_drift(topic, &found.settings);
            all.extend(partition_drift(topic, found.partitions));
            all
        }
    };
    topics.iter().flat_map(differences).collect()
}

fn missing(topic: &Topic) -> String {
    format!("topic {} does not exist, so its records have no place; run `karmyq topics create`", topic.name)
}

/// A topic with another number of partitions than the manifest's.
fn partition_drift(topic: &Topic, found: usize) -> Option<String> {
    let wanted = usize::try_from(topic.partitions).unwrap_or_default();
    (found != wanted).then(|| {
        format!(
            "topic {name} has {found} partitions where the manifest has {wanted}, so keys would lie in other \
             partitions than before; start with the TOPIC_PROFILE that the topic was created with, or restore the \
             topic: a count never changes in place",
            name = topic.name
        )
    })
}

/// Settings of a topic that the manifest does not allow.
fn setting_drift(topic: &Topic, found: &HashMap<String, String>) -> Vec<String> {
    let differs = |(name, wanted): &(&'static str, String)| {
        let reason = reason(topic.kind, name)?;
        let found = found.get(*name).map_or("unset", String::as_str);
        (found != wanted).then(|| {
            format!(
                "topic {topic} has {name}={found} where the manifest has {wanted}, so {reason}; run \
                 `kafka-configs.sh --bootstrap-server … --alter --entity-type topics --entity-name {topic} \
                 --add-config {name}={wanted}`",
                topic = topic.name
            )
        })
    };
    topic.settings.iter().filter_map(differs).collect()
}

/// What goes wrong when a setting differs; none for a setting that an operator may tune.
fn reason(kind: Kind, setting: &str) -> Option<&'static str> {
    match (kind, setting) {
        (Kind::Record, "cleanup.policy" | "retention.ms" | "retention.bytes") => {
            Some("the broker would delete events, which are the only truth")
        }
        (Kind::Queue, "cleanup.policy" | "retention.ms" | "retention.bytes") => {
            Some("the broker would delete commands that nobody has consumed yet")
        }
        (Kind::State, "cleanup.policy") => {
            Some("the last value of a key would be lost or old ones never leave")
        }
        (Kind::State, "max.compaction.lag.ms" | "segment.ms") => {
            Some("a destroyed key would stay on the disks for longer than promised")
        }
        (Kind::Feed, "cleanup.policy" | "retention.ms") => {
            Some("records would leave earlier or later than promised")
        }
        (Kind::Record | Kind::State, "message.timestamp.type") => Some(
            "a writer could not tell its records from what the broker had already, and would append none",
        ),
        (Kind::Record | Kind::Queue | Kind::State | Kind::Feed, _) => None,
    }
}

//! The manifest of topics: the only source of their names, partition counts and broker settings.

use crate::Domain;
use crate::state::PartitionOwner;

/// How large the cluster is; chosen once, because partition counts are part of the ordering contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// At most 4 cores and 8 GiB, one broker.
    Small,
    /// Three brokers on small machines: as few partitions as `Small`, as many copies as `Standard`.
    Replicated,
    /// Three brokers or more.
    Standard,
}

impl Profile {
    /// The names, as a sentence lists them.
    pub const NAMES: &str = "small, replicated or standard";

    /// The profile with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "small" => Some(Self::Small),
            "replicated" => Some(Self::Replicated),
            "standard" => Some(Self::Standard),
            _ => None,
        }
    }

    /// The name in configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Replicated => "replicated",
            Self::Standard => "standard",
        }
    }

    /// Copies of every partition.
    #[must_use]
    pub const fn replication(self) -> i32 {
        match self {
            Self::Small => 1,
            Self::Replicated | Self::Standard => 3,
        }
    }

    /// Copies that must confirm a write.
    #[must_use]
    pub const fn min_in_sync_replicas(self) -> i32 {
        match self {
            Self::Small => 1,
            Self::Replicated | Self::Standard => 2,
        }
    }
}

/// What a topic is for, which decides what may leave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Store of record of event-sourced aggregates: nothing leaves by the broker.
    Record,
    /// Of passing interest: leaves by time.
    Feed,
    /// Consumed completely by one group: nothing leaves by the broker.
    Queue,
    /// The last value per key.
    State,
}

/// A topic as it must be on the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// Number of partitions.
    pub partitions: i32,
    /// What it is for.
    pub kind: Kind,
    /// Hot retention in milliseconds: broker retention of a feed, shown only for the others.
    pub retention_ms: Option<i64>,
    /// Settings on the broker, name and value.
    pub settings: Vec<(&'static str, String)>,
}

/// How every command went, where that is switched on.
const LIFECYCLE: &str = "lifecycle-events";
/// The topic of wrapped data keys.
pub const DATA_KEYS: &str = "data-keys";

const DAY: i64 = 86_400_000;
const YEAR: i64 = 365 * DAY;

/// Event topics and their figures: name of the domain, partitions, hot retention.
const EVENT_TOPICS: [(&str, i32, i64); 18] = [
    ("user", 12, 30 * DAY),
    ("catalog", 8, 90 * DAY),
    ("inventory", 16, 7 * DAY),
    ("order", 20, YEAR),
    ("payment", 12, 220_752_000_000),
    ("shipping", 8, YEAR),
    ("notification", 4, 30 * DAY),
    ("community", 8, YEAR),
    ("request", 12, YEAR),
    ("reputation", 12, YEAR),
    ("message", 12, 90 * DAY),
    ("cart", 8, 30 * DAY),
    ("project", 8, YEAR),
    ("booking", 8, YEAR),
    ("saga", 20, YEAR),
    ("job", 8, 30 * DAY),
    ("admin", 4, 220_752_000_000),
    ("alert", 4, YEAR),
];

/// All topics of a cluster with this profile.
#[must_use]
pub fn manifest(profile: Profile) -> Vec<Topic> {
    let mut topics = Vec::new();
    for (domain, partitions, hot) in EVENT_TOPICS {
        let partitions = scaled(partitions, profile);
        topics.push(topic(format!("{domain}-events"), partitions, Kind::Record, Some(hot), profile));
        topics.push(topic(format!("{domain}-commands"), partitions, Kind::Queue, Some(7 * DAY), profile));
        let mut snapshots = topic(format!("{domain}-snapshots"), partitions, Kind::State, None, profile);
        // Whoever takes over reads all that is not compacted yet; the segment that is written to never is.
        let small = (64 << 20).to_string();
        snapshots
            .settings
            .extend([("min.cleanable.dirty.ratio", "0.1".to_owned()), ("segment.bytes", small)]);
        topics.push(snapshots);
    }
    let four = scaled(4, profile);
    topics.push(topic("audit-events".to_owned(), four, Kind::Record, Some(220_752_000_000), profile));
    topics.push(topic(LIFECYCLE.to_owned(), four, Kind::Queue, Some(90 * DAY), profile));
    let technical = match profile {
        Profile::Small | Profile::Replicated => 1,
        Profile::Standard => 8,
    };
    let mut keys = topic(DATA_KEYS.to_owned(), technical, Kind::State, None, profile);
    // A destroyed key must leave the disks within days, so segments roll and compact by time.
    keys.settings.extend([("max.compaction.lag.ms", DAY.to_string()), ("segment.ms", DAY.to_string())]);
    topics.push(keys);
    topics.push(topic(PartitionOwner::TOPIC.to_owned(), 1, Kind::State, None, profile));
    topics.push(topic("dead-letters".to_owned(), technical, Kind::Feed, Some(YEAR), profile));
    topics
}

/// Partitions of a domain's topics.
///
/// # Panics
/// Never: every domain stands in the manifest, which a test of this module holds.
#[must_use]
pub fn partitions(domain: Domain, profile: Profile) -> i32 {
    let line = EVENT_TOPICS.iter().find(|(name, ..)| *name == domain.name());
    line.map(|(_, partitions, _)| scaled(*partitions, profile)).expect("every domain stands in the manifest")
}

/// Whether the records of the topic of this name keep the time that their writer gave them. On the others they have the broker's.
#[must_use]
pub fn has_writers_time(topic: &str) -> bool {
    let of_record = topic.ends_with("-events") && topic != LIFECYCLE;
    of_record || topic.ends_with("-snapshots") || [DATA_KEYS, PartitionOwner::TOPIC].contains(&topic)
}

/// The partition count of the standard profile as this profile has it.
const fn scaled(standard: i32, profile: Profile) -> i32 {
    match profile {
        Profile::Standard => standard,
        Profile::Small | Profile::Replicated if standard >= 8 => 2,
        Profile::Small | Profile::Replicated => 1,
    }
}

/// A topic with the settings of its kind.
fn topic(name: String, partitions: i32, kind: Kind, retention_ms: Option<i64>, profile: Profile) -> Topic {
    let mut settings = vec![("min.insync.replicas", profile.min_in_sync_replicas().to_string())];
    match kind {
        Kind::Record | Kind::Queue => settings.extend([
            ("cleanup.policy", "delete".to_owned()),
            ("retention.ms", "-1".to_owned()),
            ("retention.bytes", "-1".to_owned()),
        ]),
        Kind::Feed => settings.extend([
            ("cleanup.policy", "delete".to_owned()),
            ("retention.ms", retention_ms.unwrap_or(YEAR).to_string()),
        ]),
        Kind::State => settings.push(("cleanup.policy", "compact".to_owned())),
    }
    let time = match kind {
        Kind::Record | Kind::State => "CreateTime",
        Kind::Queue | Kind::Feed => "LogAppendTime",
    };
    settings.push(("message.timestamp.type", time.to_owned()));
    Topic { name, partitions, kind, retention_ms, settings }
}

#[cfg(test)]
mod tests {
    use super::{Profile, has_writers_time, manifest, partitions};
    use crate::Domain;

    #[test]
    fn the_profiles_have_the_partition_totals_of_the_contract() {
        let total = |profile| manifest(profile).iter().map(|it| it.partitions).sum::<i32>();
        assert_eq!(total(Profile::Standard), 577);
        assert_eq!(total(Profile::Small), 104);
        assert_eq!(total(Profile::Replicated), 104);
    }

    #[test]
    fn whose_time_a_topic_has_is_known_by_its_name() {
        for topic in manifest(Profile::Small) {
            let writers_time = ("message.timestamp.type", "CreateTime".to_owned());
            assert_eq!(
                has_writers_time(&topic.name),
                topic.settings.contains(&writers_time),
                "{}",
                topic.name
            );
        }
    }

    #[test]
    fn every_profile_is_found_by_its_name() {
        for profile in [Profile::Small, Profile::Replicated, Profile::Standard] {
            assert_eq!(Profile::named(profile.name()), Some(profile));
            assert!(Profile::NAMES.contains(profile.name()), "{}", profile.name());
        }
    }

    #[test]
    fn every_domain_stands_in_the_manifest() {
        for domain in Domain::ALL {
            assert!(partitions(domain, Profile::Small) >= 1, "{}", domain.name());
        }
    }
}

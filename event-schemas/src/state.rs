//! Records of the state topics: the last value per key counts, a tombstone removes it.

use serde::{Deserialize, Serialize};

use crate::{Domain, Timestamp, UserId};

/// `data-keys`: a data key, wrapped by the master key. The record's key is `key_id`; a tombstone destroys the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WrappedKey {
    /// `user/<id>` or `content/…`.
    pub key_id: String,
    /// Whose erasure destroys it.
    pub subject: Option<UserId>,
    /// 12 random bytes.
    #[serde(with = "apache_avro::serde::bytes")]
    pub nonce: Vec<u8>,
    /// The data key under AES-256-GCM with the master key; additional data = the key id.
    #[serde(with = "apache_avro::serde::bytes")]
    pub wrapped: Vec<u8>,
    /// When it was drawn.
    pub created_at: Timestamp,
}

/// `writer-owners`: who owns a partition. The record's key is `<domain>/<partition>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PartitionOwner {
    /// Name of the domain.
    pub domain: String,
    /// Number of the partition.
    pub partition: i32,
    /// `owned` or `released`.
    pub state: String,
    /// The owner's instance id, new at each process start.
    pub instance: String,
    /// Base address for forwarded commands.
    pub address: String,
    /// The owner's transactional ids, for its successor to fence.
    pub transactional_ids: Vec<String>,
    /// When it was announced.
    pub at: Timestamp,
}

impl PartitionOwner {
    /// The topic of its records.
    pub const TOPIC: &str = "writer-owners";
    /// The state of a partition that is served.
    pub const OWNED: &str = "owned";
    /// The state of a partition that was given back.
    pub const RELEASED: &str = "released";

    /// Whether the owner has not given it back.
    #[must_use]
    pub fn is_owned(&self) -> bool {
        self.state == Self::OWNED
    }
}

/// `<domain>-snapshots`: one part of what the owner of a partition of `<domain>-events` remembers. The record's key says
/// of what: `<aggregate type>/<aggregate id>` (further parts of a large one: `…#1`), `ledger/<hour>/<from>/<n>`, or
/// `checkpoint`, which makes a snapshot of the records before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// Digest of the code that folded it; only the very same code understands it.
    pub fold: String,
    /// Number of the aggregate's events that it covers; 0 where it is of no aggregate.
    pub version: i64,
    /// Offset of the last event that it covers on the partition of the events.
    pub last_offset: i64,
    /// Which part of it this is, from 0.
    pub part: i32,
    /// How many parts there are, from 1.
    pub parts: i32,
    /// First 16 bytes of the SHA-256 of everything else, key included.
    #[serde(with = "apache_avro::serde::bytes")]
    pub digest: Vec<u8>,
    /// What is remembered, in the encoding of that code; personal values are sealed.
    #[serde(with = "apache_avro::serde::bytes")]
    pub state: Vec<u8>,
}

/// A schema of state topics.
#[derive(Clone, Copy, Debug)]
pub struct StateSchema {
    /// Full name of its record.
    pub record: &'static str,
    /// The topics of which it describes the values.
    pub topics: &'static [&'static str],
    /// Text of the `.avsc` file.
    pub text: &'static str,
}

/// The schemas of all state topics.
pub const SCHEMAS: [StateSchema; 3] = [
    StateSchema {
        record: "karmyq.state.v1.WrappedKey",
        topics: &["data-keys"],
        text: include_str!("../avro/state/WrappedKey.v1.avsc"),
    },
    StateSchema {
        record: "karmyq.state.v1.PartitionOwner",
        topics: &[PartitionOwner::TOPIC],
        text: include_str!("../avro/state/PartitionOwner.v1.avsc"),
    },
    StateSchema {
        record: "karmyq.state.v1.Snapshot",
        topics: &[
            Domain::User.snapshots_topic(),
            Domain::Community.snapshots_topic(),
            Domain::Request.snapshots_topic(),
            Domain::Reputation.snapshots_topic(),
            Domain::Notification.snapshots_topic(),
        ],
        text: include_str!("../avro/state/Snapshot.v1.avsc"),
    },
];

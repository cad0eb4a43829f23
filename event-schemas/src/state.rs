//! Records of the state topics: the last value per key counts, a tombstone removes it.

use serde::{Deserialize, Serialize};

use crate::{Timestamp, UserId};

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

/// A schema of a state topic: (record name, topic, `.avsc` text).
pub const SCHEMAS: [(&str, &str, &str); 2] = [
    ("karmyq.state.v1.WrappedKey", "data-keys", include_str!("../avro/state/WrappedKey.v1.avsc")),
    ("karmyq.state.v1.PartitionOwner", "writer-owners", include_str!("../avro/state/PartitionOwner.v1.avsc")),
];

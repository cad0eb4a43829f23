//! The log: the only crate that names the Kafka client and the schema registry.
//!
//! `contract` says what a log does in terms of traits and plain values; `kafka` does it on Apache Kafka; `memory` does
//! the same in process, for fast and deterministic tests, and ships with the crate so that nobody writes a mock. One
//! suite of tests holds both to the contract. `registry` and `decoder` find schemas, `key_ring` follows the data keys,
//! `deployment` puts it together for a service that starts.

mod changes;
mod contract;
mod decoder;
mod deployment;
mod drift;
mod encoder;
mod kafka;
mod key_ring;
mod memory;
mod registry;
mod standing;
#[cfg(test)]
mod suite;
mod tail;
mod transaction;

pub use contract::{
    AppendError, Appended, EventLog, Fence, GroupConfig, GroupEvent, InvalidPosition, Lane, LogError,
    Membership, NewRecord, OpenTransaction, Position, Reader, Record, TopicPartition, Window, key_text,
};
pub use decoder::{Decoder, ReadError, SchemaSource};
pub use deployment::{Deployment, Servers};
pub use encoder::{DEAD_LETTERS, Encoder, WriteError};
pub use kafka::KafkaLog;
pub use key_ring::{DATA_KEYS, KeyRing, MasterKey, OpenError, data_key_partitions};
pub use memory::{Director, Fault, Held, MemoryLog, Stage, Turn};
pub use registry::{Pushed, SchemaRegistry};
pub use tail::{Fold, Tail};

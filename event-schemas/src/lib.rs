//! The contract: every byte that karmyq writes to Kafka.
//!
//! A leaf crate without I/O. `ids` and `time` hold the values, `envelope` the fields that every record has, `sealed`
//! the fields that are encrypted before they leave the process, `catalog` the list of record types with their schemas,
//! `topics` the manifest of topics, `codec` the way between Rust values and Confluent wire bytes, and one module per
//! domain the payloads themselves. The `.avsc` files under `avro/` are the source of the contract; the structs here
//! follow them, and a test holds both against each other for every entry of the catalog.
//!
//! A schema that was published never changes: `contract.lock` has its digest. Another field is another minor version: a
//! file `<Type>.v1.1.avsc` with the new field at the end (nullable, or an empty list or map by default), `"v1.1"` in the
//! type's line of `payloads!`, the field in the struct with `#[serde(default)]`, and `cargo xtask bless` for
//! its golden sample. `tests/contract` tells what is missing or not allowed.

mod aliases;
mod catalog;
mod codec;
mod envelope;
mod ids;
mod sealed;
mod time;

pub mod community;
pub mod headers;
pub mod notification;
pub mod partitioner;
pub mod reputation;
pub mod request;
pub mod state;
pub mod topics;
pub mod user;

pub use aliases::{Naming, UnknownEventType, resolve_alias};
pub use catalog::{Audience, Command, Domain, Entry, Event, Payload, RecordKind, entries, entry};
pub use codec::{Codec, DecodeError, EncodeError, RegisteredSchema, SchemaId};
pub use envelope::{Actor, CorrelationId, Envelope, InvalidCorrelationId, Metadata, Recorded};
pub use ids::{
    AggregateType, CommandId, CommunityId, EventId, InviteId, MatchId, NotificationId, RequestId, SessionId,
    UserId,
};
pub use sealed::{
    DataKey, KeyId, Placeholder, SealError, Sealable, SealableField, SealedFields, SealedSlot, SealedValue,
    open_field, seal_field,
};
pub use time::Timestamp;

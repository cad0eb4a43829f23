//! Folds as sentences: given these events, these rows.

mod community;
mod feed;
mod notifications;
mod reputation;
mod requests;
mod user_directory;

use event_log::{Position, TopicPartition};
use event_schemas::{
    AggregateType, CommandId, CorrelationId, Envelope, Event, EventId, Metadata, Sealable, Timestamp, UserId,
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use crate::projection::{Fact, Projection};

/// An id by its last digits.
pub(super) fn id(number: u64) -> Uuid {
    Uuid::from_u64_pair(0x0199_0000_0000_7000, 0x8000_0000_0000_0000 | number)
}

fn user(number: u64) -> UserId {
    UserId::new(id(number))
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

/// A payload from JSON: absent fields are absent on the wire, too. Sealed fields are set afterwards.
fn payload<T: DeserializeOwned>(json: Value) -> T {
    serde_json::from_value(json).expect("the payload has all required fields")
}

fn clear(text: &str) -> Option<Sealable<String>> {
    Some(Sealable::Clear(text.to_owned()))
}

/// The projection after these events, the n-th of them with version n at second n.
fn given<P: Projection + Default>(events: impl IntoIterator<Item = Event>) -> P {
    given_facts((1..).zip(events).map(|(number, event)| fact(number, event)))
}

/// The projection after these facts.
fn given_facts<P: Projection + Default>(facts: impl IntoIterator<Item = Fact>) -> P {
    let mut projection = P::default();
    projection.tables().into_iter().for_each(|table| table.hold_everything());
    for fact in facts {
        projection.fold(&fact).expect("it can be folded");
    }
    projection
}

/// The event with this version, at this second and offset.
fn fact(number: u32, event: Event) -> Fact {
    let offset = i64::from(number);
    let envelope = Envelope {
        event_id: EventId::new(id(9_000 + u64::from(number))),
        timestamp: at(offset),
        correlation_id: CorrelationId::parse("test").expect("it is one"),
        causation_id: None,
        aggregate_type: AggregateType::User,
        aggregate_id: "1".to_owned(),
        aggregate_version: offset,
        community_id: None,
        actor: None,
        command_id: CommandId::new(id(number.into())),
        metadata: Metadata::default(),
    };
    let position = Position { of: TopicPartition::new("test-events", 3), offset };
    Fact { position, envelope, event }
}

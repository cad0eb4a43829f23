//! The form of a record on the wire: the envelope's fields around the data, in the order of the schemas.

use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::writer::datum::GenericDatumWriter;
use serde::de::{DeserializeOwned, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::DecodeError;
use crate::{
    Actor, AggregateType, CommandId, CommunityId, CorrelationId, Entry, Envelope, EventId, Metadata,
    Timestamp,
};

/// Type and envelope of a record on its way out.
#[derive(Clone, Copy, Debug)]
pub struct WireOut<'a> {
    pub(super) entry: &'static Entry,
    pub(super) envelope: &'a Envelope,
}

impl WireOut<'_> {
    /// Writes the record with this data.
    pub(crate) fn write<D: Serialize>(
        self,
        data: &D,
        writer: &GenericDatumWriter<'_>,
        into: &mut Vec<u8>,
    ) -> apache_avro::AvroResult<()> {
        let Envelope { event_id, timestamp, ref correlation_id, causation_id, aggregate_type, .. } =
            *self.envelope;
        let wire = Outgoing {
            event_id,
            event_type: self.entry.name,
            event_version: self.entry.event_version(),
            timestamp,
            source: self.entry.domain.source(),
            correlation_id,
            causation_id,
            aggregate_type: aggregate_type.name(),
            aggregate_id: &self.envelope.aggregate_id,
            aggregate_version: self.envelope.aggregate_version,
            community_id: self.envelope.community_id,
            actor_id: self.envelope.actor.as_ref(),
            command_id: self.envelope.command_id,
            data,
            metadata: &self.envelope.metadata,
        };
        writer.write_ser(into, &wire).map(|_bytes| ())
    }
}

/// A record in wire order, borrowed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outgoing<'a, D> {
    event_id: EventId,
    event_type: &'static str,
    event_version: &'static str,
    timestamp: Timestamp,
    source: &'static str,
    correlation_id: &'a CorrelationId,
    causation_id: Option<EventId>,
    aggregate_type: &'static str,
    aggregate_id: &'a str,
    aggregate_version: i64,
    community_id: Option<CommunityId>,
    actor_id: Option<&'a Actor>,
    command_id: CommandId,
    data: &'a D,
    metadata: &'a Metadata,
}

/// A record in wire order, owned.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Incoming<D> {
    event_id: EventId,
    event_type: String,
    event_version: String,
    timestamp: Timestamp,
    source: String,
    correlation_id: CorrelationId,
    causation_id: Option<EventId>,
    aggregate_type: String,
    aggregate_id: String,
    aggregate_version: i64,
    community_id: Option<CommunityId>,
    actor_id: Option<Actor>,
    command_id: CommandId,
    #[serde(deserialize_with = "by_any_name", bound(deserialize = "D: DeserializeOwned"))]
    data: D,
    metadata: Metadata,
}

/// An [`Incoming`] whose Avro record is named after its type.
struct Named<D>(Incoming<D>);

impl<'de, D: DeserializeOwned> Deserialize<'de> for Named<D> {
    fn deserialize<S: Deserializer<'de>>(deserializer: S) -> Result<Self, S::Error> {
        by_any_name(deserializer).map(Self)
    }
}

/// Reads a struct from a record of another name; apache-avro otherwise insists that both are called alike.
fn by_any_name<'de, T: Deserialize<'de>, S: Deserializer<'de>>(deserializer: S) -> Result<T, S::Error> {
    T::deserialize(AnyName(deserializer))
}

/// Asks the format for a map where serde asks for a struct of a certain name.
struct AnyName<S>(S);

impl<'de, S: Deserializer<'de>> Deserializer<'de> for AnyName<S> {
    type Error = S::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, S::Error> {
        self.0.deserialize_map(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// The envelope of a record on its way in, not yet checked against its type.
#[derive(Debug)]
pub struct WireIn {
    event_type: String,
    event_version: String,
    source: String,
    aggregate_type: String,
    envelope: Envelope,
}

impl WireIn {
    /// Reads a record whose data is a `D`.
    pub(crate) fn read<D: DeserializeOwned>(
        reader: &GenericDatumReader<'_>,
        from: &mut &[u8],
    ) -> apache_avro::AvroResult<(Self, D)> {
        let Named::<D>(it) = reader.read_deser(from)?;
        let envelope = Envelope {
            event_id: it.event_id,
            timestamp: it.timestamp,
            correlation_id: it.correlation_id,
            causation_id: it.causation_id,
            // Replaced by the checked one in `envelope`.
            aggregate_type: AggregateType::User,
            aggregate_id: it.aggregate_id,
            aggregate_version: it.aggregate_version,
            community_id: it.community_id,
            actor: it.actor_id,
            command_id: it.command_id,
            metadata: it.metadata,
        };
        let wire = Self {
            event_type: it.event_type,
            event_version: it.event_version,
            source: it.source,
            aggregate_type: it.aggregate_type,
            envelope,
        };
        Ok((wire, it.data))
    }

    /// The envelope, once the fields that repeat the type were found to agree with it.
    pub(super) fn envelope(self, entry: &Entry) -> Result<Envelope, DecodeError> {
        let expect = |field, found: &str, expected: &str| {
            if found == expected {
                Ok(())
            } else {
                Err(DecodeError::Mismatch { field, found: found.to_owned(), expected: expected.to_owned() })
            }
        };
        expect("eventType", &self.event_type, entry.name)?;
        expect("eventVersion", &self.event_version, entry.event_version())?;
        expect("source", &self.source, entry.domain.source())?;
        let aggregate_type = AggregateType::named(&self.aggregate_type);
        expect("aggregateType", &self.aggregate_type, entry.aggregate.name())?;
        Ok(Envelope { aggregate_type: aggregate_type.unwrap_or(entry.aggregate), ..self.envelope })
    }
}

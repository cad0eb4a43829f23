//! Between Rust values and Kafka bytes: Confluent wire format around Avro binary.
//!
//! Fast because nothing is resolved per record: a record is read with the very schema that wrote it, straight into the
//! struct of its type; serde fills what an older minor lacked and skips what a newer one added.

mod wire;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::writer::datum::GenericDatumWriter;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::state::StateSchema;
use crate::{Domain, Entry, Payload, RecordKind, Recorded, entry};

pub(crate) use wire::{WireIn, WireOut};

/// Id of a schema in the registry.
pub type SchemaId = u32;

/// The first byte of a record in Confluent wire format.
const MAGIC: u8 = 0;
/// Magic byte and schema id.
const HEADER: usize = 5;
/// More than any text or list in a record may take, whose data ends at 256 KiB.
const LARGEST_VALUE: usize = 4 << 20;

/// The fields without which nothing is a record of ours.
const REQUIRED: [&str; 12] = [
    "eventId",
    "eventType",
    "eventVersion",
    "timestamp",
    "source",
    "correlationId",
    "aggregateType",
    "aggregateId",
    "aggregateVersion",
    "commandId",
    "data",
    "metadata",
];

/// A schema that the registry knows: parsed once, kept for the life of the process.
#[derive(Clone)]
pub struct RegisteredSchema {
    /// Full name of its record.
    pub record_name: String,
    /// Our type of that name; none for a type or major that this version does not know.
    pub entry: Option<&'static Entry>,
    reader: Arc<GenericDatumReader<'static>>,
    writer: Arc<GenericDatumWriter<'static>>,
}

impl RegisteredSchema {
    /// Parses a schema. Its memory is never given back: a process meets each schema once.
    ///
    /// # Errors
    /// When the text is no Avro schema of a named record, or one of our types without a field that every record has.
    /// An Avro record has exactly the fields of its schema, so this is the place to find one missing.
    pub fn parse(json: &str) -> Result<Self, DecodeError> {
        // Damaged bytes may claim any length; nothing is reserved beyond this. The first call of the process decides.
        apache_avro::util::max_allocation_bytes(LARGEST_VALUE);
        let schema: &'static Schema = Box::leak(Box::new(Schema::parse_str(json)?));
        let Schema::Record(record) = schema else { return Err(DecodeError::NoRecord) };
        let record_name = record.name.fullname(None);
        let entry = entry(&record_name);
        if let Some(field) = REQUIRED.into_iter().find(|it| !record.lookup.contains_key(*it))
            && entry.is_some()
        {
            return Err(DecodeError::MissingField { field, record: record_name });
        }
        Ok(Self {
            entry,
            record_name,
            reader: Arc::new(GenericDatumReader::builder(schema).human_readable(true).build()?),
            writer: Arc::new(GenericDatumWriter::builder(schema).human_readable(true).build()?),
        })
    }

    /// Reads any value with this schema.
    ///
    /// # Errors
    /// When the bytes are not of the schema.
    pub fn read<T: DeserializeOwned>(&self, mut binary: &[u8]) -> Result<T, DecodeError> {
        Ok(self.reader.read_deser(&mut binary)?)
    }

    /// Reads any value with this schema as JSON, for people to look at.
    ///
    /// # Errors
    /// When the bytes are not of the schema.
    pub fn read_json(&self, mut binary: &[u8]) -> Result<serde_json::Value, DecodeError> {
        Ok(self.reader.read_value(&mut binary)?.try_into()?)
    }

    /// Writes any value with this schema behind the Confluent header of `id`.
    ///
    /// # Errors
    /// When the value does not fit.
    pub fn write<T: Serialize>(&self, id: SchemaId, value: &T) -> Result<Vec<u8>, EncodeError> {
        let mut bytes = header(id);
        self.writer.write_ser(&mut bytes, value)?;
        Ok(bytes)
    }
}

impl fmt::Debug for RegisteredSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegisteredSchema").field("record_name", &self.record_name).finish_non_exhaustive()
    }
}

/// Encodes and decodes records with the schemas that it was told of.
#[derive(Clone, Debug, Default)]
pub struct Codec {
    by_id: HashMap<SchemaId, RegisteredSchema>,
    written: HashMap<TypeKey, SchemaId>,
    written_state: HashMap<&'static str, SchemaId>,
}

impl Codec {
    /// A codec for schemas without a registry: ids are given in catalog order. For golden samples and the in-memory log.
    ///
    /// # Panics
    /// When a schema of the catalog does not parse, which the tests of this crate exclude.
    #[must_use]
    pub fn local() -> Self {
        let mut codec = Self::default();
        for (id, entry) in (1..).zip(crate::entries()) {
            let schema =
                RegisteredSchema::parse(entry.written_schema()).expect("schemas of the catalog parse");
            codec.learn(id, schema);
            codec.write_with(entry, id);
        }
        for (id, StateSchema { topics, text, .. }) in (1_001..).zip(crate::state::SCHEMAS) {
            codec.learn(id, RegisteredSchema::parse(text).expect("schemas of state topics parse"));
            topics.iter().for_each(|topic| codec.write_state_with(topic, id));
        }
        codec
    }

    /// Adds a schema to decode with.
    pub fn learn(&mut self, id: SchemaId, schema: RegisteredSchema) {
        self.by_id.insert(id, schema);
    }

    /// Tells under which id records of this type are written; the schema must have been learned.
    pub fn write_with(&mut self, entry: &'static Entry, id: SchemaId) {
        self.written.insert(key(entry), id);
    }

    /// Tells under which id values of this state topic are written; the schema must have been learned.
    pub fn write_state_with(&mut self, topic: &'static str, id: SchemaId) {
        self.written_state.insert(topic, id);
    }

    /// The value of a record of a state topic.
    ///
    /// # Errors
    /// As [`Self::encode`].
    pub fn encode_state<T: Serialize>(&self, topic: &'static str, value: &T) -> Result<Vec<u8>, EncodeError> {
        let id = *self.written_state.get(topic).ok_or(EncodeError::NotRegistered(topic))?;
        let schema = self.by_id.get(&id).ok_or(EncodeError::NotRegistered(topic))?;
        schema.write(id, value)
    }

    /// Reads the value of a record of a state topic.
    ///
    /// # Errors
    /// As [`Self::decode`].
    pub fn decode_state<T: DeserializeOwned>(&self, value: &[u8]) -> Result<T, DecodeError> {
        let (id, binary) = split(value)?;
        self.by_id.get(&id).ok_or(DecodeError::UnknownSchema(id))?.read(binary)
    }

    /// The full name of the record in the value of a Kafka record, and the record as JSON, also of a type that this
    /// version does not know. Sealed fields stay sealed.
    ///
    /// # Errors
    /// As [`Self::decode`].
    pub fn decode_json(&self, value: &[u8]) -> Result<(String, serde_json::Value), DecodeError> {
        let (id, binary) = split(value)?;
        let schema = self.by_id.get(&id).ok_or(DecodeError::UnknownSchema(id))?;
        Ok((schema.record_name.clone(), schema.read_json(binary)?))
    }

    /// The schema of this id.
    #[must_use]
    pub fn schema(&self, id: SchemaId) -> Option<&RegisteredSchema> {
        self.by_id.get(&id)
    }

    /// The record as the value of a Kafka record. Personal fields must be sealed.
    ///
    /// # Errors
    /// [`EncodeError::NotRegistered`] for a type without schema id; [`EncodeError::Avro`] for a value that does not fit
    /// its schema, which a clear personal field never does.
    pub fn encode<P: Payload>(&self, record: &Recorded<P>) -> Result<Vec<u8>, EncodeError> {
        let entry = record.payload.entry();
        let id = *self.written.get(&key(entry)).ok_or(EncodeError::NotRegistered(entry.name))?;
        let schema = self.by_id.get(&id).ok_or(EncodeError::NotRegistered(entry.name))?;
        let mut bytes = header(id);
        let wire = WireOut { entry, envelope: &record.envelope };
        record.payload.write(&schema.writer, wire, &mut bytes)?;
        Ok(bytes)
    }

    /// The record in the value of a Kafka record, personal fields still sealed.
    ///
    /// # Errors
    /// See [`DecodeError`]; after [`DecodeError::UnknownSchema`] fetch that schema, [`Self::learn`] it and try again.
    pub fn decode<P: Payload>(&self, value: &[u8]) -> Result<Recorded<P>, DecodeError> {
        let (id, mut binary) = split(value)?;
        let schema = self.by_id.get(&id).ok_or(DecodeError::UnknownSchema(id))?;
        let unknown = || DecodeError::UnknownType(schema.record_name.clone());
        let entry = schema.entry.ok_or_else(unknown)?;
        let (wire, payload) = P::read(entry, &schema.reader, &mut binary).ok_or_else(unknown)??;
        if !binary.is_empty() {
            return Err(DecodeError::TrailingBytes(binary.len()));
        }
        wire.envelope(entry).map(|envelope| Recorded { envelope, payload })
    }
}

/// Types are known by topic and name: the name alone could stand in two domains.
type TypeKey = (Domain, RecordKind, &'static str);

const fn key(entry: &'static Entry) -> TypeKey {
    (entry.domain, entry.kind, entry.name)
}

/// The Confluent header.
fn header(id: SchemaId) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(512);
    bytes.push(MAGIC);
    bytes.extend_from_slice(&id.to_be_bytes());
    bytes
}

/// Schema id and Avro binary of a value in wire format.
///
/// # Errors
/// [`DecodeError::NoWireFormat`] when the header is missing.
fn split(value: &[u8]) -> Result<(SchemaId, &[u8]), DecodeError> {
    match value.split_at_checked(HEADER) {
        Some((&[MAGIC, a, b, c, d], binary)) => Ok((SchemaId::from_be_bytes([a, b, c, d]), binary)),
        _ => Err(DecodeError::NoWireFormat),
    }
}

/// A record could not be written.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// No schema id is known for the type.
    #[error("the schema of {0} is not registered")]
    NotRegistered(&'static str),
    /// The value does not fit its schema.
    #[error("the value does not fit its schema: {0}")]
    Avro(#[from] apache_avro::Error),
}

/// A record could not be read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The value does not begin with a zero byte and a schema id.
    #[error("the value is not in Confluent wire format")]
    NoWireFormat,
    /// The schema was not learned yet.
    #[error("schema {0} is not known")]
    UnknownSchema(SchemaId),
    /// The schema is not of a named record.
    #[error("the schema is not a named record")]
    NoRecord,
    /// The schema of one of our types lacks a field that every record has.
    #[error("{record} has no field {field}")]
    MissingField {
        /// Name of the field.
        field: &'static str,
        /// Full name of the record.
        record: String,
    },
    /// A type, or a major of it, that this version does not know or does not expect here.
    #[error("{0} is not a known type here")]
    UnknownType(String),
    /// A field of the envelope contradicts the type of the record.
    #[error("{field} is {found:?} where {expected:?} belongs")]
    Mismatch {
        /// Name of the field.
        field: &'static str,
        /// What the record says.
        found: String,
        /// What its type demands.
        expected: String,
    },
    /// Bytes follow the record.
    #[error("{0} bytes follow the record")]
    TrailingBytes(usize),
    /// The bytes are not of the schema, or a required value is missing.
    #[error("the record is not readable: {0}")]
    Avro(#[from] apache_avro::Error),
}

#[cfg(test)]
mod tests;

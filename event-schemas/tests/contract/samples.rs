//! Golden samples: one encoded record of every version of every type, as bare Avro binary (no registry's ids) with a
//! readable rendering beside it.
//!
//! A sample is made from its schema alone, so it is the same whenever and wherever it is made: every optional field is
//! present, every list has one item, ids come from field names, sealed fields are sealed under [`KEY`].

use std::fs;
use std::sync::Once;

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use event_schemas::state::{PartitionOwner, WrappedKey};
use event_schemas::{
    Codec, Command, DataKey, DecodeError, EncodeError, Entry, Event, Payload, RecordKind, Recorded,
    RegisteredSchema, SealedFields, SealedSlot, Timestamp, open_field, seal_field,
};
use uuid::Uuid;

use crate::files::{Version, absolute, blessing, versions};

/// The key of all sealed fields in samples.
const KEY: [u8; 32] = [0x5a; 32];
/// The schema id that a sample is given for the codec; it is not part of the file.
const ID: u32 = 1;

/// Writes the samples that are missing, when blessing. Existing files are never touched.
pub(crate) fn bless() {
    static DONE: Once = Once::new();
    if !blessing() {
        return;
    }
    DONE.call_once(|| {
        for version in versions() {
            let binary = absolute(&version.file("samples", "bin"));
            if !binary.exists() {
                let bytes = made(&version, Fill::Everything);
                fs::create_dir_all(binary.parent().expect("a folder")).expect("writable");
                fs::write(absolute(&version.file("samples", "json")), readable(&version, &bytes))
                    .expect("writable");
                fs::write(binary, bytes).expect("writable");
            }
        }
    });
}

fn golden(version: &Version) -> Vec<u8> {
    bless();
    let path = absolute(&version.file("samples", "bin"));
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}; try `cargo xtask bless`", path.display()))
}

#[test]
fn every_sample_of_every_version_is_read_by_this_code() {
    for version in versions() {
        Reading::of(&version, &golden(&version)).unwrap_or_else(|error| panic!("{version:?}: {error}"));
    }
}

#[test]
fn every_newest_sample_is_written_byte_for_byte_by_this_code() {
    for version in newest() {
        let bytes = golden(&version);
        let written = Reading::of(&version, &bytes).expect("reads").written(&version);
        assert!(written == bytes, "{}: another encoding than the sample's", version.name);
    }
}

#[test]
fn every_readable_rendering_is_that_of_its_sample() {
    for version in versions() {
        let rendering = fs::read_to_string(absolute(&version.file("samples", "json"))).expect("a rendering");
        assert_eq!(rendering, readable(&version, &golden(&version)), "{}", version.name);
    }
}

#[test]
fn every_sealed_field_of_every_sample_opens_with_its_key() {
    for version in versions() {
        match Reading::of(&version, &golden(&version)).expect("reads") {
            Reading::Event(mut it) => {
                open_all(&version, &it.envelope.aggregate_id, it.payload.sealed_fields())
            }
            Reading::Command(mut it) => {
                open_all(&version, &it.envelope.aggregate_id, it.payload.sealed_fields())
            }
            Reading::Key(_) | Reading::Owner(_) => {}
        }
    }
}

fn open_all(version: &Version, aggregate_id: &str, slots: Vec<SealedSlot<'_>>) {
    for mut slot in slots {
        open_field(&mut slot, version.name, aggregate_id, Some(&DataKey::new(KEY)))
            .unwrap_or_else(|error| panic!("{} of {}: {error}", slot.path, version.name));
        assert!(slot.field.clear_json().is_some(), "{} of {}", slot.path, version.name);
    }
}

/// The versions that are written today.
pub(crate) fn newest() -> impl Iterator<Item = Version> {
    versions().filter(|it| it.entry.is_none_or(|entry| entry.written_schema() == it.schema))
}

/// A record as this code sees it.
#[derive(Debug, PartialEq)]
pub(crate) enum Reading {
    Event(Recorded<Event>),
    Command(Recorded<Command>),
    Key(WrappedKey),
    Owner(PartitionOwner),
}

impl Reading {
    /// Reads bare Avro binary of this version.
    pub(crate) fn of(version: &Version, binary: &[u8]) -> Result<Self, DecodeError> {
        let schema = RegisteredSchema::parse(version.schema)?;
        let decoded = |schema| {
            let mut codec = Codec::default();
            codec.learn(ID, schema);
            (codec, [&[0], &ID.to_be_bytes()[..], binary].concat())
        };
        match (version.entry.map(|it| it.kind), version.name) {
            (Some(RecordKind::Event), _) => {
                let (codec, value) = decoded(schema);
                codec.decode(&value).map(Self::Event)
            }
            (Some(RecordKind::Command), _) => {
                let (codec, value) = decoded(schema);
                codec.decode(&value).map(Self::Command)
            }
            (None, "WrappedKey") => schema.read(binary).map(Self::Key),
            (None, "PartitionOwner") => schema.read(binary).map(Self::Owner),
            (None, name) => panic!("{name} is no known state record"),
        }
    }

    /// Bare Avro binary of this version.
    ///
    /// # Panics
    /// When it does not fit.
    pub(crate) fn written(&self, version: &Version) -> Vec<u8> {
        self.try_written(version).unwrap_or_else(|error| panic!("{}: {error}", version.name))
    }

    /// Bare Avro binary of this version, unless the version has no place for some of it.
    pub(crate) fn try_written(&self, version: &Version) -> Result<Vec<u8>, EncodeError> {
        let schema = RegisteredSchema::parse(version.schema).expect("parses");
        let wire = match self {
            Self::Event(record) => encoded(schema, record),
            Self::Command(record) => encoded(schema, record),
            Self::Key(key) => schema.write(ID, key),
            Self::Owner(owner) => schema.write(ID, owner),
        };
        wire.map(|mut it| it.split_off(5))
    }
}

fn encoded<P: Payload>(schema: RegisteredSchema, record: &Recorded<P>) -> Result<Vec<u8>, EncodeError> {
    let mut codec = Codec::default();
    codec.learn(ID, schema);
    codec.write_with(record.payload.entry(), ID);
    codec.encode(record)
}

/// What becomes of optional fields and lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fill {
    /// Present, with one item.
    Everything,
    /// Null, empty.
    Nothing,
}

/// A record of this schema in bare Avro binary, made without this code's structs; sealed fields are not sealed yet.
pub(crate) fn unchecked(version: &Version, fill: Fill) -> Vec<u8> {
    let schema = Schema::parse_str(version.schema).expect("parses");
    let value = Maker { entry: version.entry, fill }.value(&schema, "", None);
    let writer = GenericDatumWriter::builder(&schema).build().expect("a writer");
    writer.write_value_to_vec(value).expect("fits its schema")
}

/// A record of this version in bare Avro binary.
pub(crate) fn made(version: &Version, fill: Fill) -> Vec<u8> {
    let bytes = unchecked(version, fill);
    match Reading::of(version, &bytes).unwrap_or_else(|error| panic!("{}: {error}", version.name)) {
        Reading::Event(mut record) => {
            let id = record.envelope.aggregate_id.clone();
            seal_all(version, &id, record.payload.sealed_fields());
            Reading::Event(record).written(version)
        }
        Reading::Command(mut record) => {
            let id = record.envelope.aggregate_id.clone();
            seal_all(version, &id, record.payload.sealed_fields());
            Reading::Command(record).written(version)
        }
        Reading::Key(_) | Reading::Owner(_) => bytes,
    }
}

fn seal_all(version: &Version, aggregate_id: &str, slots: Vec<SealedSlot<'_>>) {
    for (nonce, mut slot) in (1..).zip(slots) {
        let clear = match slot.path {
            "home" => r#"{"label":"sample home","lat":52.5,"lng":13.4}"#.to_owned(),
            "payload" | "requirements" => format!(r#"{{"sample":"{}"}}"#, slot.path),
            path => format!(r#""sample {path}""#),
        };
        slot.field.set_clear(clear.as_bytes()).expect("the clear value is of the field's type");
        seal_field(&mut slot, version.name, aggregate_id, &DataKey::new(KEY), [nonce; 12]).expect("seals");
    }
}

/// Makes values from schemas.
struct Maker {
    entry: Option<&'static Entry>,
    fill: Fill,
}

impl Maker {
    /// A value for the field `name` with this documentation.
    fn value(&self, schema: &Schema, name: &str, doc: Option<&str>) -> Value {
        match schema {
            Schema::Boolean => Value::Boolean(true),
            Schema::Int => Value::Int(7),
            Schema::Long => Value::Long(7),
            Schema::Double => Value::Double(4.5),
            Schema::Bytes => Value::Bytes(vec![7; 12]),
            Schema::TimestampMicros => Value::TimestampMicros(1_795_169_730_123_456),
            Schema::Uuid(_) => Value::Uuid(uuid(name)),
            Schema::String => Value::String(self.text(name, doc)),
            Schema::Array(array) => {
                Value::Array(self.items(|| self.value(&array.items, singular(name), doc)))
            }
            Schema::Map(map) => {
                let items = self.items(|| ("key".to_owned(), self.value(&map.types, name, doc)));
                Value::Map(items.into_iter().collect())
            }
            Schema::Union(_) if self.fill == Fill::Nothing => Value::Union(0, Box::new(Value::Null)),
            Schema::Union(union) => Value::Union(1, Box::new(self.value(&union.variants()[1], name, doc))),
            Schema::Record(record) => Value::Record(
                (record.fields.iter())
                    .map(|it| (it.name.clone(), self.value(&it.schema, &it.name, it.doc.as_deref())))
                    .collect(),
            ),
            // Only sealed values are named more than once in a schema.
            Schema::Ref { .. } => Value::Record(vec![
                ("keyId".to_owned(), Value::String("replaced".to_owned())),
                ("nonce".to_owned(), Value::Bytes(vec![0; 12])),
                ("ciphertext".to_owned(), Value::Bytes(Vec::new())),
            ]),
            other => panic!("{name} has a type outside the contract: {other:?}"),
        }
    }

    fn items<T>(&self, one: impl Fn() -> T) -> Vec<T> {
        match self.fill {
            Fill::Everything => vec![one()],
            Fill::Nothing => Vec::new(),
        }
    }

    fn text(&self, name: &str, doc: Option<&str>) -> String {
        let of_type = self.entry.and_then(|entry| match name {
            "eventType" => Some(entry.name),
            "eventVersion" => Some(entry.event_version()),
            "source" => Some(entry.domain.source()),
            "aggregateType" => Some(entry.aggregate.name()),
            "correlationId" => Some("sample-correlation"),
            _ => None,
        });
        match of_type {
            Some(text) => text.to_owned(),
            None if name == "subject" || name.ends_with("Id") && name != "keyId" => uuid(name).to_string(),
            None => first_of_set(doc).map_or_else(|| format!("sample {name}"), str::to_owned),
        }
    }
}

/// The first value of a closed set that the documentation lists as `one of a, b, c`.
fn first_of_set(doc: Option<&str>) -> Option<&str> {
    let (_, set) = doc?.split_once("one of ")?;
    set.split([',', '.', ' ']).next()
}

fn singular(name: &str) -> &str {
    if name == "ids" { "itemId" } else { name.strip_suffix('s').unwrap_or(name) }
}

/// Always the same id for a field.
fn uuid(name: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
}

/// Bare Avro binary as JSON: instants in RFC 3339, bytes in hexadecimal.
fn readable(version: &Version, mut binary: &[u8]) -> String {
    let schema = Schema::parse_str(version.schema).expect("parses");
    let reader = GenericDatumReader::builder(&schema).build().expect("a reader");
    let value = json(&reader.read_value(&mut binary).expect("reads"));
    format!("{}\n", serde_json::to_string_pretty(&value).expect("is JSON"))
}

fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Boolean(it) => (*it).into(),
        Value::Int(it) => (*it).into(),
        Value::Long(it) => (*it).into(),
        Value::Double(it) => (*it).into(),
        Value::String(it) => it.as_str().into(),
        Value::Uuid(it) => it.to_string().into(),
        Value::TimestampMicros(it) => Timestamp::from_micros(*it).to_string().into(),
        Value::Bytes(it) => it.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into(),
        Value::Union(_, it) => json(it),
        Value::Array(items) => items.iter().map(json).collect(),
        Value::Map(items) => items.iter().map(|(key, it)| (key.clone(), json(it))).collect(),
        Value::Record(fields) => fields.iter().map(|(name, it)| (name.clone(), json(it))).collect(),
        other => panic!("a value outside the contract: {other:?}"),
    }
}

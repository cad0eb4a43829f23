//! How a record is made from its schema alone, so that it is the same whenever and wherever it is made: every optional
//! field is present, every list has one item, ids come from field names, sealed fields are sealed under [`KEY`].

use apache_avro::Schema;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use event_schemas::{DataKey, Entry, SealedFields, SealedSlot, seal_field};
use uuid::Uuid;

use crate::files::Version;
use crate::reading::Reading;

/// The key of all sealed fields in samples.
pub(crate) const KEY: [u8; 32] = [0x5a; 32];

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
        Reading::Key(_) | Reading::Owner(_) | Reading::Snapshot(_) => bytes,
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
    #[expect(clippy::wildcard_enum_match_arm, reason = "the contract uses a few of Avro's many types")]
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

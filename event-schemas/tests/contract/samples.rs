//! Golden samples: one encoded record of every version of every type, as bare Avro binary (no registry's ids) with a
//! readable rendering beside it. `making` says how a sample is made.

use std::fs;
use std::sync::Once;

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;
use event_schemas::{DataKey, SealedFields, SealedSlot, Timestamp, open_field};

use crate::files::{Version, absolute, blessing, versions};
use crate::making::{Fill, KEY, made};
use crate::reading::Reading;

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
            Reading::Key(_) | Reading::Owner(_) | Reading::Snapshot(_) => {}
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

/// Bare Avro binary as JSON: instants in RFC 3339, bytes in hexadecimal.
fn readable(version: &Version, mut binary: &[u8]) -> String {
    let schema = Schema::parse_str(version.schema).expect("parses");
    let reader = GenericDatumReader::builder(&schema).build().expect("a reader");
    let value = json(&reader.read_value(&mut binary).expect("reads"));
    format!("{}\n", serde_json::to_string_pretty(&value).expect("is JSON"))
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the contract uses a few of Avro's many types")]
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

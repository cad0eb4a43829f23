//! Every record type carries the whole envelope, and a record without a part of it is refused by name.

use event_schemas::{DecodeError, RegisteredSchema, entries};
use serde_json::{Value, json};

use crate::schema::{data, fields, name, parsed, remove};

/// Name, type and whether it is required, in wire order.
fn envelope() -> [(&'static str, Value); 13] {
    let uuid = json!({"type": "string", "logicalType": "uuid"});
    let optional = json!(["null", "string"]);
    [
        ("eventId", uuid.clone()),
        ("eventType", json!("string")),
        ("eventVersion", json!("string")),
        ("timestamp", json!({"type": "long", "logicalType": "timestamp-micros"})),
        ("source", json!("string")),
        ("correlationId", json!("string")),
        ("causationId", optional.clone()),
        ("aggregateType", json!("string")),
        ("aggregateId", json!("string")),
        ("aggregateVersion", json!("long")),
        ("communityId", optional.clone()),
        ("actorId", optional),
        ("commandId", uuid),
    ]
}

#[test]
fn every_type_has_the_fields_of_the_envelope_in_their_order() {
    for entry in entries() {
        let schema = parsed(entry.written_schema());
        let found: Vec<_> = fields(&schema).iter().map(|it| (name(it), it["type"].clone())).collect();
        assert_eq!(found[..13], envelope(), "{}", entry.name);
        let rest: Vec<_> = found[13..].iter().map(|(name, _)| *name).collect();
        assert_eq!(rest, ["data", "metadata"], "{}", entry.name);
    }
}

#[test]
fn every_record_is_named_after_its_type_and_its_data_likewise() {
    for entry in entries() {
        let mut schema = parsed(entry.written_schema());
        let full_name = |it: &Value| format!("{}.{}", it["namespace"].as_str().unwrap_or_default(), name(it));
        assert_eq!(full_name(&schema), entry.record_name());
        assert_eq!(full_name(data(&mut schema)), format!("{}Data", entry.record_name()));
    }
}

#[test]
fn all_types_share_one_metadata_record() {
    let metadata = |schema: &str| fields(&parsed(schema))[14]["type"].clone();
    let first = metadata(entries().next().expect("there are types").written_schema());
    assert_eq!(name(&first), "Metadata");
    let names: Vec<_> = fields(&first).iter().map(|it| (name(it), it["type"].clone())).collect();
    let optional = json!(["null", "string"]);
    let expected = ["userId", "sessionId", "traceparent"].map(|it| (it, optional.clone()));
    assert_eq!(names, expected);
    for entry in entries() {
        assert_eq!(metadata(entry.written_schema()), first, "{}", entry.name);
    }
}

#[test]
fn a_record_without_a_field_of_the_envelope_is_refused_by_its_name() {
    const FIELDS: [&str; 9] = [
        "eventId",
        "eventType",
        "eventVersion",
        "timestamp",
        "source",
        "correlationId",
        "data",
        "metadata",
        "aggregateId",
    ];
    for entry in entries() {
        for missing in FIELDS {
            let mut schema = parsed(entry.written_schema());
            remove(&mut schema, missing);
            match RegisteredSchema::parse(&schema.to_string()) {
                Err(DecodeError::MissingField { field, .. }) => assert_eq!(field, missing),
                other => panic!("{} without {missing}: {other:?}", entry.name),
            }
        }
    }
}

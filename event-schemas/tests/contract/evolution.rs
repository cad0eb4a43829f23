//! How schemas may change: every pair of versions reads each other, and the stricter rules of the contract hold, checked
//! here without a registry.

use apache_avro::Schema;
use apache_avro::schema_compatibility::{Compatibility, SchemaCompatibility};
use event_schemas::entries;
use serde_json::{Value, json};

use crate::files::versions;
use crate::schema::{data, fields, fields_mut, name, parsed, remove, walk};

#[test]
fn every_pair_of_versions_is_compatible_in_both_directions() {
    for entry in entries() {
        for (index, (newer, text)) in entry.schemas.iter().enumerate() {
            for (older, before) in &entry.schemas[..index] {
                let found = breaks(&parsed(before), &parsed(text));
                assert!(found.is_empty(), "{} {older} → {newer}: {found:#?}", entry.name);
            }
        }
    }
}

#[test]
fn every_schema_keeps_to_the_conventions() {
    for version in versions() {
        let found = unconventional(&parsed(version.schema));
        assert!(found.is_empty(), "{} {}: {found:#?}", version.name, version.version);
    }
}

/// What would break a reader or the contract if `older` became `newer`, a sentence each.
fn breaks(older: &Value, newer: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare_types(older, newer, "", &mut found);
    let schema = |it: &Value| Schema::parse_str(&it.to_string());
    match (schema(older), schema(newer)) {
        (Ok(older), Ok(newer)) => match SchemaCompatibility::mutual_read(&older, &newer) {
            Ok(Compatibility::Full) => {}
            Ok(Compatibility::Partial) => {
                found.push("one version cannot read all values of the other".to_owned())
            }
            Err(error) => found.push(format!("one version cannot read the other: {error}")),
        },
        (_, Err(error)) | (Err(error), _) => found.push(format!("no schema: {error}")),
    }
    found
}

/// Compares what is written, not `doc` and custom attributes.
fn compare_types(older: &Value, newer: &Value, path: &str, found: &mut Vec<String>) {
    match (older, newer) {
        (Value::Object(a), Value::Object(b)) => {
            for attribute in ["type", "name", "namespace", "logicalType"] {
                if a.get(attribute) != b.get(attribute) {
                    found.push(format!("{path} changes its {attribute}"));
                }
            }
            for inner in ["items", "values"] {
                compare_types(&older[inner], &newer[inner], path, found);
            }
            compare_fields(older, newer, path, found);
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).for_each(|(a, b)| compare_types(a, b, path, found));
        }
        _ if older == newer => {}
        _ => found.push(format!("{path} changes its type")),
    }
}

fn compare_fields(older: &Value, newer: &Value, path: &str, found: &mut Vec<String>) {
    let (before, after) = (fields(older), fields(newer));
    for (index, field) in before.iter().enumerate() {
        let path = format!("{path}/{}", name(field));
        match after.iter().position(|it| name(it) == name(field)) {
            None => found.push(format!("{path} is removed or renamed")),
            Some(at) if at != index => found.push(format!("{path} moves; new fields stand at the end")),
            Some(at) => {
                compare_types(&field["type"], &after[at]["type"], &path, found);
                if field.get("default") != after[at].get("default") {
                    found.push(format!("{path} changes its default"));
                }
            }
        }
    }
    for field in after.iter().filter(|it| before.iter().all(|old| name(old) != name(it))) {
        let empty = match field["type"]["type"].as_str() {
            Some("array") => Some(json!([])),
            Some("map") => Some(json!({})),
            _ if field["type"][0] == "null" => Some(Value::Null),
            _ => None,
        };
        if empty.is_none() || field.get("default") != empty.as_ref() {
            found.push(format!("{path}/{} is new without null or empty as default", name(field)));
        }
    }
}

/// Where a schema leaves the conventions of the contract, a sentence each.
fn unconventional(schema: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (path, field) in walk(schema) {
        if field["doc"].as_str().is_none_or(str::is_empty) {
            found.push(format!("{path} has no doc"));
        }
        check_type(&field["type"], &path, &mut found);
        let (name, holds) = (name(field), |what: &Value| field["type"] == *what || field["type"][1] == *what);
        if name.ends_with("At") && !holds(&json!({"type": "long", "logicalType": "timestamp-micros"})) {
            found.push(format!("{path} is no timestamp-micros"));
        }
        if name.ends_with("Ids") && !holds(&json!({"type": "array", "items": "string"})) {
            found.push(format!("{path} is no list of strings"));
        }
        if (name.ends_with("Seconds") || name.ends_with("Minutes")) && !holds(&json!("int")) {
            found.push(format!("{path} is a duration and no int"));
        }
        if name.ends_with("Minor") && !holds(&json!("long")) {
            found.push(format!("{path} is money and no long"));
        }
    }
    found
}

fn check_type(it: &Value, path: &str, found: &mut Vec<String>) {
    match it {
        Value::Array(variants) if variants.len() == 2 && variants[0] == "null" && variants[1] != "null" => {
            check_type(&variants[1], path, found);
        }
        Value::Array(_) => found.push(format!("{path} is a union other than [null, T]")),
        Value::String(named) if matches!(named.as_str(), "enum" | "fixed") => {
            found.push(format!("{path} uses {named}"));
        }
        Value::Object(object) => {
            match object.get("logicalType").and_then(Value::as_str) {
                None | Some("uuid" | "timestamp-micros") => {}
                Some(other) => found.push(format!("{path} uses the logical type {other}")),
            }
            match it["type"].as_str() {
                Some("array") => check_type(&it["items"], path, found),
                Some("map") if it["values"] != "string" => {
                    found.push(format!("{path} maps to something else than strings"))
                }
                Some("map" | "record" | "string" | "long") => {}
                other => found.push(format!("{path} uses {}", other.unwrap_or("a nested type"))),
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A small record with one field of every kind.
fn planted() -> Value {
    json!({"type": "record", "name": "Planted", "namespace": "karmyq.test.v1", "fields": [
        {"name": "data", "type": {"type": "record", "name": "PlantedData", "fields": [
            {"name": "count", "type": "int", "doc": "How many."},
            {"name": "reason", "type": ["null", "string"], "default": null, "doc": "Why."},
            {"name": "tags", "type": {"type": "array", "items": "string"}, "default": [], "doc": "Tags."}
        ]}, "doc": "What happened."}
    ]})
}

/// What is found when the data of [`planted`] is altered.
fn after(alter: impl FnOnce(&mut Value)) -> Vec<String> {
    let mut newer = planted();
    alter(data(&mut newer));
    breaks(&planted(), &newer)
}

#[test]
fn allowed_changes_pass() {
    for field in [
        json!({"name": "more", "type": ["null", "string"], "default": null}),
        json!({"name": "more", "type": {"type": "array", "items": "string"}, "default": []}),
        json!({"name": "more", "type": {"type": "map", "values": "string"}, "default": {}}),
    ] {
        assert_eq!(after(|data| fields_mut(data).push(field)), Vec::<String>::new());
    }
    assert_eq!(after(|data| data["fields"][1]["doc"] = json!("deprecated")), Vec::<String>::new());
}

#[test]
fn planted_breaks_are_found() {
    let finds = |what: &str, found: Vec<String>| {
        assert!(found.iter().any(|it| it.contains(what)), "{what} is not among {found:#?}");
    };
    let field = |name: &str, r#type: Value| json!({"name": name, "type": r#type});
    finds("/data/count is removed", after(|data| remove(data, "count")));
    finds("/data/reason is removed", after(|data| remove(data, "reason")));
    finds("/data/reason is removed", after(|data| data["fields"][1]["name"] = json!("cause")));
    finds("/data/count changes its type", after(|data| data["fields"][0]["type"] = json!("long")));
    finds("/data/reason changes its type", after(|data| data["fields"][1]["type"] = json!("string")));
    finds("/data/tags changes its default", after(|data| data["fields"][2]["default"] = json!(["a"])));
    finds("/data/more is new without", after(|data| fields_mut(data).push(field("more", json!("int")))));
    finds("cannot read", after(|data| fields_mut(data).push(field("more", json!("int")))));
    finds(
        "/data/count moves",
        after(|data| {
            fields_mut(data).insert(0, json!({"name": "more", "type": ["null", "int"], "default": null}));
        }),
    );
    finds("/data changes its name", after(|data| data["name"] = json!("Other")));
}

#[test]
fn planted_breaches_of_convention_are_found() {
    let finds = |what: &str, name: &str, r#type: Value| {
        let mut schema = planted();
        fields_mut(data(&mut schema)).push(json!({"name": name, "type": r#type, "doc": "Planted."}));
        let found = unconventional(&schema);
        assert!(found.iter().any(|it| it.contains(what)), "{what} is not among {found:#?}");
    };
    finds("uses enum", "kind", json!({"type": "enum", "name": "Kind", "symbols": ["A"]}));
    finds("uses fixed", "digest", json!({"type": "fixed", "name": "Digest", "size": 16}));
    finds(
        "logical type decimal",
        "share",
        json!({"type": "bytes", "logicalType": "decimal", "precision": 4}),
    );
    finds("union other than", "either", json!(["string", "int"]));
    finds("union other than", "either", json!(["null", "string", "int"]));
    finds("maps to something else", "counts", json!({"type": "map", "values": "int"}));
    finds("no timestamp-micros", "endedAt", json!("string"));
    finds("no list of strings", "userIds", json!("string"));
    finds("money and no long", "priceMinor", json!("int"));
    finds("duration and no int", "travelMinutes", json!("long"));

    let mut undocumented = planted();
    data(&mut undocumented)["fields"][0].as_object_mut().expect("a field").remove("doc");
    assert_eq!(unconventional(&undocumented), ["/data/count has no doc"]);
}

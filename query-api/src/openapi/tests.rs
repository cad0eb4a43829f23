//! The description fits together.

use std::collections::BTreeSet;

use serde_json::Value;

use super::document;

/// Every `$ref` below a value.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|it| references(it, found));
        }
        Value::Array(items) => items.iter().for_each(|it| references(it, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_schema_is_used() {
    let document = document();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    let known: BTreeSet<_> = schemas.keys().map(|it| format!("#/components/schemas/{it}")).collect();
    let differing: Vec<_> = found.symmetric_difference(&known).collect();
    assert!(differing.is_empty(), "dangling or unused: {differing:?}");
}

#[test]
fn operation_ids_are_unique() {
    let document = document();
    let items = document["paths"].as_object().expect("paths").values();
    let ids: Vec<_> = items
        .flat_map(|it| it.as_object().expect("methods").values())
        .map(|it| it["operationId"].clone())
        .collect();
    let distinct: BTreeSet<_> = ids.iter().map(Value::to_string).collect();
    assert_eq!(distinct.len(), ids.len());
}

#[test]
fn a_short_form_becomes_a_schema() {
    use serde_json::json;
    let schema = super::notation::schema(
        &json!({"a": "string(1..3)", "~b": "int?", "c": "#Role?", "d": "x|y[]", "e": "#Role & #Tier"}),
    );
    let expected = json!({
        "type": "object", "required": ["a", "c", "d", "e"],
        "properties": {
            "a": {"type": "string", "minLength": 1, "maxLength": 3},
            "b": {"type": ["integer", "null"]},
            "c": {"anyOf": [{"$ref": "#/components/schemas/Role"}, {"type": "null"}]},
            "d": {"type": "array", "items": {"type": "string", "enum": ["x", "y"]}},
            "e": {"allOf": [{"$ref": "#/components/schemas/Role"}, {"$ref": "#/components/schemas/Tier"}]},
        },
    });
    assert_eq!(schema, expected);
}

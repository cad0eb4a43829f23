//! The short form of types: `string`, `uuid`, `time`, `int`, `number`, `bool`, `object`, a reference `#Name`, or a closed
//! set `a|b`; then `(1..20)` for a range (of lengths or values), `[]` for a list, `?` for "or null"; `#A | #B` for either,
//! `#A & #B` for both in one.
//! An object lists its properties; a name that begins with `~` may be absent.

use serde_json::{Map, Value, json};

/// JSON Schema of a short form.
///
/// # Panics
/// When the short form is wrong: the description is part of the program.
pub(super) fn schema(short: &Value) -> Value {
    match short {
        Value::String(text) => of_text(text),
        Value::Object(properties) => of_properties(properties),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => panic!("no type: {short}"),
    }
}

fn of_properties(properties: &Map<String, Value>) -> Value {
    let name = |it: &str| it.trim_start_matches('~').to_owned();
    let required: Vec<_> = properties.keys().filter(|it| !it.starts_with('~')).cloned().collect();
    let properties: Map<_, _> = properties.iter().map(|(key, it)| (name(key), schema(it))).collect();
    let mut object = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    object
}

fn of_text(text: &str) -> Value {
    if text.contains(" | ") {
        return json!({"anyOf": text.split(" | ").map(of_text).collect::<Vec<_>>()});
    }
    if text.contains(" & ") {
        return json!({"allOf": text.split(" & ").map(of_text).collect::<Vec<_>>()});
    }
    if let Some(inner) = text.strip_suffix('?') {
        return nullable(of_text(inner));
    }
    if let Some(inner) = text.strip_suffix("[]") {
        return json!({"type": "array", "items": of_text(inner)});
    }
    if let Some(name) = text.strip_prefix('#') {
        return json!({"$ref": format!("#/components/schemas/{name}")});
    }
    if let Some((base, range)) = text.strip_suffix(')').and_then(|it| it.split_once('(')) {
        return limited(of_text(base), range);
    }
    match text {
        "string" => json!({"type": "string"}),
        "uuid" => json!({"type": "string", "format": "uuid"}),
        "time" => json!({"type": "string", "format": "date-time"}),
        "int" => json!({"type": "integer"}),
        "number" => json!({"type": "number"}),
        "bool" => json!({"type": "boolean"}),
        "object" => json!({"type": "object"}),
        set => json!({"type": "string", "enum": set.split('|').collect::<Vec<_>>()}),
    }
}

fn limited(mut schema: Value, range: &str) -> Value {
    let (least, most) = range.split_once("..").unwrap_or_else(|| panic!("no range: {range}"));
    let (low, high) =
        if schema["type"] == "string" { ("minLength", "maxLength") } else { ("minimum", "maximum") };
    for (name, bound) in [(low, least), (high, most)] {
        schema[name] = serde_json::from_str(bound).unwrap_or_else(|_| panic!("no bound: {bound}"));
    }
    schema
}

fn nullable(mut schema: Value) -> Value {
    if schema.get("$ref").is_some() {
        return json!({"anyOf": [schema, {"type": "null"}]});
    }
    if let Some(values) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        values.push(Value::Null);
    }
    schema["type"] = json!([schema["type"], "null"]);
    schema
}

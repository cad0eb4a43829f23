//! A parked record as people look at it, as far as it can be read. Personal fields stay sealed.

use event_log::{Decoder, Record};
use serde_json::{Map, Value, json};

use super::{ParkedRecord, text_of};

/// Most bytes of an unreadable value that are shown.
const SHOWN: usize = 256;

/// The record as JSON: position, reason, headers, and its content or the beginning of its bytes.
pub async fn shown(decoder: &Decoder, it: &ParkedRecord) -> Value {
    let record = &it.record;
    let headers: Map<String, Value> =
        record.headers.iter().map(|(name, value)| (name.clone(), json!(text_of(value)))).collect();
    let mut shown = json!({
        "position": record.position.to_string(),
        "kind": it.kind,
        "reason": it.reason,
        "parkedAt": it.parked_at,
        "recordedAtMs": record.timestamp_ms,
        "headers": headers,
    });
    match decoder.decode_json(record).await {
        Ok((name, mut value)) => {
            say_sealed(&mut value);
            shown["type"] = json!(name);
            shown["value"] = value;
        }
        Err(error) => {
            shown["unreadable"] = json!(error.to_string());
            shown["bytes"] = bytes(record);
        }
    }
    shown
}

/// The beginning of a value that cannot be read, and its length.
fn bytes(record: &Record) -> Value {
    let Some(value) = &record.value else { return Value::Null };
    let beginning = text_of(&value[..value.len().min(SHOWN)]);
    json!({ "length": value.len(), "beginning": beginning })
}

/// Puts the name of its key in the place of a sealed value: the ciphertext tells nobody anything.
fn say_sealed(value: &mut Value) {
    match value {
        Value::Object(fields) if fields.contains_key("ciphertext") && fields.contains_key("keyId") => {
            let key = fields.get("keyId").and_then(Value::as_str).unwrap_or_default();
            *value = json!(format!("[sealed under {key}]"));
        }
        Value::Object(fields) => fields.values_mut().for_each(say_sealed),
        Value::Array(items) => items.iter_mut().for_each(say_sealed),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

//! `karmyq dead-letters show`: the parked records of a key, as far as they can be read.

use std::process::ExitCode;

use anyhow::Result;
use event_log::{Decoder, Record};
use projectors::dead_letters::{self, ParkedRecord, text_of};
use serde_json::{Map, Value, json};
use service_kit::config::Reader;
use sqlx::PgPool;

use super::Of;
use crate::engine::Engine;
use crate::terminal::say;

/// Most bytes of an unreadable value that are shown.
const SHOWN: usize = 256;

/// Shows what was asked for.
pub(super) async fn run(owner: &PgPool, of: &Of, most: u32) -> Result<ExitCode> {
    let key = of.find(owner).await?;
    let records = dead_letters::records(owner, &key, most.into()).await?;
    let engine = Engine::connect(Reader::from_environment()).await?;
    let mut shown = Vec::new();
    for it in &records {
        shown.push(one(&engine.decoder, it).await);
    }
    if of.json {
        say(json!({ "key": key, "records": shown }));
        return Ok(ExitCode::SUCCESS);
    }
    let left = key.records - i64::try_from(shown.len()).unwrap_or(i64::MAX);
    for it in shown {
        say(format_args!("{it:#}"));
    }
    if left > 0 {
        say(format_args!("… and {left} more"));
    }
    Ok(ExitCode::SUCCESS)
}

async fn one(decoder: &Decoder, it: &ParkedRecord) -> Value {
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

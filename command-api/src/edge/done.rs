//! What a command brought about, as its caller hears it.
//!
//! An answer is a function of the events that the command appended, else of the aggregate's state; so an answer that is
//! given again after a crash, by another instance, is the same.

use axum::http::StatusCode;
use axum::http::header::LOCATION;
use serde_json::{Map, Value, json};
use service_kit::answer::Answer;
use service_kit::routes::BASE_PATH;

use super::Refused;
use super::key::IDEMPOTENT_REPLAY;
use crate::writer::Executed;

/// What a handler gives.
pub(crate) type Reply = Result<Answer<Value>, Refused>;

/// 200 with `data`, which is an object, and where the command stands.
pub(crate) fn ok(executed: &Executed, data: Value) -> Answer<Value> {
    let mut members = if let Value::Object(members) = data { members } else { Map::new() };
    let position = executed.position.as_ref().map(ToString::to_string);
    members.insert("position".to_owned(), json!(position));
    members.insert("version".to_owned(), json!(executed.version));
    let mut answer = Answer::ok(Value::Object(members)).version(executed.version);
    if let Some(position) = position {
        answer = answer.position(position);
    }
    if executed.replayed { answer.header(IDEMPOTENT_REPLAY, "true") } else { answer }
}

/// 201 with `data`; `path` is where the new thing is, below the base path.
pub(crate) fn created(executed: &Executed, data: Value, path: impl AsRef<str>) -> Answer<Value> {
    ok(executed, data).status(StatusCode::CREATED).header(LOCATION, format!("{BASE_PATH}{}", path.as_ref()))
}

//! JSON bodies.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};

use super::{FieldFault, Problem};

/// A JSON object as body, whatever its `Content-Type` says. What cannot be read answers 400 `VALIDATION_ERROR` with the path of
/// the field, a body over the limit 413.
///
/// Reading stops at the first fault. A route that must name all of them takes `JsonBody<serde_json::Value>` and looks
/// for itself.
#[derive(Clone, Copy, Debug)]
pub struct JsonBody<T>(pub T);

impl<T, S> FromRequest<S> for JsonBody<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = Bytes::from_request(request, state).await.map_err(unreadable)?;
        Self::parse(&bytes)
    }
}

impl<T: DeserializeOwned> JsonBody<T> {
    /// Reads the bytes of a body.
    ///
    /// # Errors
    /// 400 `VALIDATION_ERROR` with the field.
    pub fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        let mut json = serde_json::Deserializer::from_slice(bytes);
        let value = serde_path_to_error::deserialize(&mut json)
            .map_err(|error| Problem::validation(vec![fault(error.path(), error.inner())]))?;
        json.end().map_err(|error| Problem::validation(vec![not_json(&error)]))?;
        // serde would take `["a", "b"]` for a struct of two fields.
        if bytes.trim_ascii_start().first() != Some(&b'{') {
            let fault = FieldFault::new("", "INVALID_TYPE", "the body must be an object");
            return Err(Problem::validation(vec![fault]));
        }
        Ok(Self(value))
    }
}

fn unreadable(rejection: BytesRejection) -> Problem {
    if rejection.into_response().status() == StatusCode::PAYLOAD_TOO_LARGE {
        return Problem::payload_too_large();
    }
    Problem::validation(vec![FieldFault::new("", "INVALID_BODY", "the body could not be read")])
}

fn fault(path: &Path, error: &serde_json::Error) -> FieldFault {
    if !error.is_data() {
        return not_json(error);
    }
    let text = error.to_string();
    // serde tells a missing field at its parent.
    if let Some(name) = text.strip_prefix("missing field `").and_then(|it| it.split('`').next()) {
        let field = joined(path, Some(name));
        return FieldFault::new(field.clone(), "REQUIRED", format!("{field} is required"));
    }
    let field = joined(path, None);
    let (reason, _) = text.split_once(" at line").unwrap_or((&text, ""));
    let code = if reason.starts_with("unknown field") { "UNKNOWN_FIELD" } else { "INVALID_TYPE" };
    // The reason may quote the value, which may be personal: only its kind is told.
    let expected = reason.rsplit_once("expected ").map_or("another kind of value", |(_, it)| it);
    FieldFault::new(
        field.clone(),
        code,
        format!("{} must be {expected}", if field.is_empty() { "the body" } else { &field }),
    )
}

fn not_json(error: &serde_json::Error) -> FieldFault {
    let message = format!("the body is no JSON at line {} column {}", error.line(), error.column());
    FieldFault::new("", "INVALID_JSON", message)
}

/// `payload.roles[0].roleName`.
fn joined(path: &Path, last: Option<&str>) -> String {
    let mut joined = String::new();
    let mut push = |name: &str| {
        if !joined.is_empty() && !name.starts_with('[') {
            joined.push('.');
        }
        joined.push_str(name);
    };
    for segment in path {
        match segment {
            Segment::Seq { index } => push(&format!("[{index}]")),
            Segment::Map { key } => push(key),
            Segment::Enum { variant } => push(variant),
            Segment::Unknown => {}
        }
    }
    last.map(push);
    joined
}

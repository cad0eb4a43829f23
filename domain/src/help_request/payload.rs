//! The payload of a request: which fields each type has, as tables, and one reader for all of them.
//!
//! What comes out is normalised: unknown keys dropped, texts trimmed and in NFC, defaults filled in.

mod forms;
mod kind;

use event_schemas::Timestamp;
use serde_json::{Map, Value};

use super::reading::{Faults, object};
use super::values::RequestType;
use crate::text::{Fault, FieldFault, Text};
use kind::{Kind, Reader};

/// Longest payload, bytes of JSON.
const PAYLOAD_BYTES: usize = 16 * 1024;
/// Longest requirements, bytes of JSON.
const REQUIREMENTS_BYTES: usize = 4 * 1024;

/// Reads the payload of a request of this type; none for a generic one, which must not have any.
///
/// # Errors
/// All faults, with paths such as `payload.origin.lat`.
pub(super) fn parse(request_type: RequestType, payload: Option<&Value>) -> Result<Option<Value>, Faults> {
    let fault = |fault| Err(Faults(vec![FieldFault::new("payload", fault)]));
    match (forms::of(request_type), payload) {
        (None, None) => Ok(None),
        (None, Some(_)) => fault(Fault::Unknown),
        (Some(_), None) => fault(Fault::Required),
        (Some(form), Some(payload)) => match object(payload, PAYLOAD_BYTES) {
            Ok(_) => read(&form, payload, "payload").map(Some),
            Err(found) => fault(found),
        },
    }
}

/// When the help is needed, as far as the payload tells.
pub(super) fn scheduled_at(request_type: RequestType, payload: &Value) -> Option<Timestamp> {
    let field = match request_type {
        RequestType::Ride => "departureTime",
        RequestType::Event => "eventDate",
        RequestType::Generic | RequestType::Borrow | RequestType::Service => return None,
    };
    kind::moment(payload.get(field)?.as_str()?)
}

/// Reads requirements: an object of any fields, of which `skills` names what a helper must know.
pub(super) fn requirements(written: &Value) -> Result<Value, Fault> {
    let fields = object(written, REQUIREMENTS_BYTES)?;
    if let Some(skills) = fields.get("skills") {
        check_skills(skills)?;
    }
    clean(written)
}

fn read(form: &Kind, written: &Value, path: &str) -> Result<Value, Faults> {
    let mut reader = Reader::default();
    match reader.read(form, written, path) {
        Some(value) if reader.faults.is_empty() => Ok(value),
        Some(_) | None => Err(Faults(reader.faults)),
    }
}

fn check_skills(skills: &Value) -> Result<(), Fault> {
    const WRONG: Fault = Fault::WrongType("an object whose skills are a list of texts");
    let skills = skills.as_array().ok_or(WRONG)?;
    if skills.len() > 10 {
        return Err(Fault::TooMany { max: 10 });
    }
    if skills.iter().all(Value::is_string) { Ok(()) } else { Err(WRONG) }
}

/// The same JSON with every text trimmed and in NFC.
fn clean(value: &Value) -> Result<Value, Fault> {
    let text = |it: &str| Text::<0, { usize::MAX }>::parse(it).map(String::from);
    Ok(match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        Value::String(it) => Value::String(text(it)?),
        Value::Array(entries) => Value::Array(entries.iter().map(clean).collect::<Result<_, _>>()?),
        Value::Object(fields) => {
            let cleaned = fields.iter().map(|(name, value)| Ok((text(name)?, clean(value)?)));
            Value::Object(cleaned.collect::<Result<Map<_, _>, Fault>>()?)
        }
    })
}

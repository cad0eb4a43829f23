//! Values of a request's body, and what is said about them when they are at fault.

use event_schemas::Timestamp;
use serde_json::{Map, Value};

use crate::Refusal;
use crate::text::{Fault, FieldFault, Text};

/// All faults of a body, at least one.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{}", .0.first().map_or_else(String::new, ToString::to_string))]
pub struct Faults(pub Vec<FieldFault>);

impl From<Vec<FieldFault>> for Faults {
    fn from(faults: Vec<FieldFault>) -> Self {
        Self(faults)
    }
}

impl From<Faults> for Refusal {
    fn from(faults: Faults) -> Self {
        let refusal = Self::invalid(faults.to_string(), &faults.0);
        let unscheduled = faults.0.iter().any(|it| it.field == "scheduledFor");
        Self { code: if unscheduled { "INVALID_SCHEDULED_FOR" } else { refusal.code }, ..refusal }
    }
}

/// A text of `MIN` to `MAX` characters.
pub(super) fn text<const MIN: usize, const MAX: usize>(value: &Value) -> Result<Text<MIN, MAX>, Fault> {
    Text::parse(value.as_str().ok_or(Fault::WrongType("a text"))?)
}

/// A date-time of RFC 3339.
pub(super) fn instant(value: &Value) -> Result<Timestamp, Fault> {
    let text = value.as_str().ok_or(Fault::WrongType("a date-time"))?;
    Timestamp::parse(text.trim()).map_err(|_| Fault::Malformed("a date-time such as 2026-01-31T18:00:00Z"))
}

/// A JSON object whose text is at most `bytes` long.
pub(super) fn object(value: &Value, bytes: usize) -> Result<&Map<String, Value>, Fault> {
    let fields = value.as_object().ok_or(Fault::WrongType("an object"))?;
    if value.to_string().len() > bytes { Err(Fault::TooLong { max: bytes }) } else { Ok(fields) }
}

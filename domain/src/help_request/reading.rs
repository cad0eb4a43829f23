//! Reading a JSON body: every fault is noted with its path, and what is right comes out parsed.

use event_schemas::Timestamp;
use serde_json::{Map, Value, json};

use crate::patch::Patch;
use crate::text::{Fault, FieldFault, Text};
use crate::{Class, Refusal};

/// All faults of a body, at least one.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{}", .0.first().map_or_else(String::new, ToString::to_string))]
pub struct Faults(pub Vec<FieldFault>);

impl From<Faults> for Refusal {
    fn from(faults: Faults) -> Self {
        let unscheduled = faults.0.iter().any(|it| it.field == "scheduledFor");
        let code = if unscheduled { "INVALID_SCHEDULED_FOR" } else { "VALIDATION_ERROR" };
        let fields: Vec<Value> = faults.0.iter().map(described).collect();
        Self { details: json!({ "fields": fields }), ..Self::new(Class::Invalid, code, faults.to_string()) }
    }
}

/// A JSON object that is being read, with the faults found so far.
#[derive(Debug)]
pub(super) struct Body<'a> {
    fields: &'a Map<String, Value>,
    faults: Vec<FieldFault>,
}

impl<'a> Body<'a> {
    /// Nothing read yet.
    pub(super) const fn new(fields: &'a Map<String, Value>) -> Self {
        Self { fields, faults: Vec::new() }
    }

    /// A field that may be absent or null.
    pub(super) fn optional<T>(
        &mut self,
        name: &str,
        parse: impl Fn(&Value) -> Result<T, Fault>,
    ) -> Option<T> {
        match self.patch(name, parse) {
            Patch::Set(value) => Some(value),
            Patch::Keep | Patch::Clear => None,
        }
    }

    /// A field that must be there; none when it is at fault.
    pub(super) fn required<T>(
        &mut self,
        name: &str,
        parse: impl Fn(&Value) -> Result<T, Fault>,
    ) -> Option<T> {
        if self.fields.get(name).is_none_or(Value::is_null) {
            self.note(name, Fault::Required);
        }
        self.optional(name, parse)
    }

    /// A change of a field that cannot become null.
    pub(super) fn change<T>(&mut self, name: &str, parse: impl Fn(&Value) -> Result<T, Fault>) -> Option<T> {
        if self.fields.get(name).is_some_and(Value::is_null) {
            self.note(name, Fault::Required);
        }
        self.optional(name, parse)
    }

    /// A change of a field that null clears.
    pub(super) fn patch<T>(&mut self, name: &str, parse: impl Fn(&Value) -> Result<T, Fault>) -> Patch<T> {
        match self.fields.get(name).map(|value| (value, parse)) {
            None => Patch::Keep,
            Some((Value::Null, _)) => Patch::Clear,
            Some((value, parse)) => match parse(value) {
                Ok(value) => Patch::Set(value),
                Err(fault) => {
                    self.note(name, fault);
                    Patch::Keep
                }
            },
        }
    }

    /// Whether the body names the field.
    pub(super) fn names(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    /// Notes a fault.
    pub(super) fn note(&mut self, field: &str, fault: Fault) {
        self.faults.push(FieldFault::new(field, fault));
    }

    /// Notes the faults of a part that was read elsewhere.
    pub(super) fn merge<T>(&mut self, part: Result<T, Faults>) -> Option<T> {
        part.map_err(|faults| self.faults.extend(faults.0)).ok()
    }

    /// What was read, unless there was a fault. A missing value has a fault.
    pub(super) fn finish<T>(self, value: Option<T>) -> Result<T, Faults> {
        match value {
            Some(value) if self.faults.is_empty() => Ok(value),
            Some(_) | None => Err(Faults(self.faults)),
        }
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

/// A whole number, also when it is written with a point.
pub(super) fn integer(value: &Value) -> Result<i64, Fault> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let whole = |it: f64| it.fract() == 0.0 && it.abs() <= EXACT;
    #[expect(clippy::cast_possible_truncation, reason = "whole and within the exact range of f64")]
    let from_float = || value.as_f64().filter(|it| whole(*it)).map(|it| it as i64);
    value.as_i64().or_else(from_float).ok_or(Fault::WrongType("a whole number"))
}

/// A JSON object whose text is at most `bytes` long.
pub(super) fn object(value: &Value, bytes: usize) -> Result<&Map<String, Value>, Fault> {
    let fields = value.as_object().ok_or(Fault::WrongType("an object"))?;
    if value.to_string().len() > bytes { Err(Fault::TooLong { max: bytes }) } else { Ok(fields) }
}

fn described(it: &FieldFault) -> Value {
    json!({ "field": it.field, "code": it.fault.code(), "message": it.to_string() })
}

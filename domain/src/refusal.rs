//! A refusal as callers see it, whichever aggregate it comes from.

use serde_json::{Value, json};

use crate::text::FieldFault;

/// What kind of no this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Against a limit or rule of the domain; HTTP 400.
    Invalid,
    /// The caller could not prove who they are; HTTP 401.
    Unproven,
    /// Known caller, not allowed; HTTP 403.
    Forbidden,
    /// Unknown, or its existence is not the caller's business; HTTP 404.
    Unknown,
    /// A duplicate, or not in the state that the command needs; HTTP 409.
    Conflict,
}

/// Why a command was refused. Nothing was appended, and asking again may be answered differently.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    /// What kind of no.
    pub class: Class,
    /// Stable code, `UPPER_SNAKE`; a published code never changes its meaning.
    pub code: &'static str,
    /// For people.
    pub message: String,
    /// For programs: an object, or null.
    pub details: Value,
}

impl Refusal {
    /// A refusal without details.
    #[must_use]
    pub fn new(class: Class, code: &'static str, message: impl Into<String>) -> Self {
        Self { class, code, message: message.into(), details: Value::Null }
    }

    /// `VALIDATION_ERROR`: values at fault, each with the path of its field.
    #[must_use]
    pub fn invalid(message: impl Into<String>, faults: &[FieldFault]) -> Self {
        let described = |it: &FieldFault| json!({ "field": it.field, "code": it.fault.code(), "message": it.to_string() });
        let fields: Vec<Value> = faults.iter().map(described).collect();
        Self::new(Class::Invalid, "VALIDATION_ERROR", message).with(json!({ "fields": fields }))
    }

    /// The same refusal with details, an object.
    #[must_use]
    pub fn with(self, details: Value) -> Self {
        Self { details, ..self }
    }
}

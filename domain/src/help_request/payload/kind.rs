//! What a field of a payload can be, and the reader that checks a JSON value against it.

use chrono::NaiveDate;
use event_schemas::Timestamp;
use serde_json::{Map, Value};

use crate::reading::{number, truth, whole};
use crate::text::{Fault, FieldFault, Text};

/// What a value must be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// A text with this many characters, at least and at most.
    Text(usize, usize),
    /// A whole number from the first to the second.
    Integer(i32, i32),
    /// A number from the first to the second.
    Number(f64, f64),
    /// True or false.
    Boolean,
    /// A date-time of RFC 3339.
    DateTime,
    /// A date-time of RFC 3339, or only its date.
    Date,
    /// One of these names, separated by comma and space.
    OneOf(&'static str),
    /// A link that begins with one of these.
    Link(&'static [&'static str]),
    /// An object of these fields; the check looks at several of them together.
    Object(&'static [Field], Check),
    /// At most so many of a kind.
    List(usize, &'static Kind),
}

/// Looks at the normalised fields of an object; a fault names a field of it.
pub(super) type Check = fn(&Map<String, Value>) -> Option<(&'static str, Fault)>;

/// Fields that need no look at each other.
pub(super) const UNRELATED: Check = |_| None;

/// A field of an object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    name: &'static str,
    presence: Presence,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Presence {
    Required,
    Optional,
    Default(&'static str),
}

/// A field that must be there.
pub(super) const fn required(name: &'static str, kind: Kind) -> Field {
    Field { name, presence: Presence::Required, kind }
}

/// A field that may be absent or null.
pub(super) const fn optional(name: &'static str, kind: Kind) -> Field {
    Field { name, presence: Presence::Optional, kind }
}

/// A field that has this text when it is absent or null.
pub(super) const fn or_default(name: &'static str, default: &'static str, kind: Kind) -> Field {
    Field { name, presence: Presence::Default(default), kind }
}

/// Checks values and collects their faults.
#[derive(Debug, Default)]
pub(super) struct Reader {
    pub(super) faults: Vec<FieldFault>,
}

impl Reader {
    /// The normalised value at this path; none when it is at fault, which is noted.
    pub(super) fn read(&mut self, kind: &Kind, value: &Value, path: &str) -> Option<Value> {
        match kind {
            Kind::Object(fields, check) => self.read_object(fields, *check, value, path),
            Kind::List(max, of) => self.read_list(*max, of, value, path),
            Kind::Text(..)
            | Kind::Integer(..)
            | Kind::Number(..)
            | Kind::Boolean
            | Kind::DateTime
            | Kind::Date
            | Kind::OneOf(_)
            | Kind::Link(_) => self.noted(path, kind.scalar(value)),
        }
    }

    fn read_object(&mut self, fields: &[Field], check: Check, value: &Value, path: &str) -> Option<Value> {
        let written = self.noted(path, value.as_object().ok_or(Fault::WrongType("an object")))?;
        let before = self.faults.len();
        let mut normalised = Map::new();
        for field in fields {
            let path = format!("{path}.{}", field.name);
            let value = match (written.get(field.name), field.presence) {
                (None | Some(Value::Null), Presence::Required) => self.noted(&path, Err(Fault::Required)),
                (None | Some(Value::Null), Presence::Optional) => None,
                (None | Some(Value::Null), Presence::Default(text)) => Some(Value::from(text)),
                (Some(value), Presence::Required | Presence::Optional | Presence::Default(_)) => {
                    self.read(&field.kind, value, &path)
                }
            };
            if let Some(value) = value {
                normalised.insert(field.name.to_owned(), value);
            }
        }
        // Fields that are at fault themselves would only yield follow-up faults.
        if self.faults.len() == before
            && let Some((field, fault)) = check(&normalised)
        {
            self.faults.push(FieldFault::new(format!("{path}.{field}"), fault));
        }
        Some(Value::Object(normalised))
    }

    fn read_list(&mut self, max: usize, of: &Kind, value: &Value, path: &str) -> Option<Value> {
        let entries = self.noted(path, value.as_array().ok_or(Fault::WrongType("a list")))?;
        if entries.len() > max {
            return self.noted(path, Err(Fault::TooMany { max }));
        }
        let entries = entries.iter().enumerate();
        let read = entries.filter_map(|(n, entry)| self.read(of, entry, &format!("{path}[{n}]")));
        Some(Value::Array(read.collect()))
    }

    fn noted<T>(&mut self, path: &str, result: Result<T, Fault>) -> Option<T> {
        result.map_err(|fault| self.faults.push(FieldFault::new(path, fault))).ok()
    }
}

impl Kind {
    /// The normalised form of a single value.
    fn scalar(&self, value: &Value) -> Result<Value, Fault> {
        match self {
            Self::Text(min, max) => text(value, *min, *max).map(Value::from),
            Self::Integer(min, max) => whole(*min, *max)(value).map(Value::from),
            Self::Number(min, max) => number(*min, *max)(value).map(|_| value.clone()),
            Self::Boolean => truth(value).map(Value::from),
            Self::DateTime => {
                let text = text(value, 1, usize::MAX)?;
                let read = Timestamp::parse(&text).ok();
                read.map(|it| Value::from(it.to_string())).ok_or(Fault::Malformed(DATE_TIME))
            }
            Self::Date => {
                let text = text(value, 1, usize::MAX)?;
                if moment(&text).is_some() { Ok(Value::from(text)) } else { Err(Fault::Malformed(DATE)) }
            }
            Self::OneOf(names) => {
                let text = text(value, 1, usize::MAX)?;
                if names.split(", ").any(|name| name == text) {
                    Ok(Value::from(text))
                } else {
                    Err(Fault::NotAllowed(names))
                }
            }
            Self::Link(beginnings) => {
                let text = text(value, 1, 2000)?;
                let link =
                    beginnings.iter().any(|it| text.strip_prefix(it).is_some_and(|rest| !rest.is_empty()));
                let bare = !text.contains(char::is_whitespace);
                if link && bare { Ok(Value::from(text)) } else { Err(Fault::Malformed("an https link")) }
            }
            Self::Object(..) | Self::List(..) => Err(Fault::WrongType("a single value")),
        }
    }
}

/// The instant of a date-time, or the beginning of a date in UTC.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    let beginning = || {
        let date: NaiveDate = text.parse().ok()?;
        Some(Timestamp::from(date.and_hms_opt(0, 0, 0)?.and_utc()))
    };
    Timestamp::parse(text).ok().or_else(beginning)
}

const DATE_TIME: &str = "a date-time such as 2026-01-31T18:00:00Z";
const DATE: &str = "a date such as 2026-01-31, or a date-time";

fn text(value: &Value, min: usize, max: usize) -> Result<String, Fault> {
    let text: String =
        Text::<0, { usize::MAX }>::parse(value.as_str().ok_or(Fault::WrongType("a text"))?)?.into();
    match text.chars().count() {
        0 if min > 0 => Err(Fault::Required),
        length if length < min => Err(Fault::TooShort { min }),
        length if length > max => Err(Fault::TooLong { max }),
        _within => Ok(text),
    }
}

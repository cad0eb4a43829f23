//! Query parameters: read by name, faults collected and told at once, unknown ones ignored.

use std::convert::Infallible;
use std::ops::RangeInclusive;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use service_kit::answer::{FieldFault, Problem};
use uuid::Uuid;

/// The parameters of a request. A handler reads what it knows and then calls [`Params::finish`].
#[derive(Debug, Default)]
pub(crate) struct Params {
    pairs: Vec<(String, String)>,
    faults: Vec<FieldFault>,
}

impl Params {
    pub(crate) fn of_query(query: Option<&str>) -> Self {
        let parts = query.unwrap_or_default().split('&').filter(|it| !it.is_empty());
        let pairs = parts.map(|part| part.split_once('=').unwrap_or((part, "")));
        Self {
            pairs: pairs.map(|(name, value)| (decoded(name), decoded(value))).collect(),
            faults: Vec::new(),
        }
    }

    /// Every value of a repeatable parameter.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(move |(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    /// A text that is not empty; the first one counts.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.all(name).next().map(|it| it.trim().to_owned()).filter(|it| !it.is_empty())
    }

    /// A text as it is, spaces included, that is not empty and can stand in PostgreSQL; the first one counts.
    pub(crate) fn exact_text(&self, name: &str) -> Option<String> {
        self.all(name).next().filter(|it| !it.is_empty() && !it.contains('\0')).map(str::to_owned)
    }

    /// A text of at most `longest` characters.
    pub(crate) fn short_text(&mut self, name: &'static str, longest: usize) -> Option<String> {
        let text = self.text(name)?;
        if text.chars().count() > longest {
            self.fault(name, "TOO_LONG", format!("{name} has at most {longest} characters"));
            return None;
        }
        // PostgreSQL has no such character in texts.
        if text.contains('\0') {
            self.fault(name, "INVALID_FORMAT", format!("{name} has a character that is not allowed"));
            return None;
        }
        Some(text)
    }

    /// One of a closed set.
    pub(crate) fn one_of(&mut self, name: &'static str, allowed: &[&'static str]) -> Option<&'static str> {
        let text = self.text(name)?;
        let found = allowed.iter().find(|it| **it == text);
        if found.is_none() {
            self.fault(name, "NOT_ALLOWED", format!("{name} must be one of {}", allowed.join(", ")));
        }
        found.copied()
    }

    /// An id.
    pub(crate) fn uuid(&mut self, name: &'static str) -> Option<Uuid> {
        let parsed = Uuid::parse_str(&self.text(name)?);
        if parsed.is_err() {
            self.fault(name, "INVALID_FORMAT", format!("{name} must be a UUID"));
        }
        parsed.ok()
    }

    /// A whole number within a range.
    pub(crate) fn integer(&mut self, name: &'static str, range: RangeInclusive<u32>) -> Option<u32> {
        let text = self.text(name)?;
        match text.parse() {
            Ok(number) if range.contains(&number) => Some(number),
            // An optional minus and digits: a number, only too small or large.
            _ if text.trim_start_matches('-').bytes().all(|it| it.is_ascii_digit()) && text != "-" => {
                self.fault(
                    name,
                    "OUT_OF_RANGE",
                    format!("{name} must be {} to {}", range.start(), range.end()),
                );
                None
            }
            _ => {
                self.fault(name, "INVALID_TYPE", format!("{name} must be a whole number"));
                None
            }
        }
    }

    /// A number within a range.
    pub(crate) fn number(&mut self, name: &'static str, range: RangeInclusive<f64>) -> Option<f64> {
        match self.text(name)?.parse::<f64>() {
            Ok(number) if range.contains(&number) => Some(number),
            Ok(_) => {
                self.fault(
                    name,
                    "OUT_OF_RANGE",
                    format!("{name} must be {} to {}", range.start(), range.end()),
                );
                None
            }
            Err(_) => {
                self.fault(name, "INVALID_TYPE", format!("{name} must be a number"));
                None
            }
        }
    }

    /// `true` or `false`; a name without value means true.
    pub(crate) fn flag(&mut self, name: &'static str) -> Option<bool> {
        let text = self.all(name).next().map(|it| it.trim().to_owned());
        match text.as_deref() {
            None => None,
            Some("true" | "1" | "") => Some(true),
            Some("false" | "0") => Some(false),
            Some(_) => {
                self.fault(name, "INVALID_TYPE", format!("{name} must be true or false"));
                None
            }
        }
    }

    /// Notes a fault when there is no value, and why is not noted yet.
    pub(crate) fn required<T>(&mut self, name: &'static str, value: Option<T>) -> Option<T> {
        if value.is_none() && !self.faults.iter().any(|it| it.field == name) {
            self.fault(name, "REQUIRED", format!("{name} must be given"));
        }
        value
    }

    /// Notes a fault.
    pub(crate) fn fault(&mut self, name: &'static str, code: &'static str, message: String) {
        self.faults.push(FieldFault::new(name, code, message));
    }

    /// All faults at once.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        if self.faults.is_empty() { Ok(()) } else { Err(Problem::validation(self.faults)) }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of_query(parts.uri.query()))
    }
}

/// A text as part of a query, percent-encoded but for what means nothing there.
pub(crate) fn encoded(text: &str) -> String {
    let plain = |it: u8| it.is_ascii_alphanumeric() || b"-._/".contains(&it);
    let encoded = |it: u8| if plain(it) { char::from(it).to_string() } else { format!("%{it:02X}") };
    text.bytes().map(encoded).collect()
}

/// Percent-decoding with `+` as space; what is no UTF-8 becomes replacement characters.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = |at: usize| after.get(at).and_then(|it| char::from(*it).to_digit(16));
        match (first, hex(0), hex(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
                rest = &after[2..];
            }
            (b'+', ..) => {
                bytes.push(b' ');
                rest = after;
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use service_kit::answer::Problem;

    use super::{Params, encoded};

    #[test]
    fn all_faults_are_told_at_once() {
        let mut params = Params::of_query(Some("limit=0&page=x&sort=up&id=7&has_space=maybe&lat=91"));
        params.integer("limit", 1..=100);
        params.integer("page", 1..=10);
        params.one_of("sort", &["newest"]);
        params.uuid("id");
        params.flag("has_space");
        params.number("lat", -90.0..=90.0);
        let problem: Problem = params.finish().expect_err("everything is wrong");
        let fields: Vec<_> = problem.fields().iter().map(|it| it.field.as_str()).collect();
        assert_eq!(fields, ["limit", "page", "sort", "id", "has_space", "lat"]);
    }

    #[test]
    fn values_are_decoded_and_repeatable() {
        let params = Params::of_query(Some("p=a%2Fb%400&p=c+d&q=%zz&r"));
        assert_eq!(params.all("p").collect::<Vec<_>>(), ["a/b@0", "c d"]);
        assert_eq!(params.text("q").as_deref(), Some("%zz"));
        assert_eq!(params.text("r"), None);
        let texts = ["/console/flow?id=a&since=2026-11-20T10:15", " a ", "100 % ä", "'\"<"];
        for text in texts {
            let params = Params::of_query(Some(&format!("p={}&q=1", encoded(text))));
            assert_eq!(params.exact_text("p").as_deref(), Some(text));
        }
    }
}

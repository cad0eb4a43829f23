//! The members of an answer: what an event holds, under the names of the API.

use event_schemas::{Placeholder, Sealable, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// An object of an answer in the making.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown(Map<String, Value>);

impl Shown {
    /// An object with this id.
    pub(crate) fn with_id(id: impl Serialize) -> Self {
        Self::default().put("id", id)
    }

    /// A member.
    pub(crate) fn put(mut self, name: &str, value: impl Serialize) -> Self {
        self.0.insert(name.to_owned(), json!(value));
        self
    }

    /// A member, unless there is none.
    pub(crate) fn maybe(self, name: &str, value: &Option<impl Serialize>) -> Self {
        match value {
            Some(value) => self.put(name, value),
            None => self,
        }
    }

    /// An instant, unless there is none.
    pub(crate) fn maybe_at(self, name: &str, at: Option<Timestamp>) -> Self {
        self.maybe(name, &at.map(|it| it.to_string()))
    }

    /// A personal text, unless there is none.
    pub(crate) fn maybe_text(self, name: &str, text: &Option<Sealable<String>>) -> Self {
        self.maybe(name, &text.as_ref().map(|it| it.reveal(Placeholder::Forgotten)))
    }

    /// A personal object, unless there is none.
    pub(crate) fn maybe_object<T: Serialize>(self, name: &str, object: &Option<Sealable<T>>) -> Self {
        match object {
            Some(Sealable::Clear(value)) => self.put(name, value),
            Some(Sealable::Sealed(_) | Sealable::Forgotten) => self.put(name, json!({})),
            None => self,
        }
    }

    /// Members that became null.
    pub(crate) fn cleared<'a>(self, names: impl IntoIterator<Item = &'a str>) -> Self {
        names.into_iter().fold(self, |shown, name| shown.put(name, Value::Null))
    }
}

impl From<Shown> for Value {
    fn from(shown: Shown) -> Self {
        Self::Object(shown.0)
    }
}

//! The projections, a file each, and the few words that their folds share.

use event_schemas::{Placeholder, Sealable};
use uuid::Uuid;

use crate::projection::Unfoldable;

pub(crate) mod community;
pub(crate) mod feed;
pub(crate) mod notifications;
pub(crate) mod reputation;
pub(crate) mod requests;
pub(crate) mod user_directory;

#[cfg(test)]
mod tests;

/// Takes a changed field over; an absent one is unchanged.
fn change<T: Clone>(field: &mut T, changed: Option<&T>) {
    if let Some(value) = changed {
        field.clone_from(value);
    }
}

/// Takes a changed optional field over; `cleared` names those that became null.
fn change_or_clear<T: Clone>(field: &mut Option<T>, changed: Option<&T>, name: &str, cleared: &[String]) {
    if changed.is_some() {
        *field = changed.cloned();
    } else if cleared.iter().any(|it| it == name) {
        *field = None;
    }
}

/// A personal text, its placeholder once it is forgotten.
fn text(field: Option<&Sealable<String>>) -> Option<String> {
    field.map(|it| it.reveal(Placeholder::Forgotten))
}

/// A personal value that has no placeholder: null once it is forgotten.
fn value<T: Clone>(field: Option<&Sealable<T>>) -> Option<T> {
    field.and_then(Sealable::clear).cloned()
}

/// An id that the schema holds as plain text.
fn uuid(text: &str, event_type: &'static str, field: &'static str) -> Result<Uuid, Unfoldable> {
    Uuid::parse_str(text).map_err(|_| Unfoldable { event_type, field, expected: "a UUID" })
}

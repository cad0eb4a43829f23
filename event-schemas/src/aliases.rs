//! Names that people and programs may use for an event type; only the stored name is on the log.

use crate::{Entry, RecordKind, entries};

/// Which form of a name an answer uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Naming {
    /// The catalog's name: `UserJoinedCommunity`.
    #[default]
    Stored,
    /// Entity and rest: `user.joined_community`.
    Dotted,
    /// The same with underscores: `user_joined_community`.
    Underscore,
}

impl Entry {
    /// Its name in this form.
    #[must_use]
    pub fn named(&self, naming: Naming) -> String {
        match naming {
            Naming::Stored => self.name.to_owned(),
            Naming::Dotted => dotted(self),
            Naming::Underscore => dotted(self).replace('.', "_"),
        }
    }

    /// Whether `name`, in lower case, is one of its names.
    fn answers_to(&self, name: &str) -> bool {
        [Naming::Stored, Naming::Dotted, Naming::Underscore]
            .into_iter()
            .map(|it| self.named(it).to_lowercase())
            .chain(self.aliases.iter().map(|it| (*it).to_owned()))
            .any(|it| it == name)
    }
}

/// The event type that goes by this name in any form, in any case, also in American spelling.
///
/// # Errors
/// [`UnknownEventType`] with the three nearest stored names.
pub fn resolve_alias(name: &str) -> Result<&'static Entry, UnknownEventType> {
    let wanted = name.to_lowercase().replace("canceled", "cancelled");
    events().find(|it| it.answers_to(&wanted)).ok_or_else(|| {
        let mut near: Vec<_> =
            events().map(|it| (distance(&wanted, &it.name.to_lowercase()), it.name)).collect();
        near.sort_unstable();
        UnknownEventType {
            name: name.to_owned(),
            nearest: near.into_iter().take(3).map(|(_, it)| it).collect(),
        }
    })
}

/// No event type goes by this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} names no event type; nearest are {}", nearest.join(", "))]
pub struct UnknownEventType {
    /// What was asked for.
    pub name: String,
    /// Up to three stored names, nearest first.
    pub nearest: Vec<&'static str>,
}

fn events() -> impl Iterator<Item = &'static Entry> {
    entries().filter(|it| it.kind == RecordKind::Event)
}

/// snake(entity) `.` snake(rest), where the rest is the name without the words of the entity at its start.
fn dotted(entry: &Entry) -> String {
    let snake = snake(entry.name);
    let entity = entry.entity.replace('.', "_");
    let rest = snake.strip_prefix(&entity).map_or(snake.as_str(), |it| it.trim_start_matches('_'));
    format!("{}.{rest}", entry.entity)
}

fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for (index, letter) in name.char_indices() {
        if letter.is_ascii_uppercase() && index > 0 {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// Levenshtein distance, row by row.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::{Naming, events, resolve_alias};

    #[test]
    fn every_name_of_every_type_resolves_to_it_alone() {
        let mut owners: HashMap<String, &str> = HashMap::new();
        for entry in events() {
            let forms =
                [Naming::Stored, Naming::Dotted, Naming::Underscore].map(|it| entry.named(it).to_lowercase());
            for name in forms.into_iter().chain(entry.aliases.iter().map(|it| (*it).to_owned())) {
                let owner = owners.entry(name.clone()).or_insert(entry.name);
                assert_eq!(*owner, entry.name, "{name} names two types");
                assert_eq!(resolve_alias(&name).expect("resolves").name, entry.name);
            }
        }
    }

    #[test]
    fn american_spelling_and_any_case_resolve() {
        assert_eq!(resolve_alias("Request.Canceled").expect("resolves").name, "RequestCancelled");
        assert_eq!(resolve_alias("USER_CREATED").expect("resolves").name, "UserRegistered");
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest() {
        let unknown = resolve_alias("RequestCreate").expect_err("no such type");
        assert_eq!(unknown.nearest[0], "RequestCreated");
    }
}

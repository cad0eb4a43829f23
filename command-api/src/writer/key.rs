//! Which aggregate of a partition. There is one for each that lives, in a map, in a heap of timers and in windows: so a
//! UUID, which nearly every id is, takes its 16 bytes and nothing on the heap.

use std::fmt;
use std::sync::Arc;

use event_schemas::AggregateType;
use uuid::Uuid;
use uuid::fmt::Hyphenated;

/// Key of an aggregate within its partition.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Key {
    /// Its id is a UUID, written with hyphens in lower case.
    Uuid(AggregateType, Uuid),
    /// Its id is anything else.
    Text(AggregateType, Arc<str>),
}

impl Key {
    /// The aggregate of this kind with this id.
    pub(super) fn new(aggregate: AggregateType, id: &str) -> Self {
        // Two spellings of a UUID would be two aggregates on the log.
        let written = |it: &Uuid| it.hyphenated().encode_lower(&mut [0; Hyphenated::LENGTH]) == id;
        match Uuid::try_parse(id).ok().filter(written) {
            Some(uuid) => Self::Uuid(aggregate, uuid),
            None => Self::Text(aggregate, id.into()),
        }
    }

    /// Its kind.
    pub(super) const fn aggregate(&self) -> AggregateType {
        match self {
            Self::Uuid(aggregate, _) | Self::Text(aggregate, _) => *aggregate,
        }
    }

    /// Its id.
    pub(super) fn id(&self) -> String {
        match self {
            Self::Uuid(_, id) => id.to_string(),
            Self::Text(_, id) => id.as_ref().to_owned(),
        }
    }
}

/// `kind/id`, as it stands in the keys of snapshots and in log lines.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uuid(aggregate, id) => write!(f, "{}/{id}", aggregate.name()),
            Self::Text(aggregate, id) => write!(f, "{}/{id}", aggregate.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use event_schemas::AggregateType;

    use super::Key;

    #[test]
    fn every_id_is_told_as_it_was_written() {
        let lower = "0190d6f5-7a3b-7c1d-8e2f-0123456789ab";
        for id in [lower, &lower.to_uppercase(), &lower.replace('-', ""), "a/b#1", ""] {
            let key = Key::new(AggregateType::User, id);
            assert_eq!((key.id(), key.aggregate()), (id.to_owned(), AggregateType::User));
            assert_eq!(matches!(key, Key::Uuid(..)), id == lower, "{id}");
        }
    }
}

//! What a projection is: a set of tables and a pure fold of facts into them.

use event_log::Position;
use event_schemas::{Domain, Envelope, Event};

use crate::table::AnyTable;

/// A projection while it folds. Its fields are its tables; `Default` is the empty one.
///
/// A fold decides nothing, reads no clock and does no I/O (invariant R2). A row that events of several topics touch must
/// come out the same whatever the order of the topics: let one topic own each row, or insert rows by event id.
pub trait Projection: Send + Sync {
    /// What it needs of events of this type.
    fn interest(&self, event_type: &str) -> Interest;

    /// Folds one fact into the tables.
    ///
    /// # Errors
    /// [`Unfoldable`] when a value in it has not the form that its type promises. The record is parked then, as it is when
    /// this panics, and what was changed before is undone.
    fn fold(&mut self, fact: &Fact) -> Result<(), Unfoldable>;

    /// Its tables, in the order in which they are written.
    fn tables(&mut self) -> Vec<&mut dyn AnyTable>;
}

/// How much of an event a projection reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Nothing: the record is passed over without decoding it.
    Nothing,
    /// Ids, numbers, closed values: sealed fields stay sealed.
    Facts,
    /// Personal texts, too: sealed fields are opened.
    Texts,
}

/// An event with its place in the log.
#[derive(Clone, Debug)]
pub struct Fact {
    /// Where it stands.
    pub position: Position,
    /// Who, when, which version.
    pub envelope: Envelope,
    /// What happened.
    pub event: Event,
}

/// A value of an event has not the form that its type promises.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} of {event_type} is not {expected}")]
pub struct Unfoldable {
    /// The type of the event.
    pub event_type: &'static str,
    /// The field.
    pub field: &'static str,
    /// What it should be.
    pub expected: &'static str,
}

/// A line of the registry.
#[derive(Clone, Copy, Debug)]
pub struct Registration {
    /// Its name, in groups, checkpoints, metrics and commands.
    pub name: &'static str,
    /// The domains whose facts it folds.
    pub domains: &'static [Domain],
    /// Raised when a fold changes its meaning, so that rows of before are known to need a rebuild.
    pub revision: u32,
    pub(crate) new: fn() -> Box<dyn Projection>,
}

/// The consumer group of the projection of this name.
#[must_use]
pub fn group(projection: &str) -> String {
    format!("karmyq-projection-{projection}")
}

impl Registration {
    /// The registration of a projection.
    #[must_use]
    pub const fn of<P: Projection + Default + 'static>(
        name: &'static str,
        revision: u32,
        domains: &'static [Domain],
    ) -> Self {
        Self { name, domains, revision, new: || Box::new(P::default()) }
    }

    /// The topics that it reads.
    pub fn topics(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.domains.iter().map(|it| it.events_topic())
    }

    /// Its consumer group.
    #[must_use]
    pub fn group(&self) -> String {
        group(self.name)
    }

    /// Its tables, `schema.name` each, in the order in which they are written.
    #[must_use]
    pub fn tables(&self) -> Vec<String> {
        (self.new)().tables().iter().map(|it| it.name().to_owned()).collect()
    }

    /// What tells whether stored rows were made by this code: revision, tables and their columns.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut projection = (self.new)();
        let columns: Vec<_> = projection.tables().iter().map(|it| it.columns()).collect();
        format!("{}: {}", self.revision, columns.join("; "))
    }
}

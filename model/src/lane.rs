//! A lane: where the window stands that it carries.

use crate::broker::Record;
use crate::group::Generation;

/// A lane that carries a window.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lane {
    /// The session that it belongs to.
    pub session: u8,
    /// Whether the actor still waits for it. When the session ends without it, it goes on by itself.
    pub is_flight: bool,
    /// What it carries.
    pub window: Vec<Record>,
    /// The losses of the consumer when it began.
    pub losses: u8,
    /// Its transaction, once begun.
    pub transaction: Option<u8>,
    /// How often a generation was refused.
    pub refusals: u8,
    /// Whether the fence was passed.
    pub fenced: bool,
    /// Its owner waits no longer, and has closed the gate before the commit.
    pub given_up: bool,
    /// What it does next.
    pub at: At,
}

/// What a lane does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum At {
    /// It has not begun.
    Handed,
    /// This record, by its place in the window, is on its way to the broker.
    Producing(u8),
    /// As many records as come before the fence are delivered.
    Delivered,
    /// It took this generation and has not asked for losses.
    Taken(Generation),
    /// It has asked for losses and took no generation.
    Checked,
    /// This generation is on its way to the group's coordinator.
    Fencing(Generation),
    /// The generation was refused, or there was none.
    Refused,
    /// The commit is on its way.
    Committing,
    /// It is done, and the actor has not heard of it.
    Done(Outcome),
}

/// What became of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It is in the log.
    Committed,
    /// It is not in the log.
    Aborted,
    /// It is not in the log, and somebody else may own the partition.
    Fenced,
    /// Nobody knows.
    Unknown,
}

impl Lane {
    /// A window in the hands of a lane.
    #[must_use]
    pub const fn new(session: u8, window: Vec<Record>) -> Self {
        Self {
            session,
            is_flight: true,
            window,
            losses: 0,
            transaction: None,
            refusals: 0,
            fenced: false,
            given_up: false,
            at: At::Handed,
        }
    }

    /// What became of its window, when it is done.
    #[must_use]
    pub const fn outcome(&self) -> Option<Outcome> {
        if let At::Done(outcome) = self.at { Some(outcome) } else { None }
    }

    /// Whether it is done and nobody waits for it.
    pub(crate) const fn is_abandoned(&self) -> bool {
        !self.is_flight && self.outcome().is_some()
    }
}

//! given – when – then: tests in the words of the domain.

use std::fmt::Debug;

use event_schemas::{EventId, Timestamp};
use uuid::Uuid;

use crate::{Aggregate, Meta};

/// An aggregate with a past, `now` being the instant at which it is asked.
pub(crate) struct Given<A: Aggregate> {
    state: A,
    now: Timestamp,
}

/// Folds the past. Event `n` has the id `n` and the time 0.
pub(crate) fn given<A: Aggregate>(past: impl IntoIterator<Item = A::Event>) -> Given<A> {
    let mut state = A::default();
    for (event, n) in past.into_iter().zip(1..) {
        state.evolve(&event, Meta { event_id: EventId::new(Uuid::from_u128(n)), at: Timestamp::from_micros(0) });
    }
    Given { state, now: Timestamp::from_micros(0) }
}

impl<A: Aggregate> Given<A>
where
    A::Event: PartialEq,
{
    /// The instant at which the command is decided.
    pub(crate) fn at(mut self, now: Timestamp) -> Self {
        self.now = now;
        self
    }

    /// Decides; the events are folded too, so that a repeat can be asked.
    pub(crate) fn when(&self, command: impl Into<A::Command>) -> When<A> {
        let command = command.into();
        When { result: self.state.decide(&command, self.now) }
    }

    /// The folded state.
    pub(crate) fn state(&self) -> &A {
        &self.state
    }
}

/// What came of it.
pub(crate) struct When<A: Aggregate> {
    result: Result<Vec<A::Event>, A::Rejection>,
}

impl<A: Aggregate> When<A>
where
    A::Event: PartialEq + Debug,
{
    /// Exactly these events.
    #[track_caller]
    pub(crate) fn then(self, events: impl IntoIterator<Item = A::Event>) {
        assert_eq!(self.result.expect("accepted"), events.into_iter().collect::<Vec<_>>());
    }

    /// Accepted without an event.
    #[track_caller]
    pub(crate) fn then_nothing(self) {
        assert_eq!(self.result.expect("accepted"), Vec::new());
    }

    /// Refused like this.
    #[track_caller]
    pub(crate) fn then_refused(self, rejection: A::Rejection) {
        assert_eq!(self.result.expect_err("refused"), rejection);
    }
}

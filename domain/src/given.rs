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
        state.evolve(
            &event,
            Meta { event_id: EventId::new(Uuid::from_u128(n)), at: Timestamp::from_micros(0) },
        );
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

    /// A command that was accepted at that instant belongs to the past, too.
    #[track_caller]
    pub(crate) fn after(mut self, command: impl Into<A::Command>) -> Self {
        let events = self.state.decide(&command.into(), self.now).expect("accepted");
        fold(&mut self.state, &events, self.now);
        self
    }

    /// Asks.
    pub(crate) fn when(&self, command: impl Into<A::Command>) -> When<A> {
        let command = command.into();
        let result = self.state.decide(&command, self.now);
        When { state: self.state.clone(), now: self.now, command, result }
    }

    /// The folded state.
    pub(crate) fn state(&self) -> &A {
        &self.state
    }
}

/// What came of it.
pub(crate) struct When<A: Aggregate> {
    state: A,
    now: Timestamp,
    command: A::Command,
    result: Result<Vec<A::Event>, A::Rejection>,
}

impl<A: Aggregate> When<A>
where
    A::Event: PartialEq + Debug,
{
    /// Exactly these events, and none when it is asked again: saying it twice changes nothing.
    #[track_caller]
    pub(crate) fn then(mut self, events: impl IntoIterator<Item = A::Event>) {
        let events: Vec<_> = events.into_iter().collect();
        fold(&mut self.state, &events, self.now);
        let again = self.state.decide(&self.command, self.now).unwrap_or_default();
        self.then_adding(events);
        assert_eq!(again, Vec::new(), "asked again");
    }

    /// Exactly these events, of a command that adds each time and is recognised by its id alone.
    #[track_caller]
    pub(crate) fn then_adding(self, events: impl IntoIterator<Item = A::Event>) {
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

/// Folds events that were decided at `now`. Their ids tell them from those of the given past.
fn fold<A: Aggregate>(state: &mut A, events: &[A::Event], now: Timestamp) {
    for (event, n) in events.iter().zip(1001..) {
        state.evolve(event, Meta { event_id: EventId::new(Uuid::from_u128(n)), at: now });
    }
}

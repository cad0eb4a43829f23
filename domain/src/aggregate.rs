//! The shape that all aggregates share, and their sum for the writer.

use std::fmt::Debug;

use event_schemas::{
    AggregateType, CommunityId, Event, EventId, Recorded, SealedFields, SealedSlot, Timestamp,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::views::{Lagging, Views};
use crate::{Refusal, community, help_request, inbox, standing, user};

/// An aggregate: a state that is a fold of its events, and decisions that follow from it.
///
/// Source of the shape: the decider pattern of Jérémie Chassaing (decide, evolve, initial state).
pub trait Aggregate: Clone + Debug + Default + Send + Sync {
    /// What can be asked of it. Time, ids and facts about other aggregates come inside the command.
    type Command: Clone + Debug;
    /// What can happen to it.
    type Event: Clone + Debug;
    /// How it can refuse.
    type Rejection: Clone + Debug + PartialEq + Into<Refusal>;

    /// What follows from the command: events in order, none when it asks for what is already so.
    ///
    /// # Errors
    /// The refusal; the state is then as it was.
    fn decide(&self, command: &Self::Command, now: Timestamp) -> Result<Vec<Self::Event>, Self::Rejection>;

    /// The state after the event, whose personal fields are clear wherever their keys live. Never fails: a fact that fits no
    /// state leaves it as it is.
    fn evolve(&mut self, event: &Self::Event, meta: Meta);

    /// The earliest thing that becomes due by itself; none when nothing is armed.
    fn timer(&self) -> Option<Timer<Self::Command>>;

    /// The community that an event concerns, when it is exactly one; the state is that after the event.
    fn community_of(&self, event: &Self::Event) -> Option<CommunityId>;
}

/// What folding needs of an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta {
    /// The event's id; a timer that it arms names it as its cause.
    pub event_id: EventId,
    /// When it was decided.
    pub at: Timestamp,
}

/// A command that an aggregate sends itself when it is due.
#[derive(Clone, Debug, PartialEq)]
pub struct Timer<C> {
    /// When.
    pub due: Timestamp,
    /// What kind, as in `timer:<kind>` and in the command's id.
    pub kind: &'static str,
    /// The event that armed it.
    pub armed_by: EventId,
    /// What to do then.
    pub command: C,
}

impl<C> Timer<C> {
    /// The same timer with the command in another type.
    pub fn map<D>(self, into: impl FnOnce(C) -> D) -> Timer<D> {
        Timer { due: self.due, kind: self.kind, armed_by: self.armed_by, command: into(self.command) }
    }
}

/// A command that came through a command topic, with what its target's decision knows at that moment.
pub trait Internal: Sized {
    /// Completes the wire command from the views. `fresh` is a new `UUIDv7` for a thing that it may create.
    ///
    /// # Errors
    /// [`Lagging`] when a view does not know yet what it must know.
    fn complete(
        wire: &Recorded<event_schemas::Command>,
        views: &dyn Views,
        fresh: Uuid,
    ) -> Result<Self, Lagging>;
}

/// Joins the aggregates into one state and one command, a line each.
macro_rules! aggregates {
    ($($variant:ident($module:ident, $events:ident)),* $(,)?) => {
        /// The state of any aggregate.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub enum State {
            $(#[doc = concat!("Of a ", stringify!($module), ".")] $variant($module::State),)*
        }

        /// A command to any aggregate.
        #[derive(Clone, Debug)]
        pub enum Command {
            $(#[doc = concat!("To a ", stringify!($module), ".")] $variant($module::Command),)*
        }

        $(
            impl From<$module::Command> for Command {
                fn from(command: $module::Command) -> Self {
                    Self::$variant(command)
                }
            }
        )*

        impl Command {
            /// Kind of aggregate that it is for.
            #[must_use]
            pub const fn target(&self) -> AggregateType {
                match self {
                    $(Self::$variant(_) => AggregateType::$variant,)*
                }
            }
        }

        impl State {
            /// Before the first event.
            #[must_use]
            pub fn initial(of: AggregateType) -> Self {
                match of {
                    $(AggregateType::$variant => Self::$variant($module::State::default()),)*
                }
            }

            /// See [`Aggregate::decide`].
            ///
            /// # Errors
            /// The refusal.
            ///
            /// # Panics
            /// When the command is for another kind of aggregate: a fault of the caller.
            pub fn decide(&self, command: &Command, now: Timestamp) -> Result<Vec<Event>, Refusal> {
                match (self, command) {
                    $((Self::$variant(state), Command::$variant(command)) => state
                        .decide(command, now)
                        .map(|events| events.into_iter().map(|it| Event::$events(it.into())).collect())
                        .map_err(Into::into),)*
                    (state, command) => unreachable!("{command:?} is not for {state:?}"),
                }
            }

            /// See [`Aggregate::evolve`]. An event of another domain leaves the state as it is.
            pub fn evolve(&mut self, event: &Event, meta: Meta) {
                match (self, event) {
                    $((Self::$variant(state), Event::$events(event)) => state.evolve(event, meta),)*
                    _ => {}
                }
            }

            /// See [`Aggregate::timer`].
            #[must_use]
            pub fn timer(&self) -> Option<Timer<Command>> {
                match self {
                    $(Self::$variant(state) => state.timer().map(|it| it.map(Command::$variant)),)*
                }
            }

            /// See [`Aggregate::community_of`].
            #[must_use]
            pub fn community_of(&self, event: &Event) -> Option<CommunityId> {
                match (self, event) {
                    $((Self::$variant(state), Event::$events(event)) => state.community_of(event),)*
                    _ => None,
                }
            }
        }
    };
}

impl SealedFields for State {
    /// The personal values that the state holds. Only an account does: it compares what it is told with what it knows.
    fn sealed_fields(&mut self) -> Vec<SealedSlot<'_>> {
        match self {
            Self::User(state) => state.sealed_fields(),
            Self::Community(_) | Self::HelpRequest(_) | Self::Standing(_) | Self::Inbox(_) => Vec::new(),
        }
    }
}

aggregates! {
    User(user, User),
    Community(community, Community),
    HelpRequest(help_request, Request),
    Standing(standing, Reputation),
    Inbox(inbox, Notification),
}

impl Command {
    /// A timer's command with what it must know of other aggregates at the moment of its decision: it comes from the
    /// state alone. Any other command carries all that it needs.
    #[must_use]
    pub fn informed(self, state: &State, views: &dyn Views) -> Self {
        match (self, state) {
            (Self::HelpRequest(command), State::HelpRequest(request)) => {
                command.informed(request, views).into()
            }
            (complete, _) => complete,
        }
    }
}

impl Internal for Command {
    fn complete(
        wire: &Recorded<event_schemas::Command>,
        views: &dyn Views,
        fresh: Uuid,
    ) -> Result<Self, Lagging> {
        use event_schemas::Command as Wire;
        Ok(match &wire.payload {
            Wire::User(command) => user::Command::from(command).into(),
            Wire::Community(command) => community::Command::from(command).into(),
            Wire::Request(command) => help_request::Command::from(command).into(),
            Wire::Reputation(command) => standing::Command::complete(command, views)?.into(),
            Wire::Notification(command) => inbox::Command::complete(command, views, fresh)?.into(),
        })
    }
}

#[cfg(test)]
mod sizes {
    use crate::State;

    /// A state lives as long as its aggregate, millions of times in each owner: what grows here is noticed.
    #[test]
    fn a_state_is_no_larger_than_it_was() {
        assert!(size_of::<State>() <= 184, "{} bytes", size_of::<State>());
    }
}

//! Policies: an event here asks for commands there. Pure; the writer runs them on the events that it is about to append
//! and sends their commands in the same transaction. A policy never runs on replay.
//!
//! The id of a command derives from its event (`uuid5(eventId, "<policy>:<index>")`), so the target's ledger drops a repeat.

mod exchange;
mod membership;
mod notices;

use event_schemas::{Command, Event, Recorded};

use crate::State;
use crate::views::Views;

/// A policy's command for one aggregate.
#[derive(Clone, Debug, PartialEq)]
pub struct Reaction {
    /// Name of the policy, as in `policy:<name>`.
    pub policy: &'static str,
    /// Its number among the commands of this policy for this event, from 0.
    pub index: usize,
    /// Id of the target aggregate.
    pub target: String,
    /// What is asked.
    pub command: Command,
}

/// What a policy asks for: commands, each with the id of its target.
pub type Asked = Vec<(String, Command)>;

/// A policy looks at an event, at its aggregate after it and at the views, and asks for commands.
pub struct Policy {
    /// Its name; part of command ids, so it never changes.
    pub name: &'static str,
    /// What it asks for.
    pub react: fn(&Recorded<Event>, &State, &dyn Views) -> Asked,
}

impl std::fmt::Debug for Policy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Policy").field("name", &self.name).finish_non_exhaustive()
    }
}

/// All policies, a line each, in the order in which they run.
pub const REGISTRY: &[Policy] = &[
    exchange::CREDIT_EXCHANGE,
    exchange::COUNT_EXCHANGE,
    exchange::RECORD_FEEDBACK,
    membership::DETACH_REQUESTS,
    notices::NOTICES,
];

/// What all policies ask for after this event.
#[must_use]
pub fn react(event: &Recorded<Event>, state: &State, views: &dyn Views) -> Vec<Reaction> {
    let asked = |policy: &Policy| {
        let name = policy.name;
        let reaction = move |(index, (target, command))| Reaction { policy: name, index, target, command };
        (policy.react)(event, state, views).into_iter().enumerate().map(reaction)
    };
    REGISTRY.iter().flat_map(asked).collect()
}

//! The write side as a model that is explored whole: every interleaving of instances, group, broker and faults.
//!
//! A [`World`] is a few command-api instances that share one partition of one domain, the coordinator of their group,
//! the broker's log of that partition, and clients that repeat their commands. Each [`Step`] is one thing that one of
//! them does; a table in ARCHITECTURE.md names the function of the code that does it. Pauses need no step: whoever is not
//! chosen stands still, for as long as the others please. So every step is a place where a thread may have slept.
//!
//! [`WriteSide`] tells which steps are possible and what must hold; `stateright` explores them all. What makes the write
//! side safe is a list of [`Rule`]s, and each of them can be taken out: then a counter-example must come up, or the rule
//! is not needed. [`Bounds`] keep the exploration finite.
//!
//! What is assumed of Kafka, because the code relies on it: a record of a transaction that is not open any more is refused
//! (transaction verification and producer epochs), a repeated record is dropped (sequence numbers), a transaction is
//! decided once, and what every in-sync replica has is never lost. Aggregates are one, and an event is one command's:
//! what a record was decided on is the list of all commands before it, so any deviation of that list is seen.

mod bounds;
mod broker;
mod exploration;
mod group;
mod instance;
mod lane;
mod properties;
mod rules;
mod scenarios;
mod step;
mod steps;
mod world;

pub use bounds::Bounds;
pub use broker::{Applied, Broker, Command, Record, SessionId, Status, Transaction};
pub use exploration::{CounterExample, Exploration, counter_example, explore};
pub use group::{Generation, Group};
pub use instance::{Actor, Consumer, GroupEvent, Instance, Life, Load, Partition};
pub use lane::{At, Lane, Outcome};
pub use properties::{MUST_HAPPEN, MUST_HOLD};
pub use rules::{Rule, Rules};
pub use scenarios::{SCENARIOS, Scenario};
pub use step::Step;
pub use world::{Clients, Late, World, WriteSide};

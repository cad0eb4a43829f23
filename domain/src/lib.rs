//! The rules: what may happen, as pure functions without clock, chance, log or I/O (invariant W3).
//!
//! One module per aggregate, each in the same order: life cycle, `State`, `Command`, `Rejection`, `decide`, `evolve`, a
//! function per command. `aggregate` names the shape that they share and joins them for the writer; `policies` turns an
//! event here into commands there; `views` says what a decision may know of other aggregates; `text` and `patch` are what
//! values of commands are made of.

mod aggregate;
mod growing;
mod patch;
mod reading;
mod refusal;

pub mod community;
pub mod help_request;
pub mod inbox;
pub mod policies;
pub mod standing;
pub mod text;
pub mod user;
pub mod views;

#[cfg(test)]
mod given;
#[cfg(test)]
mod known;

pub use aggregate::{Aggregate, Command, Internal, Meta, State, Timer};
pub use patch::Patch;
pub use refusal::{Class, Refusal};

//! The read side: pure folds of the event topics into PostgreSQL rows, exactly once.
//!
//! `projection` says what a projection is, `registry` lists them, `projections` holds them, a file each. A projection
//! names its rows with `row` and touches them through `table`; `statements` makes the SQL. The engine around it:
//! `runner` joins a group per projection and starts a `worker` per assigned partition, which claims the partition's
//! `checkpoint` (`claimed`) and applies one `batch` after the other (`folding`); what cannot be folded goes to `parking`,
//! from where `dead_letters` brings it back. `replay` folds a projection from the start in memory, at a `pace`; `rebuild`
//! and `swap` put the result in place of the live tables, `rollback` brings back what was there before, `verify` compares
//! a replay with the live rows, `heal` mends some of them; `outdated` notices a deploy with other code, `retire` removes a
//! projection without code. `status` tells lag. `console` looks around and takes orders for query-api's console.
//!
//! Absent on purpose: any rule of the domain (a read model cannot decide) and any append (it cannot write to the log).

mod backoff;
mod batch;
mod checkpoint;
mod claimed;
mod decoding;
mod detached;
mod folding;
mod gauges;
mod hanging;
mod known;
mod pace;
mod parking;
mod projection;
mod projections;
mod runner;
mod standing;
mod statements;
mod swap;
mod table;
mod tracing_context;
mod troubles;
mod versions;
mod worker;

pub mod app;
pub mod column;
pub mod config;
pub mod console;
pub mod dead_letters;
pub mod heal;
pub mod outdated;
pub mod rebuild;
pub mod registry;
pub mod replay;
pub mod retire;
pub mod rollback;
pub mod row;
pub mod status;
pub mod verify;

pub use claimed::{Claimed, Shared, Stop};
pub use decoding::Decoding;
pub use folding::Kind;
pub use hanging::Hanging;
pub use parking::Limits;
pub use projection::{Fact, Interest, Projection, Registration, Unfoldable, group};
pub use replay::Source;
pub use table::{AnyTable, Table};

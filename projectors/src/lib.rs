//! The read side: pure folds of the event topics into PostgreSQL rows, exactly once.
//!
//! `projection` says what a projection is, `registry` lists them, `projections` holds them, a file each. A projection
//! names its rows with `row` and touches them through `table`; `statements` makes the SQL. The engine around it:
//! `runner` joins a group per projection and starts a `worker` per assigned partition, which claims the partition's
//! `checkpoint` and applies one `batch` after the other; what cannot be folded goes to `parking`. `replay` folds a
//! projection from the start in memory; `rebuild` and `swap` put the result in place of the live tables, `verify`
//! compares it with them. `status` tells lag.
//!
//! Absent on purpose: any rule of the domain (a read model cannot decide) and any append (it cannot write to the log).

mod backoff;
mod batch;
mod checkpoint;
mod column;
mod decoding;
mod gauges;
mod parking;
mod projection;
mod projections;
mod row;
mod runner;
mod standing;
mod statements;
mod swap;
mod table;
mod tracing_context;
mod worker;

pub mod app;
pub mod config;
pub mod rebuild;
pub mod registry;
pub mod replay;
pub mod status;
pub mod verify;

pub use decoding::Decoding;
pub use projection::Registration;
pub use replay::Source;

//! The read side on a real PostgreSQL: the engine, rebuilds and row security, fed from the log that ships for tests.
//!
//! Every test has a database of its own and drops it.

mod exactly_once;
mod fixture;
mod parking;
mod rebuilding;
mod story;
mod tenancy;

//! The read side on a real PostgreSQL: the engine, rebuilds and row security, fed from the log that ships for tests.
//!
//! Every test has a database of its own and drops it.

mod any_order;
mod chance;
mod dead_letters;
mod exactly_once;
mod fixture;
mod history;
mod parking;
mod planted;
mod rebuilding;
mod story;
mod tenancy;
mod whereabouts;

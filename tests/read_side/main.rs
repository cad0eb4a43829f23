//! The read side on a real PostgreSQL: the engine, rebuilds and row security, fed from the log that ships for tests.
//!
//! Every test has a database of its own and drops it.

mod any_order;
mod console;
mod cut_off;
mod dead_letters;
mod exactly_once;
mod fixture;
mod healed_versions;
mod healing;
mod history;
mod jobs;
mod metrics;
mod parking;
mod planted;
mod rebuilding;
mod retiring;
mod rollback;
mod story;
mod swapping;
mod tenancy;
mod verifying;
mod whereabouts;

use tests::chance;

//! query-api on a real PostgreSQL, with the log that ships for tests. Rows are seeded as the projectors write them.
//!
//! Every test has a database of its own and drops it.

mod access;
mod audience;
mod console;
mod cursors;
mod documents;
mod fixture;
mod live;
mod models;
mod numbers;
mod pages;
mod plans;
mod positions;
mod promises;
mod rows;
mod slow;
mod streams;
mod versions;

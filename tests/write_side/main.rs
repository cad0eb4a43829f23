//! The write side on a real PostgreSQL and the log that ships for tests: every route, as its clients see it.
//!
//! Every test has a world of its own: a database, a log, and as many instances of command-api as it starts.

mod accounts;
mod cable;
mod client;
mod communities;
mod contract;
mod exchange;
mod founding;
mod inboxes;
mod instances;
mod outage;
mod repeats;
mod uncertain;
mod world;

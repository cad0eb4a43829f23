//! The write side of karmyq: commands in, events out.
//!
//! `router` lists the write routes · `routes` has a file per thing with handlers, bodies and answers · `edge` is what
//! every call passes on the way to its command and back · `accounts` keeps passwords, sessions and tokens in PostgreSQL ·
//! `writer` decides and commits · `views` know other aggregates · `app` is what routes work with, `fresh` lets
//! views catch up, `operators` takes an instance out of the writers' group, `start` puts the process together from
//! `config`, `runtime` is what it runs on.

mod accounts;
mod app;
pub mod config;
mod edge;
mod fresh;
pub mod operators;
mod router;
mod routes;
mod runtime;
mod start;
pub mod views;
pub mod writer;

pub use runtime::runtime;
pub use start::{Service, connect, start};

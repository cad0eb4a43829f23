//! The harness of the system tests: the real services on real servers, seen from outside.
//!
//! `environment` says where the servers are, `services` runs our binaries, `http` calls their API, `stream` listens to
//! live updates, `log` reads topics as a stranger would, `collector` receives the services' traces, `people` tells stories
//! through the API, `author` appends to a log by hand, `browser` clicks on pages, `python` runs programs that stand for
//! strangers, `chance` decides by a seed, `leftovers` finds tables that belong to nothing.
//! Nothing of these knows how a service works inside; `checker`, which judges what they and the simulation bring about,
//! knows the domain.

pub mod author;
pub mod browser;
pub mod chance;
pub mod checker;
pub mod collector;
pub mod environment;
pub mod eventually;
pub mod http;
pub mod leftovers;
pub mod log;
pub mod people;
pub mod python;
pub mod services;
pub mod stream;

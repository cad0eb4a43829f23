//! The live stream: this process tails `notification-events` and tells its own clients. Any instance serves any user,
//! and a push that gets lost is harmless, because every item is stored.
//!
//! `tail` follows the topic and notes *that* something was raised for somebody who is `connected`. Once the projection has
//! folded it, the `courier` reads the items of all who have news in one transaction, and hands one and the same `message`
//! to all streams of a person, so a client sees the very objects of the list. `stream` is one client: it resumes, and
//! whenever it falls behind its bounded queue it catches up from PostgreSQL. `ticket` finds out who a client is.

mod connected;
mod courier;
mod message;
mod stream;
mod tail;
mod ticket;

pub(crate) use connected::Live;
pub(crate) use stream::{mine, of_user};

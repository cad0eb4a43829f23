//! The live stream: this process tails `notification-events` and tells its own clients. Any instance serves any user,
//! and a push that gets lost is harmless, because every item is stored.
//!
//! `tail` follows the topic and knows who is connected; it passes on only *that* something was raised for somebody, and
//! how far the log is. `stream` is one client: it waits until the projection has folded that, reads the items from
//! PostgreSQL and sends them, so the client sees the very objects of the list. `ticket` finds out who a client is.

mod stream;
mod tail;
mod ticket;

pub(crate) use stream::{mine, of_user};
pub(crate) use tail::Live;

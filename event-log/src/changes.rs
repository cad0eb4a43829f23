//! Waiting for a change: like a watch channel, but it wakes whoever waits in the order in which they came.
//!
//! The channel of tokio spreads its waiters at random. For a run that can be repeated nothing may be left to chance
//! that the run does not draw itself.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

/// Counts changes; clones count the same ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes(Arc<Counted>);

#[derive(Debug, Default)]
struct Counted {
    count: AtomicU64,
    waiters: Notify,
}

/// Whoever waits for the changes that it has not seen.
#[derive(Debug)]
pub(crate) struct Listener {
    changes: Changes,
    seen: u64,
}

impl Changes {
    /// Wakes whoever waits. What has changed must be visible before.
    pub(crate) fn note(&self) {
        self.0.count.fetch_add(1, Ordering::AcqRel);
        self.0.waiters.notify_waiters();
    }

    /// Sees the changes from now on.
    pub(crate) fn listen(&self) -> Listener {
        Listener { changes: self.clone(), seen: self.0.count.load(Ordering::Acquire) }
    }
}

impl Listener {
    /// Forgets the changes up to now.
    pub(crate) fn forget(&mut self) {
        self.seen = self.changes.0.count.load(Ordering::Acquire);
    }

    /// Returns once there is a change that it has not seen. Cancel-safe.
    pub(crate) async fn changed(&mut self) {
        let Counted { count, waiters } = &*self.changes.0;
        loop {
            let mut notified = pin!(waiters.notified());
            // It hears of what happens between the look and the wait.
            notified.as_mut().enable();
            let now = count.load(Ordering::Acquire);
            if now != self.seen {
                self.seen = now;
                return;
            }
            notified.await;
        }
    }
}

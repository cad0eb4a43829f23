//! Letting a view catch up, once for all callers that wait for it.

use std::sync::atomic::{AtomicU64, Ordering};

use event_schemas::Domain;
use tokio::sync::Mutex;

use crate::views::Replicas;
use crate::writer::Failure;

/// The views of some domains, brought up to what was acknowledged before a caller asked. Asking the log for its ends
/// costs a round trip; callers who come while one is under way share the next one.
#[derive(Debug)]
pub(crate) struct Fresh {
    views: Replicas,
    which: &'static [Domain],
    asked: AtomicU64,
    last: Mutex<Round>,
}

/// The last time that the views caught up.
#[derive(Clone, Copy, Debug, Default)]
struct Round {
    /// The callers that it counts for: those that had asked before it began.
    callers: u64,
    failed: bool,
}

impl Fresh {
    /// The views of these domains.
    pub(crate) fn new(views: Replicas, which: &'static [Domain]) -> Self {
        Self { views, which, asked: AtomicU64::new(0), last: Mutex::default() }
    }

    /// Returns when the views know whatever was acknowledged before the call.
    ///
    /// # Errors
    /// [`Failure::Lagging`] when that takes longer than two seconds.
    pub(crate) async fn catch_up(&self) -> Result<(), Failure> {
        let ours = self.asked.fetch_add(1, Ordering::SeqCst);
        let mut last = self.last.lock().await;
        if last.callers <= ours {
            let callers = self.asked.load(Ordering::SeqCst);
            let result = self.views.caught_up(self.which).await;
            *last = Round { callers, failed: result.is_err() };
        }
        if last.failed { Err(Failure::Lagging("memberships")) } else { Ok(()) }
    }
}

//! Whether a member of a group may still speak for its partitions.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::oneshot;

/// What a membership owes to its group. A member that was lost and has joined again has a good generation; only this
/// tells that a window from before must not be committed under it.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    losses: AtomicU64,
    assignments: AtomicU64,
    /// Revocations that were not answered in time: their partitions go to others while the member may go on.
    overdue: Mutex<Vec<oneshot::Receiver<()>>>,
    /// A revocation could not even be told.
    broken: AtomicBool,
}

impl Standing {
    /// How often partitions were lost so far.
    pub(crate) fn losses(&self) -> u64 {
        self.losses.load(Ordering::Acquire)
    }

    /// How often partitions were assigned so far; what was known of their offsets is good until the next time.
    pub(crate) fn assignments(&self) -> u64 {
        self.assignments.load(Ordering::Acquire)
    }

    /// Notes an assignment.
    pub(crate) fn assign(&self) {
        self.assignments.fetch_add(1, Ordering::AcqRel);
    }

    /// Notes a loss; to be called before the group can be joined again.
    pub(crate) fn lose(&self) {
        self.losses.fetch_add(1, Ordering::AcqRel);
    }

    /// Notes a revocation that was not answered in time, which is a loss until it is answered and for what began before.
    pub(crate) fn owe(&self, answer: oneshot::Receiver<()>) {
        self.lose();
        self.overdue.lock().push(answer);
    }

    /// Notes a revocation that the member never heard of.
    pub(crate) fn break_off(&self) {
        self.broken.store(true, Ordering::Release);
    }

    /// Refuses when partitions were lost since there were so many losses, or when a revocation is owed an answer. To be
    /// asked after the generation was taken: a loss in between would let the generation after it pass.
    pub(crate) fn check(&self, losses: u64) -> Result<(), String> {
        let mut overdue = self.overdue.lock();
        overdue.retain_mut(|it| matches!(it.try_recv(), Err(oneshot::error::TryRecvError::Empty)));
        if self.broken.load(Ordering::Acquire) || !overdue.is_empty() {
            Err("a revocation was not answered in time".to_owned())
        } else if self.losses() != losses {
            Err("partitions were lost".to_owned())
        } else {
            Ok(())
        }
    }
}

//! The order of one window: the heart of invariant W1, rule 2.
//!
//! Produce everything, await every delivery, present the group's live generation, commit, and nothing in between. A
//! refused generation means that another member may own the partitions by now; what passed the check before the loss
//! lies below the high watermark that the new owner reads to. The order stands here once, over the steps that a log
//! offers: what the simulation explores on the log in memory is what runs on a broker.

use crate::Window;

/// What a log does for one transaction, a step at a time. A step is over when it returns.
pub(crate) trait Transaction {
    /// Why a step ended the attempt.
    type Failed;

    /// Begins. Until [`Self::commit`] has returned, what follows is open, whatever happens.
    async fn begin(&mut self, window: &Window) -> Result<(), Self::Failed>;

    /// Produces all records and awaits every delivery; their offsets, in the order of the window.
    async fn deliver(&mut self, window: &Window) -> Result<Vec<i64>, Self::Failed>;

    /// Adds the consumed offsets under the generation that the member lives in now, which the group's coordinator
    /// checks.
    async fn present_fence(&mut self, window: &Window) -> Result<(), Self::Failed>;

    /// Commits records and offsets.
    async fn commit(&mut self, window: &Window) -> Result<(), Self::Failed>;
}

/// One attempt to append a window; the offsets of its records.
pub(crate) async fn attempt<T: Transaction>(
    transaction: &mut T,
    window: &Window,
) -> Result<Vec<i64>, T::Failed> {
    transaction.begin(window).await?;
    let offsets = transaction.deliver(window).await?;
    transaction.present_fence(window).await?;
    transaction.commit(window).await?;
    Ok(offsets)
}

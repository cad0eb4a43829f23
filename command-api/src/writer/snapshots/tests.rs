//! Whatever happened, a partition taken over from its snapshot is the partition that its whole log tells.

mod format;
mod histories;
mod refusals;
mod stage;
mod telling;

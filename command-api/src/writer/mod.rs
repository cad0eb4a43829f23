//! The write side: one owner per partition, one window per shard, the log as the only truth (architecture, section 3).

mod api;

pub use api::{Executed, Failure, Origin, Submission, Target};

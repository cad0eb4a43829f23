//! A director of appends: it stands where network and broker would, and a simulation decides through it what they do.

use std::fmt;

use async_trait::async_trait;

use super::Fault;

/// How far an append has come. Whatever else happens in the log happens between these stages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage<'a> {
    /// Its records stand in the log, open.
    Produced,
    /// It has passed the fence; only the commit is left.
    Fenced {
        /// Where its records stand.
        offsets: &'a [i64],
    },
}

/// How an append goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// To its next stage.
    GoOn,
    /// Past the fence, whatever that would say. No log does this: it shows what the fence is good for.
    GoOnUnfenced,
    /// It ends like this.
    End(Fault),
}

/// Decides how appends go on, and when.
#[async_trait]
pub trait Director: Send + Sync + fmt::Debug {
    /// The append of the id's holder has come to a stage; it waits there for the answer.
    async fn reached(&self, transactional_id: &str, stage: Stage<'_>) -> Turn;
}

//! A lane in memory: the steps of a transaction on the state, with a director between them.

use std::sync::Arc;

use async_trait::async_trait;

use super::director::{Stage, Turn};
use super::member::MemoryFence;
use super::state::Refusal;
use super::{Fault, Script, Shared};
use crate::transaction::{Transaction, attempt};
use crate::{AppendError, Appended, Lane, Window};

/// A holder of a transactional id.
#[derive(Debug)]
pub(super) struct MemoryLane {
    shared: Arc<Shared>,
    id: String,
    epoch: u64,
    dead: bool,
}

impl MemoryLane {
    /// The holder that has taken the id over under this epoch.
    pub(super) fn new(shared: Arc<Shared>, id: &str, epoch: u64) -> Self {
        Self { shared, id: id.to_owned(), epoch, dead: false }
    }

    async fn reached(&self, stage: Stage<'_>) -> Turn {
        let director = self.shared.director.lock().clone();
        match director {
            Some(director) => director.reached(&self.id, stage).await,
            None => Turn::GoOn,
        }
    }
}

#[async_trait]
impl Lane for MemoryLane {
    async fn append(&mut self, window: Window) -> Result<Appended, AppendError> {
        if self.dead {
            return Err(AppendError::Fenced("the lane is dead".to_owned()));
        }
        let script = self.shared.state.lock().script_for(&window);
        let mut steps = Steps { lane: self, transaction: 0, offsets: Vec::new(), unfenced: false, script };
        let outcome = attempt(&mut steps, &window).await.map(|offsets| Appended { offsets });
        if outcome.is_err() {
            // Nothing but what the commit has left is open any more.
            steps.close(false);
        }
        self.dead = matches!(outcome, Err(AppendError::Fenced(_) | AppendError::Indeterminate(_)));
        outcome
    }
}

/// One attempt at a transaction.
struct Steps<'a> {
    lane: &'a MemoryLane,
    transaction: u64,
    /// Of the records that have been produced.
    offsets: Vec<i64>,
    /// Whether the director lets it pass whatever the fence says.
    unfenced: bool,
    /// What a test has in store for it.
    script: Option<Script>,
}

impl Steps<'_> {
    /// Ends the transaction; false when a take-over has done so before.
    fn close(&self, committed: bool) -> bool {
        self.lane.shared.change(|state| state.close(self.transaction, committed))
    }

    fn fail(&self, fault: Fault) -> AppendError {
        self.close(fault == Fault::AnswerLost { committed: true });
        let reason = "as the test wants it".to_owned();
        match fault {
            Fault::Aborted => AppendError::Aborted(reason),
            Fault::Fenced => AppendError::Fenced(reason),
            Fault::AnswerLost { .. } => AppendError::Indeterminate(reason),
        }
    }
}

impl Transaction for Steps<'_> {
    type Failed = AppendError;

    async fn begin(&mut self, window: &Window) -> Result<(), AppendError> {
        if window.consumed.is_empty() {
            return Err(AppendError::Aborted("the window presents no consumed offset".to_owned()));
        }
        let lane = self.lane;
        self.transaction = lane.shared.change(|state| state.begin(&lane.id, lane.epoch))?;
        Ok(())
    }

    async fn deliver(&mut self, window: &Window) -> Result<Vec<i64>, AppendError> {
        let (lane, transaction) = (self.lane, self.transaction);
        let produced =
            lane.shared.change(|state| state.produce(&lane.id, lane.epoch, transaction, &window.records));
        self.offsets = produced?;
        match lane.reached(Stage::Produced).await {
            Turn::GoOn => Ok(self.offsets.clone()),
            Turn::GoOnUnfenced => {
                self.unfenced = true;
                Ok(self.offsets.clone())
            }
            Turn::End(fault) => Err(self.fail(fault)),
        }
    }

    async fn present_fence(&mut self, window: &Window) -> Result<(), AppendError> {
        if let Some(Script::Fail(fault @ (Fault::Aborted | Fault::Fenced))) = self.script {
            return Err(self.fail(fault));
        }
        let fence = MemoryFence::of(window).map_err(AppendError::Fenced)?;
        if !self.unfenced {
            fence.check().map_err(AppendError::Fenced)?;
        }
        self.lane.shared.change(|state| state.consume(self.transaction, fence.group(), &window.consumed))?;
        match self.script.take() {
            Some(Script::Fail(fault)) => return Err(self.fail(fault)),
            Some(Script::Hold { waits, released }) => {
                let _ = waits.send(());
                let _ = released.await;
            }
            None => {}
        }
        match self.lane.reached(Stage::Fenced { offsets: &self.offsets }).await {
            Turn::GoOn | Turn::GoOnUnfenced => Ok(()),
            Turn::End(fault) => Err(self.fail(fault)),
        }
    }

    async fn commit(&mut self, _: &Window) -> Result<(), AppendError> {
        if self.close(true) {
            return Ok(());
        }
        // Taken over after the fence: on a broker this refusal cannot be told from a repeated commit's.
        Err(AppendError::Indeterminate("the transactional id was taken over during the commit".to_owned()))
    }
}

impl From<Refusal> for AppendError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::TakenOver => Self::Fenced("the transactional id has another holder".to_owned()),
            Refusal::Impossible(reason) => Self::Aborted(reason),
        }
    }
}

//! A window on its way: handed to a lane, and what becomes of it and of the one that was collected on top of it.

use std::sync::Arc;

use event_log::{AppendError, Appended, Lane, Record, TopicPartition};
use metrics::histogram;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::Instant;
use tracing::warn;

use super::Failure;
use super::shard::{End, Session};
use super::window::Window;

/// A window in the hands of a lane.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) window: Window,
    consumed: Vec<(TopicPartition, i64)>,
    began: Instant,
    task: JoinHandle<Appending>,
}

/// The lane comes back with what became of the window.
type Appending = (Box<dyn Lane>, Result<Appended, AppendError>);

impl Session<'_> {
    /// Closes the open window: from here it is in the log or it is not.
    pub(super) fn commit(&mut self) {
        self.saving.committing(&self.open);
        let mut window = std::mem::take(&mut self.open);
        let records = std::mem::take(&mut window.records);
        histogram!("karmyq_window_records").record(u32::try_from(records.len()).unwrap_or(u32::MAX));
        let mut consumed: Vec<_> = std::mem::take(&mut window.consumed).into_iter().collect();
        if consumed.is_empty() {
            // The fence is checked only where an offset is sent, so an instance that consumed nothing repeats one.
            consumed.extend(self.positions.iter().next().map(|(of, next)| (of.clone(), *next)));
        }
        let mut lane = self.lanes.remove(0);
        let transaction =
            event_log::Window { records, consumed: consumed.clone(), fence: Arc::clone(&self.fence) };
        let task = tokio::spawn(async move {
            let appended = lane.append(transaction).await;
            (lane, appended)
        });
        self.flight = Some(Flight { window, consumed, began: Instant::now(), task });
    }

    /// A window is decided.
    pub(super) fn landed(&mut self, decided: Result<Appending, JoinError>) -> Result<(), End> {
        let Some(Flight { window, consumed, began, .. }) = self.flight.take() else { return Ok(()) };
        histogram!("karmyq_window_commit_seconds").record(began.elapsed().as_secs_f64());
        let (lane, appended) = match decided {
            Ok(appending) => appending,
            Err(broken) => {
                self.undo(window, &Failure::OutcomeUnknown);
                return Err(End::Indeterminate(format!("the lane broke off: {broken}")));
            }
        };
        match appended {
            Ok(appended) => {
                self.lanes.push(lane);
                self.positions.extend(consumed);
                self.gathering.begin(window.callers(), self.open.callers());
                window.settle(&appended.offsets, &mut self.partitions, &mut self.open);
                Ok(())
            }
            Err(AppendError::Aborted(reason)) => {
                warn!(reason, "a window was aborted");
                self.saving.aborted(&window);
                self.lanes.push(lane);
                self.take_back(window);
                Ok(())
            }
            Err(AppendError::Fenced(reason)) => {
                self.take_back(window);
                Err(End::Fenced(reason))
            }
            Err(AppendError::Indeterminate(reason)) => {
                self.undo(window, &Failure::OutcomeUnknown);
                Err(End::Indeterminate(reason))
            }
        }
    }

    /// An aborted window: it and what was decided on top of it vanish; internal commands are handled again.
    fn take_back(&mut self, window: Window) {
        let open = std::mem::take(&mut self.open);
        let later = self.undo(open, &Failure::NotTaken);
        let mut internal = self.undo(window, &Failure::NotTaken);
        internal.extend(later);
        self.inbox.put_back(internal);
    }

    /// Undoes the open window after a command whose events cannot be written, or for want of its ground.
    pub(super) fn spoil_open(&mut self) {
        let open = std::mem::take(&mut self.open);
        let internal = self.undo(open, &Failure::NotTaken);
        self.inbox.put_back(internal);
    }

    fn undo(&mut self, mut window: Window, failure: &Failure) -> Vec<Record> {
        self.not_announced(window.announced());
        self.shard.tools.keys.discard(window.drawn_keys());
        window.undo(&mut self.partitions, failure)
    }

    /// Answers everybody who still waits when the session ends.
    pub(super) fn abandon(&mut self, end: &End) {
        let failure = match end {
            End::Indeterminate(_) => Failure::OutcomeUnknown,
            End::Stopped | End::Drained | End::Fenced(_) | End::Unavailable(_) => Failure::Moving,
        };
        self.shard.serving.clear();
        let open = std::mem::take(&mut self.open);
        self.undo(open, &failure);
        if let Some(flight) = self.flight.take() {
            // Its lane goes on in its task; whether the window gets through, the log will tell.
            self.undo(flight.window, &Failure::OutcomeUnknown);
        }
    }
}

/// Waits for the window under way. Cancel-safe: the flight stays until its result is there.
pub(super) async fn landing(flight: &mut Option<Flight>) -> Result<Appending, JoinError> {
    match flight {
        Some(flight) => (&mut flight.task).await,
        None => std::future::pending().await,
    }
}

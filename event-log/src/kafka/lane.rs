//! A lane: one transactional producer on a thread of its own, for librdkafka's transactional calls block.
//!
//! Some of them block longer than they are told: after an outage of a broker, `send_offsets_to_transaction` of librdkafka
//! 2.12 was seen to wait for ever. Hence the watch over the thread: a window that takes too long before its commit is
//! given up, the thread is kept from committing it should it ever go on, and the next window takes the id over anew.

mod thread;

use std::sync::{Arc, mpsc};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::timeout;

use self::thread::LaneThread;
use crate::{AppendError, Appended, Lane, LogError, Window};

/// How long a window may take until its commit; more than its delivery and its fence may take together.
const PREPARE: Duration = Duration::from_secs(15);
/// How long a commit may take beyond the limit that the client is given for it.
const COMMIT: Duration = thread::COMMIT.saturating_add(Duration::from_secs(2));

/// Handle of a lane's thread.
#[derive(Debug)]
pub(super) struct KafkaLane {
    bootstrap_servers: String,
    id: String,
    /// None when it was given up; the next window starts another one.
    thread: Option<Running>,
    /// Why nothing can be appended any more.
    dead: Option<String>,
}

/// A thread that takes windows.
#[derive(Debug)]
struct Running {
    jobs: mpsc::Sender<Job>,
    gate: Gate,
}

/// A window on its way to the thread, and whom to answer.
struct Job {
    window: Window,
    answer: oneshot::Sender<Result<Appended, AppendError>>,
}

/// What stands between a window and its commit: either the thread passes it, or the watch closes it.
#[derive(Clone, Debug, Default)]
struct Gate(Arc<Mutex<Stage>>);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Preparing,
    Committing,
    GivenUp,
}

impl Gate {
    /// Moves on unless the thread was given up; false when it was.
    fn pass(&self, to: Stage) -> bool {
        let mut stage = self.0.lock();
        if *stage != Stage::GivenUp {
            *stage = to;
        }
        *stage == to
    }

    /// Keeps the thread from committing; false when it is doing that already.
    fn close(&self) -> bool {
        let mut stage = self.0.lock();
        if *stage != Stage::Committing {
            *stage = Stage::GivenUp;
        }
        *stage == Stage::GivenUp
    }
}

impl KafkaLane {
    /// Takes over the transactional id and starts the lane.
    pub(super) async fn open(bootstrap_servers: &str, id: &str) -> Result<Self, LogError> {
        let thread = Some(Running::start(bootstrap_servers, id).await?);
        Ok(Self { bootstrap_servers: bootstrap_servers.to_owned(), id: id.to_owned(), thread, dead: None })
    }

    /// Takes over the transactional id and lets it go.
    pub(super) async fn fence(bootstrap_servers: &str, id: &str) -> Result<(), LogError> {
        let (done, is_done) = oneshot::channel();
        let (bootstrap_servers, id) = (bootstrap_servers.to_owned(), id.to_owned());
        spawn(format!("fence {id}"), move || {
            let producer = thread::producer(&bootstrap_servers, &id);
            let _ = done.send(producer.as_ref().map(|_| ()).map_err(LogError::clone));
            // Closing a producer takes up to 100 ms, which nobody has to wait for.
            drop(producer);
        })?;
        is_done.await.map_err(|_| LogError::Unavailable("the fencing thread ended".to_owned()))?
    }

    /// The thread; another one when the last was given up. Taking the id over once more is safe: it is this process's
    /// own, and whoever fenced it meanwhile also has the group's generation against it.
    async fn running(&mut self) -> Result<&Running, LogError> {
        let thread = match self.thread.take() {
            Some(thread) => thread,
            None => Running::start(&self.bootstrap_servers, &self.id).await?,
        };
        Ok(self.thread.insert(thread))
    }

    async fn hand_over(&mut self, window: Window) -> Result<Appended, AppendError> {
        let (answer, mut answered) = oneshot::channel();
        let gone = |_| AppendError::Fenced("the lane's thread ended".to_owned());
        let unopened = |error| AppendError::Aborted(format!("the lane is not open again yet: {error}"));
        let thread = self.running().await.map_err(unopened)?;
        thread.jobs.send(Job { window, answer }).map_err(|_| gone(()))?;
        if let Ok(answer) = timeout(PREPARE, &mut answered).await {
            return answer.map_err(|_| gone(()))?;
        }
        if thread.gate.close() {
            self.thread = None;
            return Err(AppendError::Aborted(format!("not ready to commit within {} s", PREPARE.as_secs())));
        }
        let unknown = |_| AppendError::Indeterminate("the commit does not return".to_owned());
        timeout(COMMIT, answered).await.map_err(unknown)?.map_err(|_| gone(()))?
    }
}

#[async_trait]
impl Lane for KafkaLane {
    async fn append(&mut self, window: Window) -> Result<Appended, AppendError> {
        if let Some(reason) = &self.dead {
            return Err(AppendError::Fenced(format!("the lane is dead: {reason}")));
        }
        let outcome = self.hand_over(window).await;
        if let Err(AppendError::Fenced(reason) | AppendError::Indeterminate(reason)) = &outcome {
            self.dead = Some(reason.clone());
            self.thread = None;
        }
        outcome
    }
}

impl Running {
    async fn start(bootstrap_servers: &str, id: &str) -> Result<Self, LogError> {
        let (opened, is_open) = oneshot::channel();
        let (jobs, queue) = mpsc::channel::<Job>();
        let gate = Gate::default();
        let (bootstrap_servers, id, own) = (bootstrap_servers.to_owned(), id.to_owned(), gate.clone());
        spawn(format!("lane {id}"), move || {
            let mut thread = match LaneThread::take_over(&bootstrap_servers, id, own) {
                Ok(thread) => thread,
                Err(error) => return drop(opened.send(Err(error))),
            };
            // Nobody waits any more: the lane is dropped unused.
            let _ = opened.send(Ok(()));
            for job in queue {
                let outcome = thread.append(&job.window);
                drop(job.window);
                let _ = job.answer.send(outcome);
            }
        })?;
        is_open.await.map_err(|_| LogError::Unavailable("the lane's thread ended".to_owned()))??;
        Ok(Self { jobs, gate })
    }
}

/// A thread that the lane's owner does not wait for.
fn spawn(name: String, run: impl FnOnce() + Send + 'static) -> Result<(), LogError> {
    let thread = std::thread::Builder::new().name(name).spawn(run);
    thread.map(drop).map_err(|error| LogError::Unavailable(format!("cannot start a thread: {error}")))
}

//! The runner: one consumer group per projection, one worker per assigned partition.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use event_log::{GroupConfig, GroupEvent, LogError, TopicPartition};
use parking_lot::Mutex;
use service_kit::health::{Gate, Health};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::backoff::Backoff;
use crate::projection::Registration;
use crate::worker::{Shared, Worker};

/// How long a silent member of a group keeps its partitions.
const SESSION_TIMEOUT: Duration = Duration::from_secs(10);

/// Runs the projections until shutdown; batches in flight are finished first.
pub(crate) async fn run(
    shared: Shared,
    registrations: Vec<&'static Registration>,
    health: &Health,
    shutdown: CancellationToken,
) {
    let tasks: Vec<_> = registrations
        .into_iter()
        .map(|registration| {
            let standing = Standing::new(health.gate(registration.name));
            let member = Member { shared: shared.clone(), registration, standing, workers: HashMap::new() };
            tokio::spawn(member.run(shutdown.clone()))
        })
        .collect();
    for task in tasks {
        if let Err(error) = task.await {
            tracing::error!(%error, "a projection's runner ended");
        }
    }
}

/// This process as a member of one projection's group.
struct Member {
    shared: Shared,
    registration: &'static Registration,
    standing: Standing,
    workers: HashMap<TopicPartition, (CancellationToken, JoinHandle<()>)>,
}

impl Member {
    async fn run(mut self, shutdown: CancellationToken) {
        let mut backoff = Backoff::default();
        while !shutdown.is_cancelled() {
            match self.take_part(&shutdown, &mut backoff).await {
                Ok(()) => info!(projection = self.registration.name, "left the group"),
                Err(error) => {
                    warn!(projection = self.registration.name, %error, "not in the group");
                    self.standing.unassigned(error.to_string());
                }
            }
            let all = self.workers.keys().cloned().collect();
            self.stop(all).await;
            if !backoff.wait(&shutdown).await {
                break;
            }
        }
    }

    /// Joins the group and works on what it assigns; returns when shutdown begins or the membership ends.
    async fn take_part(
        &mut self,
        shutdown: &CancellationToken,
        backoff: &mut Backoff,
    ) -> Result<(), LogError> {
        let config = GroupConfig {
            group: self.registration.group(),
            topics: self.registration.topics().map(str::to_owned).collect(),
            fetch: false,
            session_timeout: SESSION_TIMEOUT,
        };
        let (membership, mut events) = self.shared.log.join(config).await?;
        while let Some(Some(event)) = shutdown.run_until_cancelled(events.recv()).await {
            match event {
                GroupEvent::Assigned(partitions) => {
                    *backoff = Backoff::default();
                    self.standing.assigned();
                    for (of, _) in partitions {
                        self.start(of, shutdown);
                    }
                }
                GroupEvent::Revoked { partitions, lost, done } => {
                    info!(
                        projection = self.registration.name,
                        count = partitions.len(),
                        lost,
                        "partitions revoked"
                    );
                    self.stop(partitions).await;
                    // The other side may have stopped waiting, which is its right.
                    let _ = done.send(());
                }
                GroupEvent::Record(record) => {
                    warn!(position = %record.position, "a record arrived through the group, which fetches none");
                }
                GroupEvent::Trouble(reason) => {
                    warn!(projection = self.registration.name, reason, "the group has a problem");
                }
            }
        }
        let all = self.workers.keys().cloned().collect();
        self.stop(all).await;
        // Nobody is left to answer a revocation, and leaving would wait for the answer.
        drop(events);
        membership.leave().await
    }

    fn start(&mut self, of: TopicPartition, shutdown: &CancellationToken) {
        let cancelled = shutdown.child_token();
        let worker = Worker {
            shared: self.shared.clone(),
            registration: self.registration,
            of: of.clone(),
            standing: self.standing.clone(),
        };
        let task = tokio::spawn(worker.run(cancelled.clone()));
        if let Some((earlier, _)) = self.workers.insert(of, (cancelled, task)) {
            // Two workers of one partition in one process: the later claim fences the earlier one anyway.
            earlier.cancel();
        }
    }

    async fn stop(&mut self, partitions: Vec<TopicPartition>) {
        let stopped: Vec<_> = partitions.iter().filter_map(|of| self.workers.remove(of)).collect();
        stopped.iter().for_each(|(cancelled, _)| cancelled.cancel());
        for (_, task) in stopped {
            if let Err(error) = task.await {
                tracing::error!(projection = self.registration.name, %error, "a worker ended");
            }
        }
    }
}

/// How a projection does in this process; readiness follows it.
#[derive(Clone)]
pub(crate) struct Standing(Arc<Inner>);

struct Inner {
    gate: Gate,
    failing: Mutex<BTreeMap<TopicPartition, String>>,
}

impl Standing {
    pub(crate) fn new(gate: Gate) -> Self {
        gate.close("has no assignment from its group yet");
        Self(Arc::new(Inner { gate, failing: Mutex::default() }))
    }

    /// The group has answered. A member without partitions is ready, too: it stands by.
    fn assigned(&self) {
        self.show(&self.0.failing.lock());
    }

    fn unassigned(&self, reason: String) {
        self.0.gate.close(reason);
    }

    /// The worker of this partition cannot go on.
    pub(crate) fn failing(&self, of: &TopicPartition, reason: String) {
        let mut failing = self.0.failing.lock();
        failing.insert(of.clone(), reason);
        self.show(&failing);
    }

    /// The worker of this partition goes on.
    pub(crate) fn folding(&self, of: &TopicPartition) {
        let mut failing = self.0.failing.lock();
        if failing.remove(of).is_some() {
            self.show(&failing);
        }
    }

    /// The partition is not this process's business any more.
    pub(crate) fn gone(&self, of: &TopicPartition) {
        self.folding(of);
    }

    fn show(&self, failing: &BTreeMap<TopicPartition, String>) {
        match failing.iter().next() {
            Some((of, reason)) => {
                self.0.gate.close(format!("{} partition(s) do not move, {of}: {reason}", failing.len()));
            }
            None => self.0.gate.open(),
        }
    }
}

impl fmt::Debug for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Standing").field("failing", &*self.0.failing.lock()).finish_non_exhaustive()
    }
}

//! The runner: one consumer group per projection, one worker per assigned partition.

use std::collections::HashMap;
use std::time::Duration;

use event_log::{GroupConfig, GroupEvent, LogError, TopicPartition};
use service_kit::health::Health;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::backoff::Backoff;
use crate::claimed::Shared;
use crate::projection::Registration;
use crate::standing::Standing;
use crate::worker::Worker;

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
            let standing = Standing::new(health.gate(registration.name), shared.limits);
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
        let (membership, mut events) = self.shared.source.log.join(config).await?;
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

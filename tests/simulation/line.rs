//! The line between an instance and the log: where a process stands still, dies, or waits for an answer.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use event_log::{Director, Fault, Membership, MemoryLog, Stage, TopicPartition, Turn, Window};
use event_schemas::Domain;
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::chance;
use super::plan::{Mutant, Plan};

/// How an instance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    /// It runs.
    Runs,
    /// It stands still: a stopped process, a long pause, a cut cable.
    Stands,
    /// It is no more.
    Dead,
}

/// What the group has given an instance.
#[derive(Clone, Copy, Debug, Default)]
struct Given {
    /// How often.
    times: u32,
    /// Whether it was given back since.
    back: bool,
}

/// The line of one instance.
#[derive(Debug)]
pub(crate) struct Line {
    /// Name of the instance.
    pub(crate) name: String,
    /// What may go wrong, until the run is healed.
    pub(crate) plan: Mutex<Plan>,
    health: Mutex<Health>,
    turns: Notify,
    /// What becomes of it in the middle of its next append.
    trap: Mutex<Option<Health>>,
    /// Its memberships that have not been left.
    memberships: Mutex<Vec<Arc<dyn Membership>>>,
    /// What the group has given it and whether it has given that back since, by the partitions that the group deals in.
    given: Mutex<HashMap<TopicPartition, Given>>,
    /// The ear for lanes that are to give up waiting for their commit.
    pub(crate) impatient: Mutex<HashMap<String, oneshot::Sender<Vec<i64>>>>,
    errands: Arc<Errands>,
}

impl Line {
    pub(crate) fn new(name: &str, plan: Plan, errands: Arc<Errands>) -> Arc<Self> {
        Arc::new(Self {
            name: name.to_owned(),
            plan: Mutex::new(plan),
            health: Mutex::new(Health::Runs),
            turns: Notify::new(),
            trap: Mutex::default(),
            memberships: Mutex::default(),
            given: Mutex::default(),
            impatient: Mutex::default(),
            errands,
        })
    }

    pub(crate) fn health(&self) -> Health {
        *self.health.lock()
    }

    pub(crate) fn becomes(&self, health: Health) {
        *self.health.lock() = health;
        self.turns.notify_waiters();
    }

    /// Strikes it in the middle of its next append, or as it is when none comes soon.
    pub(crate) async fn becomes_while_appending(&self, health: Health) {
        *self.trap.lock() = Some(health);
        if timeout(Duration::from_secs(2), self.turns.notified()).await.is_err() {
            *self.trap.lock() = None;
            self.becomes(health);
        }
    }

    /// An append has come to a stage: whoever set a trap may find it sprung.
    fn spring(&self) {
        if self.trap.lock().is_some() && chance::one_in(2) {
            let health = self.trap.lock().take();
            health.into_iter().for_each(|it| self.becomes(it));
        }
    }

    /// Returns while the instance runs; never again once it is dead.
    pub(crate) async fn pass(&self) {
        while self.health() != Health::Runs {
            // On one thread nothing comes between the look and the wait.
            self.turns.notified().await;
        }
    }

    /// A way over the network.
    pub(crate) async fn travel(&self) {
        self.errands.one_more().await;
        self.pass().await;
        let slow = self.plan.lock().slow;
        if chance::one_in(slow) {
            sleep(chance::between(Duration::from_millis(5), Duration::from_millis(800))).await;
        } else if chance::one_in(4) {
            sleep(chance::between(Duration::ZERO, Duration::from_millis(5))).await;
        }
        self.pass().await;
    }

    /// Whether this time it goes wrong, as often as the plan says.
    pub(crate) fn strikes(&self, how_often: impl Fn(&Plan) -> u64) -> bool {
        let times = how_often(&self.plan.lock());
        chance::one_in(times)
    }

    /// The group gives it these.
    pub(crate) fn is_given(&self, partitions: impl IntoIterator<Item = TopicPartition>) {
        let mut given = self.given.lock();
        for of in partitions {
            let given = given.entry(of).or_default();
            *given = Given { times: given.times + 1, back: false };
        }
    }

    /// How often the group has given it each of these.
    pub(crate) fn times_given(&self, partitions: &[TopicPartition]) -> Vec<(TopicPartition, u32)> {
        let given = self.given.lock();
        partitions.iter().map(|it| (it.clone(), given.get(it).copied().unwrap_or_default().times)).collect()
    }

    /// It has let go what it was given so often; who slept may have been given it once more before that.
    pub(crate) fn gives_back(&self, partitions: Vec<(TopicPartition, u32)>) {
        let mut given = self.given.lock();
        for (of, times) in partitions {
            let given = given.entry(of).or_default();
            given.back |= given.times == times;
        }
    }

    /// Whoever has said that a partition may go hands over nothing more for it (invariant W1, rule 3).
    pub(crate) fn keeps_to_its_own(&self, window: &Window) {
        let given = self.given.lock();
        let events = |of: &TopicPartition| {
            let domain = Domain::ALL.into_iter().find(|it| it.events_topic() == &*of.topic)?;
            Some(TopicPartition::new(domain.commands_topic(), of.partition))
        };
        let written = window.records.iter().filter_map(|it| events(&it.to));
        let consumed = window.consumed.iter().map(|(of, _)| of.clone());
        if let Some(of) = written.chain(consumed).find(|it| given.get(it).is_some_and(|it| it.back)) {
            self.notice(format!("{} appends for {of}, which it gave back", self.name));
        }
    }

    /// Notes what must not be.
    pub(crate) fn notice(&self, fault: String) {
        self.errands.noticed.lock().push(fault);
    }

    pub(crate) fn mutant(&self) -> Option<Mutant> {
        self.plan.lock().mutant
    }

    pub(crate) fn joined(&self, membership: Arc<dyn Membership>) {
        self.memberships.lock().push(membership);
    }

    pub(crate) fn left(&self, membership: &Arc<dyn Membership>) {
        self.memberships.lock().retain(|it| !Arc::ptr_eq(it, membership));
    }

    /// The memberships that it has.
    pub(crate) fn memberships(&self) -> Vec<Arc<dyn Membership>> {
        self.memberships.lock().clone()
    }

    /// The group gives its partitions away.
    pub(crate) fn evict(&self, log: &MemoryLog) {
        self.memberships().iter().for_each(|it| log.evict(it.as_ref()));
    }

    /// The group forgets a dead one.
    pub(crate) fn bury(&self) {
        for membership in self.memberships.lock().drain(..) {
            tokio::spawn(async move { membership.leave().await });
        }
    }
}

/// Five times as many ways over the network as the busiest of three thousand runs takes; most take ten thousand.
const MOST_ERRANDS: u64 = 1_000_000;

/// Counts the ways over the network of a run. Whoever tries again for ever without a pause takes no time, so that no
/// deadline would ever pass.
#[derive(Debug, Default)]
pub(crate) struct Errands {
    run: AtomicU64,
    too_many: CancellationToken,
    /// What must not have been on the way.
    pub(crate) noticed: Mutex<Vec<String>>,
}

impl Errands {
    /// Returns at once; never again when it was one too many.
    async fn one_more(&self) {
        if self.run.fetch_add(1, Ordering::Relaxed) >= MOST_ERRANDS {
            self.too_many.cancel();
            std::future::pending().await
        }
    }

    /// Waits for one too many; says so.
    pub(crate) async fn too_many(&self) -> String {
        self.too_many.cancelled().await;
        format!("somebody tries again without end: there were {MOST_ERRANDS} calls to the log")
    }
}

/// What network and broker do to appends.
#[derive(Debug, Default)]
pub(crate) struct Broker {
    pub(crate) lines: Mutex<HashMap<String, Arc<Line>>>,
}

#[async_trait]
impl Director for Broker {
    async fn reached(&self, transactional_id: &str, stage: Stage<'_>) -> Turn {
        let name = transactional_id.split('-').next().unwrap_or_default();
        let Some(line) = self.lines.lock().get(name).cloned() else { return Turn::GoOn };
        line.spring();
        match stage {
            Stage::Produced => {
                line.travel().await;
                if line.strikes(|it| it.aborted) {
                    Turn::End(Fault::Aborted)
                } else if line.strikes(|it| it.fenced) {
                    Turn::End(Fault::Fenced)
                } else if line.mutant() == Some(Mutant::NoFence) {
                    Turn::GoOnUnfenced
                } else {
                    Turn::GoOn
                }
            }
            Stage::Fenced { offsets } => self.fenced(&line, transactional_id, offsets).await,
        }
    }
}

impl Broker {
    /// The commit is asked for. It may already be on its way when the instance stops, and its answer may be lost.
    async fn fenced(&self, line: &Line, transactional_id: &str, offsets: &[i64]) -> Turn {
        if !chance::one_in(3) {
            line.travel().await;
        }
        let early = line.mutant() == Some(Mutant::AnswerBeforeCommit) && chance::one_in(4);
        if early || line.strikes(|it| it.lost) {
            let impatient = line.impatient.lock().remove(transactional_id);
            if let Some(impatient) = impatient {
                // A caller that has gone itself does not need to hear it.
                _ = impatient.send(offsets.to_vec());
            }
            if line.strikes(|it| it.lost) {
                return Turn::End(Fault::AnswerLost { committed: false });
            }
            sleep(chance::between(Duration::ZERO, Duration::from_secs(3))).await;
        }
        Turn::GoOn
    }
}

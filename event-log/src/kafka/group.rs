//! Membership in a consumer group: a thread that polls, a stream of events, and the proof of the live generation.
//!
//! The classic protocol with cooperative rebalances: the session timeout is the client's choice, and a rebalance takes
//! away only what moves. The thread blocks in a revocation until it is answered, because the group gives the partitions
//! to the next owner only afterwards.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use parking_lot::Mutex;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::Offset;
use tokio::sync::{mpsc, watch};

use super::client;
use super::native::Generation;
use super::prompter::Prompter;
use super::rebalance::GroupContext;
use crate::standing::Standing;
use crate::{Fence, GroupConfig, GroupEvent, LogError, Membership, TopicPartition};

/// Events that may wait for the member; records stop to flow some way before.
const EVENTS: usize = 4096;
/// How long one poll waits; also how long leaving may take to be noticed.
const POLL: Duration = Duration::from_millis(20);
/// How long committed offsets may take, which includes waiting for an open transaction that holds them.
const COMMITTED: Duration = Duration::from_secs(10);
/// How often a generation is looked at while a rebalance is under way; the client tells nobody when it moves.
const GENERATION_CHECK: Duration = Duration::from_millis(2);

type GroupConsumer = BaseConsumer<GroupContext>;

/// A member of a group, for as long as it lives and does not leave.
#[derive(Debug)]
pub(super) struct KafkaMembership {
    shared: Arc<Shared>,
    closed: watch::Receiver<bool>,
}

/// The membership as it was after so many losses.
#[derive(Debug)]
pub(super) struct KafkaFence {
    shared: Arc<Shared>,
    losses: u64,
}

/// What the membership and its thread share.
struct Shared {
    group: String,
    /// None once the member has left.
    consumer: Mutex<Option<Arc<GroupConsumer>>>,
    standing: Arc<Standing>,
    closing: AtomicBool,
}

/// Why there is no generation to present.
pub(super) enum Unfenced {
    /// The partitions may be somebody else's.
    Lost(String),
    /// The member is between two generations.
    Between(String),
}

impl KafkaMembership {
    /// Joins the group and starts the thread.
    pub(super) fn join(
        bootstrap_servers: &str,
        config: &GroupConfig,
    ) -> Result<(Self, mpsc::Receiver<GroupEvent>), LogError> {
        let (events, receiver) = mpsc::channel(EVENTS);
        let standing = Arc::new(Standing::default());
        let context = GroupContext::new(events, config, Arc::clone(&standing));
        let attempt = "cannot join the group";
        let consumer: GroupConsumer = group_config(bootstrap_servers, config)
            .create_with_context(context)
            .map_err(|error| client::log_error(attempt, &error))?;
        let topics = config.topics.iter().map(String::as_str).collect::<Vec<_>>();
        consumer.subscribe(&topics).map_err(|error| client::log_error(attempt, &error))?;

        let shared = Arc::new(Shared {
            group: config.group.clone(),
            consumer: Mutex::new(Some(Arc::new(consumer))),
            standing,
            closing: AtomicBool::new(false),
        });
        let (closing, closed) = watch::channel(false);
        let thread = Arc::clone(&shared);
        let prompter = Prompter::new(heartbeat(config.session_timeout), config.topics.first().cloned());
        std::thread::Builder::new()
            .name(format!("group {}", config.group))
            .spawn(move || {
                thread.run(prompter);
                closing.send_replace(true);
            })
            .map_err(|error| LogError::Unavailable(format!("cannot start a thread: {error}")))?;
        Ok((Self { shared, closed }, receiver))
    }
}

impl KafkaFence {
    /// How often partitions were assigned so far.
    pub(super) fn assignments(&self) -> u64 {
        self.shared.standing.assignments()
    }

    /// The live generation, unless partitions were lost since the fence was taken.
    pub(super) fn generation(&self) -> Result<Generation, Unfenced> {
        let generation = self.shared.consumer().and_then(|it| Generation::of(it.as_ref()));
        let Some(generation) = generation else {
            return Err(Unfenced::Lost(format!("the member has left the group {}", self.shared.group)));
        };
        // Only now: a loss is noted before the group can be joined again, so this generation is from before any that
        // the check does not see.
        self.shared.standing.check(self.losses).map_err(Unfenced::Lost)?;
        // A coordinator does not check a generation below zero: presenting it would be no fence at all.
        if generation.number() < 0 || generation.member().is_empty() {
            return Err(Unfenced::Between(format!("no generation of the group {} now", self.shared.group)));
        }
        Ok(generation)
    }

    /// Waits until the member has another generation than the refused one; false when it has lost partitions or has
    /// none by then.
    pub(super) fn outlives(&self, refused: i32, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            match self.generation() {
                Ok(generation) if generation.number() != refused => return true,
                Ok(_) | Err(Unfenced::Between(_)) => std::thread::sleep(GENERATION_CHECK),
                Err(Unfenced::Lost(_)) => return false,
            }
        }
        false
    }

    /// See [`Membership::committed`]; blocks.
    pub(super) fn committed_now(
        &self,
        of: &[TopicPartition],
    ) -> Result<Vec<(TopicPartition, i64)>, LogError> {
        self.shared.committed(of)
    }
}

impl Fence for KafkaFence {
    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Fence for KafkaMembership {
    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[async_trait]
impl Membership for KafkaMembership {
    fn fence(&self) -> Arc<dyn Fence> {
        Arc::new(KafkaFence { shared: Arc::clone(&self.shared), losses: self.shared.standing.losses() })
    }

    async fn committed(&self, of: Vec<TopicPartition>) -> Result<Vec<(TopicPartition, i64)>, LogError> {
        let shared = Arc::clone(&self.shared);
        super::blocking(move || shared.committed(&of)).await
    }

    async fn leave(&self) -> Result<(), LogError> {
        self.shared.closing.store(true, Ordering::Release);
        let gone = |_| LogError::Unavailable("the group's thread ended".to_owned());
        self.closed.clone().wait_for(|closed| *closed).await.map(drop).map_err(gone)
    }
}

impl Drop for KafkaMembership {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::Release);
    }
}

impl Shared {
    fn consumer(&self) -> Option<Arc<GroupConsumer>> {
        self.consumer.lock().clone()
    }

    /// The thread: polls until the member leaves, then lets the partitions go.
    fn run(&self, mut prompter: Prompter) {
        let Some(consumer) = self.consumer() else { return };
        let context = consumer.context();
        while !self.closing.load(Ordering::Acquire) && !context.is_deaf() {
            match consumer.poll(POLL) {
                Some(Ok(message)) => context.offer(&consumer, &message),
                Some(Err(error)) => context.trouble(&error),
                None => {}
            }
            context.relieve(&consumer);
            prompter.turn(&consumer);
        }
        // Unsubscribing revokes what is assigned, and then leaves the group; the fence works until it is answered.
        consumer.unsubscribe();
        while consumer.assignment().is_ok_and(|it| it.count() > 0) {
            let _records_of_nobody = consumer.poll(POLL);
        }
        self.consumer.lock().take();
    }

    fn committed(&self, of: &[TopicPartition]) -> Result<Vec<(TopicPartition, i64)>, LogError> {
        let left = || LogError::Refused(format!("the member has left the group {}", self.group));
        let consumer = self.consumer().ok_or_else(left)?;
        committed(&consumer, of, COMMITTED)
            .map_err(|error| client::log_error("cannot read committed offsets", &error))
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let generation = self.consumer().and_then(|it| Generation::of(it.as_ref()));
        f.debug_struct("Shared")
            .field("group", &self.group)
            .field("generation", &generation.as_ref().map(Generation::number))
            .field("member", &generation.as_ref().map(Generation::member))
            .finish_non_exhaustive()
    }
}

/// How often a member asks how its group is. Others wait for it when the group rebalances, twice when partitions move to a
/// newcomer, and it hears of that by the answer.
fn heartbeat(session: Duration) -> Duration {
    (session / 50).clamp(Duration::from_millis(100), Duration::from_secs(1))
}

/// Group and id of a member, for a test that speaks in its name.
#[cfg(test)]
pub(crate) fn member_of(membership: &dyn Membership) -> Option<(String, String)> {
    let shared = &membership.as_any().downcast_ref::<KafkaMembership>()?.shared;
    let generation = Generation::of(shared.consumer()?.as_ref())?;
    Some((shared.group.clone(), generation.member()))
}

/// The offsets to consume next: what the group has committed, else where the partition begins.
pub(super) fn committed(
    consumer: &GroupConsumer,
    of: &[TopicPartition],
    patience: Duration,
) -> Result<Vec<(TopicPartition, i64)>, KafkaError> {
    let mut list = TopicPartitionList::with_capacity(of.len());
    for of in of {
        list.add_partition(&of.topic, of.partition);
    }
    let list = consumer.committed_offsets(list, patience)?;
    let next = |of: &TopicPartition| {
        let found = list.find_partition(&of.topic, of.partition);
        if let Some(found) = found {
            found.error()?;
            if let Offset::Offset(next) = found.offset() {
                return Ok((of.clone(), next));
            }
        }
        let (beginning, _) = consumer.fetch_watermarks(&of.topic, of.partition, patience)?;
        Ok((of.clone(), beginning))
    };
    of.iter().map(next).collect()
}

/// Settings of a member.
fn group_config(bootstrap_servers: &str, config: &GroupConfig) -> rdkafka::ClientConfig {
    let mut settings = client::consumer_config(bootstrap_servers, &config.group);
    settings
        .set("group.protocol", "classic")
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("session.timeout.ms", config.session_timeout.as_millis().to_string())
        .set("heartbeat.interval.ms", heartbeat(config.session_timeout).as_millis().to_string())
        .set("auto.offset.reset", "earliest");
    settings
}

//! Who is connected, and what each has been handed.
//!
//! A stream gets every item exactly once, in order: what is visible when it begins it reads itself, and whatever the
//! courier reads for its person later is handed to all of their streams that have begun. Where the two overlap, offsets
//! tell; between them is nothing, because a stream is open to the courier from before it reads.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use event_log::{EventLog, TopicPartition};
use event_schemas::Domain;
use event_schemas::partitioner;
use event_schemas::topics::{Profile, partitions};
use metrics::gauge;
use parking_lot::Mutex;
use service_kit::health::Gate;
use sqlx::PgPool;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::AbortHandle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::courier::{self, Due};
use super::message::Message;
use super::tail;
use crate::position::{Need, Positions};

/// Streams of one person; the oldest gives way.
const STREAMS_PER_USER: usize = 5;
/// Messages that wait for one stream; a stream that is further behind reads them from PostgreSQL when it gets on.
const QUEUE: usize = 16;
/// Streams that read at a time, so that thousands that come back at once leave the connections to everybody else.
const READING: usize = 4;
/// The topic of all items.
pub(super) const TOPIC: &str = Domain::Notification.events_topic();

/// The live streams of this process. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Live(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    profile: Profile,
    positions: Positions,
    shutdown: CancellationToken,
    connected: Mutex<Connected>,
    /// Turns to read for one stream alone.
    turns: Arc<Semaphore>,
    /// To the courier: whose news are visible.
    visible: mpsc::UnboundedSender<Due>,
}

#[derive(Debug, Default)]
struct Connected {
    /// Per partition the offset of the last record that the tail has passed.
    passed: HashMap<i32, i64>,
    users: HashMap<Uuid, User>,
    /// Number of the next stream. Never of a person's own: an old stream would leave in the place of a new one.
    next_stream: u64,
}

/// One connected person.
#[derive(Debug, Default)]
struct User {
    /// Offset of the last item that was visible and read for them; none before the first stream has begun.
    handed: Option<i64>,
    /// What their streams are to get next.
    due: Option<Due>,
    /// Waits until that is visible, or the courier has it.
    waiting: Option<AbortHandle>,
    /// Their streams, oldest first.
    streams: VecDeque<Outlet>,
}

/// The courier's end of one stream.
#[derive(Debug)]
struct Outlet {
    stream: u64,
    messages: mpsc::Sender<Message>,
    behind: Arc<Behind>,
    ended: CancellationToken,
}

/// Says that messages are missing in a stream's queue, so nothing may follow there before the stream has read them.
#[derive(Debug)]
pub(super) struct Behind {
    is: AtomicBool,
    said: Notify,
}

/// A client's place among the connected; leaves when dropped.
#[derive(Debug)]
pub(super) struct Place {
    live: Live,
    user_id: Uuid,
    stream: u64,
    /// The person's partition.
    pub(super) partition: TopicPartition,
    /// Offset of the last record that the tail had passed when the stream was connected.
    pub(super) passed: Option<i64>,
    /// What the courier has read, in order.
    pub(super) messages: mpsc::Receiver<Message>,
    /// At first true: a stream reads before anything is handed to it.
    pub(super) behind: Arc<Behind>,
    /// Cancelled when the stream must end: another one took its place, or the process stops.
    pub(super) ended: CancellationToken,
}

impl Live {
    /// Starts to follow the topic; the gate opens once it does.
    pub(crate) fn follow(
        log: Arc<dyn EventLog>,
        pool: &PgPool,
        positions: Positions,
        profile: Profile,
        gate: Gate,
        shutdown: CancellationToken,
    ) -> Self {
        let (visible, due) = mpsc::unbounded_channel();
        let (connected, turns) = (Mutex::default(), Arc::new(Semaphore::new(READING)));
        let shared = Shared { profile, positions, shutdown: shutdown.clone(), connected, turns, visible };
        let live = Self(Arc::new(shared));
        let following = tail::keep_following(live.clone(), log, pool.clone(), gate);
        tokio::spawn(shutdown.clone().run_until_cancelled_owned(following));
        let delivering = courier::deliver(live.clone(), pool.clone(), due);
        tokio::spawn(shutdown.run_until_cancelled_owned(delivering));
        live
    }

    /// Connects a stream of a person.
    pub(super) fn connect(&self, user_id: Uuid) -> Place {
        let partition = self.partition_of(user_id);
        let ended = self.0.shutdown.child_token();
        let (sender, messages) = mpsc::channel(QUEUE);
        let behind = Arc::new(Behind { is: AtomicBool::new(true), said: Notify::new() });
        let mut connected = self.0.connected.lock();
        let stream = connected.next_stream;
        connected.next_stream += 1;
        let passed = connected.passed.get(&partition.partition).copied();
        let user = connected.users.entry(user_id).or_default();
        let outlet = Outlet { stream, messages: sender, behind: Arc::clone(&behind), ended: ended.clone() };
        user.streams.push_back(outlet);
        if user.streams.len() > STREAMS_PER_USER
            && let Some(oldest) = user.streams.pop_front()
        {
            oldest.ended.cancel();
        }
        gauge!("karmyq_live_streams").increment(1);
        Place { live: self.clone(), user_id, stream, partition, passed, messages, behind, ended }
    }

    fn partition_of(&self, user_id: Uuid) -> TopicPartition {
        let count = u32::try_from(self.partitions()).unwrap_or(1);
        let key = user_id.as_hyphenated().to_string();
        TopicPartition::new(TOPIC, partitioner::partition(key.as_bytes(), count))
    }

    /// How many partitions the topic has.
    pub(super) fn partitions(&self) -> i32 {
        partitions(Domain::Notification, self.0.profile)
    }

    /// Waits, for however long it takes, until a stream may read; it may for as long as the value lives.
    pub(super) async fn turn(&self) -> OwnedSemaphorePermit {
        Arc::clone(&self.0.turns).acquire_owned().await.expect("it is never closed")
    }

    /// The tail begins at these offsets. What was folded up to there reaches the streams that began before, too.
    pub(super) fn begins(&self, next: &HashMap<TopicPartition, i64>) {
        let mut connected = self.0.connected.lock();
        let Connected { passed, users, .. } = &mut *connected;
        passed.extend(next.iter().filter(|(_, next)| **next > 0).map(|(of, next)| (of.partition, next - 1)));
        for (user_id, user) in users {
            let partition = self.partition_of(*user_id).partition;
            let Some(offset) = passed.get(&partition).copied() else { continue };
            user.due.get_or_insert(Due { user_id: *user_id, partition, offset, need: Need::Passed });
            self.go_on(user);
        }
    }

    /// The tail has passed these records, of which some raise an item for somebody: partition, offset, for whom.
    pub(super) fn pass(&self, records: impl IntoIterator<Item = (i32, i64, Option<Uuid>)>) {
        let mut connected = self.0.connected.lock();
        for (partition, offset, raised_for) in records {
            connected.passed.insert(partition, offset);
            let Some(user_id) = raised_for else { continue };
            let Some(user) = connected.users.get_mut(&user_id) else { continue };
            user.due = Some(Due { user_id, partition, offset, need: Need::Folded });
            self.go_on(user);
        }
    }

    /// From which offset on the courier has to read for whoever is due; none when they have gone.
    pub(super) fn handed(&self, due: &Due) -> Option<i64> {
        self.0.connected.lock().users.get(&due.user_id)?.handed
    }

    /// Hands a person's streams what was read for them after an offset. Something may be left of what was due.
    pub(super) fn hand(&self, done: &Due, after: i64, messages: &[Message], left: Option<Due>) {
        let mut connected = self.0.connected.lock();
        let Some(user) = connected.users.get_mut(&done.user_id) else { return };
        user.waiting = None;
        // A stream that has begun meanwhile may lack what is before that: then it is read again.
        if user.handed.is_some_and(|it| it >= after) {
            user.streams.iter().for_each(|it| it.hand(messages));
            user.handed = user.handed.max(messages.last().map(|it| it.offset));
            if user.due.is_some_and(|it| it.offset <= done.offset) {
                user.due = left;
            }
        }
        self.go_on(user);
    }

    /// Somebody could not be read for: the courier is told of them again after a pause.
    pub(super) fn put_off(&self, due: Due, pause: Duration) {
        let mut connected = self.0.connected.lock();
        let Some(user) = connected.users.get_mut(&due.user_id) else { return };
        let (due, visible) = (user.due.unwrap_or(due), self.0.visible.clone());
        let waiting = tokio::spawn(async move {
            sleep(pause).await;
            // The courier ends with the process.
            let _stopping = visible.send(due);
        });
        user.waiting = Some(waiting.abort_handle());
    }

    /// Has the courier told of what is due, once it is visible, unless that is under way.
    fn go_on(&self, user: &mut User) {
        let Some(due) = user.due else { return };
        if user.handed.is_none() || user.waiting.is_some() {
            return;
        }
        let (positions, visible) = (self.0.positions.clone(), self.0.visible.clone());
        let waiting = tokio::spawn(async move {
            positions.wait(Arc::new([due.goal()])).await;
            // The courier ends with the process.
            let _stopping = visible.send(due);
        });
        user.waiting = Some(waiting.abort_handle());
    }
}

impl Place {
    /// The stream has read everything that was visible, of which the newest item is at this offset. Whatever else the tail
    /// had passed follows.
    pub(super) fn begun(&self, newest: i64) {
        let mut connected = self.live.0.connected.lock();
        let Some(user) = connected.users.get_mut(&self.user_id) else { return };
        // A version that is live since may show less than was handed before.
        user.handed = Some(user.handed.map_or(newest, |it| it.min(newest)));
        if let Some(offset) = self.passed {
            let (user_id, partition) = (self.user_id, self.partition.partition);
            // Whose that record is, and whether it is parked, nobody knows here. What is parked of this person's the courier
            // finds.
            user.due.get_or_insert(Due { user_id, partition, offset, need: Need::Passed });
        }
        self.live.go_on(user);
    }
}

impl Outlet {
    fn hand(&self, messages: &[Message]) {
        for message in messages {
            if self.behind.is.load(Ordering::SeqCst) {
                return;
            }
            if let Err(mpsc::error::TrySendError::Full(_)) = self.messages.try_send(message.clone()) {
                self.behind.is.store(true, Ordering::SeqCst);
                self.behind.said.notify_one();
            }
        }
    }
}

impl Behind {
    /// Waits until messages are missing.
    pub(super) async fn said(&self) {
        self.said.notified().await;
    }

    /// The stream is about to read: what comes from now on goes to the queue again.
    pub(super) fn over(&self) {
        self.is.store(false, Ordering::SeqCst);
    }
}

impl Drop for User {
    fn drop(&mut self) {
        if let Some(waiting) = &self.waiting {
            waiting.abort();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        gauge!("karmyq_live_streams").decrement(1);
        let mut connected = self.live.0.connected.lock();
        if let Some(user) = connected.users.get_mut(&self.user_id) {
            user.streams.retain(|it| it.stream != self.stream);
            if user.streams.is_empty() {
                connected.users.remove(&self.user_id);
            }
        }
    }
}

//! Following `notification-events`, and who is connected.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use event_log::{EventLog, LogError, Reader, Record, TopicPartition};
use event_schemas::Domain;
use event_schemas::partitioner;
use event_schemas::topics::{Profile, partitions};
use metrics::gauge;
use parking_lot::Mutex;
use service_kit::health::Gate;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use uuid::Uuid;

/// Streams of one person; the oldest gives way.
const STREAMS_PER_USER: usize = 5;
/// Most records read at once.
const BATCH: usize = 500;
/// How long one read waits for news.
const WAIT: Duration = Duration::from_millis(500);
/// Pause after a log that failed, so that a missing broker is not hammered.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// The event that puts something into an inbox.
const RAISED: &str = "NotificationRaised";
const TOPIC: &str = Domain::Notification.events_topic();

/// The live streams of this process. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Live(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    profile: Profile,
    shutdown: CancellationToken,
    connected: Mutex<Connected>,
}

#[derive(Debug, Default)]
struct Connected {
    /// Per partition the offset to be read next.
    next: HashMap<i32, i64>,
    /// Per partition the offset of the last record that was read. (`next - 1` may be a transaction's marker, which no
    /// projection counts.)
    last: HashMap<i32, i64>,
    users: HashMap<Uuid, User>,
}

/// One connected person.
#[derive(Debug)]
struct User {
    /// The offset of their latest raised item.
    raised: watch::Sender<i64>,
    /// Ends of their streams, oldest first.
    streams: VecDeque<(u64, CancellationToken)>,
    /// Number of the next stream.
    next_stream: u64,
}

/// A client's place among the connected; leaves when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    live: Live,
    user_id: Uuid,
    stream: u64,
    /// The person's partition.
    pub(super) partition: TopicPartition,
    /// The offset that the projection has to pass before there is anything new to read.
    pub(super) raised: watch::Receiver<i64>,
    /// Cancelled when the stream must end: another one took its place, or the process stops.
    pub(super) ended: CancellationToken,
}

impl Live {
    /// Starts to follow the topic from its present end; the gate opens once it does.
    pub(crate) fn follow(
        log: Arc<dyn EventLog>,
        profile: Profile,
        gate: Gate,
        shutdown: CancellationToken,
    ) -> Self {
        let connected = Mutex::default();
        let live = Self(Arc::new(Shared { profile, shutdown: shutdown.clone(), connected }));
        let following = live.clone().keep_following(log, gate);
        tokio::spawn(shutdown.run_until_cancelled_owned(following));
        live
    }

    /// Connects a stream of a person.
    pub(crate) fn connect(&self, user_id: Uuid) -> Place {
        let partition = self.partition_of(user_id);
        let ended = self.0.shutdown.child_token();
        let mut connected = self.0.connected.lock();
        // What the tail has passed already may not be folded yet: the stream begins by waiting for it.
        let passed = connected.last.get(&partition.partition).copied().unwrap_or(-1);
        let user = connected.users.entry(user_id).or_insert_with(|| User {
            raised: watch::Sender::new(passed),
            streams: VecDeque::new(),
            next_stream: 0,
        });
        user.raised.send_if_modified(|it| raise(it, passed));
        let stream = user.next_stream;
        user.next_stream += 1;
        user.streams.push_back((stream, ended.clone()));
        if user.streams.len() > STREAMS_PER_USER
            && let Some((_, oldest)) = user.streams.pop_front()
        {
            oldest.cancel();
        }
        gauge!("karmyq_live_streams").increment(1);
        let raised = user.raised.subscribe();
        Place { live: self.clone(), user_id, stream, partition, raised, ended }
    }

    fn partition_of(&self, user_id: Uuid) -> TopicPartition {
        let count = u32::try_from(partitions(Domain::Notification, self.0.profile)).unwrap_or(1);
        let key = user_id.as_hyphenated().to_string();
        TopicPartition::new(TOPIC, partitioner::partition(key.as_bytes(), count))
    }

    async fn keep_following(self, log: Arc<dyn EventLog>, gate: Gate) {
        loop {
            let Err(error) = self.read(&*log, &gate).await;
            warn!(%error, "notification-events cannot be followed, trying again");
            gate.close("notification-events cannot be followed");
            // Nothing tells when a broker is back.
            tokio::time::sleep(RETRY_AFTER).await;
        }
    }

    /// Follows from where it was, at first from the present end. Ends only with an error.
    async fn read(&self, log: &dyn EventLog, gate: &Gate) -> Result<std::convert::Infallible, LogError> {
        let from = self.start(log).await?;
        let mut reader = log.reader(from.clone()).await?;
        gate.open();
        info!(partitions = from.len(), "following notification-events");
        loop {
            let records = reader.next(BATCH, WAIT).await?;
            self.take(&records, &*reader, &from);
        }
    }

    async fn start(&self, log: &dyn EventLog) -> Result<Vec<(TopicPartition, i64)>, LogError> {
        let known = self.0.connected.lock().next.clone();
        let mut from = Vec::new();
        for partition in 0..partitions(Domain::Notification, self.0.profile) {
            let of = TopicPartition::new(TOPIC, partition);
            let offset = match known.get(&partition) {
                Some(next) => *next,
                None => log.high_watermark(&of).await?,
            };
            from.push((of, offset));
        }
        self.0.connected.lock().next = from.iter().map(|(of, next)| (of.partition, *next)).collect();
        Ok(from)
    }

    fn take(&self, records: &[Record], reader: &dyn Reader, followed: &[(TopicPartition, i64)]) {
        let mut connected = self.0.connected.lock();
        connected.last.extend(records.iter().map(|it| (it.position.of.partition, it.position.offset)));
        for record in records.iter().filter(|it| it.header("ce_type") == Some(RAISED)) {
            let user = std::str::from_utf8(&record.key).ok().and_then(|it| Uuid::parse_str(it).ok());
            if let Some(user) = user.and_then(|it| connected.users.get(&it)) {
                user.raised.send_if_modified(|it| raise(it, record.position.offset));
            }
        }
        for (of, _) in followed {
            if let Some(next) = reader.position(of) {
                connected.next.insert(of.partition, next);
            }
        }
    }
}

/// Moves forward only.
fn raise(current: &mut i64, to: i64) -> bool {
    let forward = to > *current;
    if forward {
        *current = to;
    }
    forward
}

impl Drop for Place {
    fn drop(&mut self) {
        gauge!("karmyq_live_streams").decrement(1);
        let mut connected = self.live.0.connected.lock();
        if let Some(user) = connected.users.get_mut(&self.user_id) {
            user.streams.retain(|(stream, _)| *stream != self.stream);
            if user.streams.is_empty() {
                connected.users.remove(&self.user_id);
            }
        }
    }
}

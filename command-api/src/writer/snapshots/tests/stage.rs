//! A log, writers on it one after the other, and takeovers to be looked at.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use chrono::TimeDelta;
use domain::Command;
use event_log::{Decoder, Encoder, EventLog, KeyRing, MasterKey, MemoryLog, NewRecord, Position, Record};
use event_schemas::topics::{self, Profile, manifest};
use event_schemas::{Actor, Codec, CommandId, CorrelationId, Domain, Metadata, Timestamp, UserId};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::super::{Format, Restored, SnapshotConfig};
use crate::views::Replicas;
use crate::writer::owners::Owners;
use crate::writer::partition::Partition;
use crate::writer::takeover::Takeover;
use crate::writer::{
    Clock, Executed, Failure, Handle, Origin, PartitionId, Parts, Submission, Target, WriterConfig, start,
};

/// The code that writes snapshots, unless a test says otherwise.
pub(super) const FOLD: &str = "this code";
/// Code that knows no snapshot of anybody: it reads everything.
const NOBODY: &str = "nobody's code";
/// How long a condition may take; far beyond what it takes.
const PATIENCE: Duration = Duration::from_secs(30);
/// Commands that a ledger remembers: few, so that it forgets.
const LEDGER: usize = 60;

/// A log and the time of day of all who use it.
#[derive(Clone)]
pub(super) struct Stage {
    pub(super) log: MemoryLog,
    now: Arc<AtomicI64>,
}

/// A writer that serves everything.
pub(super) struct Writer {
    pub(super) handle: Handle,
    pub(super) views: Replicas,
    stop: CancellationToken,
    stopped: JoinHandle<()>,
}

impl Stage {
    pub(super) async fn new() -> Self {
        let log = MemoryLog::new();
        log.create_topics(&manifest(Profile::Small), 1).await.expect("creates topics");
        Self { log, now: Arc::new(AtomicI64::new(1_800_000_000_000_000)) }
    }

    /// Lets time pass.
    pub(super) fn wait(&self, span: TimeDelta) {
        self.now.fetch_add(span.num_microseconds().expect("short"), Ordering::SeqCst);
    }

    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.now.load(Ordering::SeqCst))
    }

    fn shared(&self) -> Arc<dyn EventLog> {
        Arc::new(self.log.clone())
    }

    pub(super) async fn keys(&self, stop: &CancellationToken) -> KeyRing {
        let (decoder, encoder) = (decoder(), encoder());
        let keys =
            KeyRing::follow(self.shared(), decoder, encoder, MasterKey::new([1; 32]), 1, stop.clone()).await;
        keys.expect("follows keys")
    }

    /// A writer that takes everything over, and begins a pass after every so many events.
    pub(super) async fn writer(&self, fold: &str, every: u64) -> Writer {
        let stop = CancellationToken::new();
        let views = Replicas::follow(self.shared(), decoder(), Profile::Small, stop.clone());
        let views = views.await.expect("follows events");
        let clock = self.clone();
        let parts = Parts {
            log: self.shared(),
            decoder: decoder(),
            encoder: encoder(),
            keys: self.keys(&stop).await,
            views: views.clone(),
            clock: Clock::new(move || clock.now()),
        };
        let instance = format!("writer-{}", Uuid::now_v7());
        let config = WriterConfig {
            domains: Domain::ALL.to_vec(),
            profile: Profile::Small,
            instance: instance.as_str().into(),
            address: format!("http://{instance}").into(),
            session_timeout: Duration::from_secs(6),
            queue: 1_000,
            window_records: 1_000,
            ledger_capacity: LEDGER,
            snapshots: SnapshotConfig { every, one_in: 1, fold: fold.to_owned() },
        };
        let (handle, stopped) = start(config, parts, stop.clone()).await.expect("starts");
        let writer = Writer { handle, views, stop, stopped };
        writer.serves_everything().await;
        writer
    }

    /// What code of this name takes over. Nobody must own anything.
    pub(super) async fn taken_over(&self, id: PartitionId, fold: &str) -> Partition {
        let stop = CancellationToken::new();
        let owners = Owners::follow(self.shared(), decoder(), stop.clone()).await.expect("follows");
        let keys = self.keys(&stop).await;
        let takeover = Takeover {
            log: self.shared(),
            decoder: decoder(),
            keys: keys.clone(),
            owners,
            instance: "a look".into(),
            ledger_capacity: LEDGER,
            snapshots: Format::new(fold, encoder(), keys),
        };
        let partition = takeover.load(id).await.expect("is readable");
        stop.cancel();
        partition
    }

    /// What this code writes with.
    pub(super) async fn format(&self) -> Format {
        let stop = CancellationToken::new();
        let keys = self.keys(&stop).await;
        keys.catch_up().await.expect("catches up");
        Format::new(FOLD, encoder(), keys)
    }

    /// What is made of these records alone, before anything is said of a checkpoint.
    pub(super) async fn restored(&self, id: PartitionId, records: &[NewRecord]) -> Partition {
        let format = self.format().await;
        let empty = Partition::new(id, TimeDelta::hours(24), LEDGER);
        let mut restored = Restored::into_empty(empty, &format);
        for (offset, record) in (0..).zip(records) {
            let position = Position { of: record.to.clone(), offset };
            let (key, value) = (record.key.clone(), record.value.clone());
            let record =
                Record { position, key, value, headers: Vec::new(), timestamp_ms: record.timestamp_ms };
            restored.take(&record, &decoder(), &format).await;
        }
        restored.so_far()
    }

    /// The same by reading all events.
    pub(super) async fn replayed(&self, id: PartitionId) -> Partition {
        let partition = self.taken_over(id, NOBODY).await;
        assert_eq!(partition.snapshots.start(), None, "everything was read");
        partition
    }

    /// Compares both ways for all partitions; returns how many of them were taken over from a snapshot.
    pub(super) async fn both_ways_agree(&self) -> usize {
        let mut from_snapshots = 0;
        for id in partitions() {
            let (restored, replayed) = (self.taken_over(id, FOLD).await, self.replayed(id).await);
            from_snapshots += usize::from(restored.snapshots.start().is_some());
            restored.assert_same(&replayed);
        }
        from_snapshots
    }
}

impl Writer {
    pub(super) async fn serves_everything(&self) {
        let all = partitions().len();
        self.until(|it| it.handle.serving().count() == all).await;
    }

    /// Returns once the condition holds.
    pub(super) async fn until(&self, condition: impl Fn(&Self) -> bool) {
        let holds = async {
            while !condition(self) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, holds).await.expect("the condition comes true");
    }

    /// Carries out a command; what comes of it does not matter everywhere.
    pub(super) async fn execute(
        &self,
        target: Target,
        command: impl Into<Command>,
        id: CommandId,
    ) -> Result<Executed, Failure> {
        let origin = Origin {
            command_id: id,
            fingerprint: id.uuid().as_bytes()[..8].try_into().expect("eight"),
            correlation_id: CorrelationId::from(id),
            actor: Some(Actor::User(UserId::new(Uuid::nil()))),
            metadata: Metadata::default(),
            traceparent: None,
            expected_version: None,
        };
        self.handle.execute(Submission { target, command: command.into(), origin }).await
    }

    /// Stops it as a deployment does: it says farewell.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        self.stopped.await.expect("drains");
    }

    /// Ends it as a power cut does.
    pub(super) async fn crash(self) {
        self.stopped.abort();
        // An error is what an aborted task ends with; only that it has ended counts.
        let _ = self.stopped.await;
        self.stop.cancel();
    }
}

/// Parsing all schemas takes longer than most tests.
pub(super) fn encoder() -> Encoder {
    static ENCODER: LazyLock<Encoder> =
        LazyLock::new(|| Encoder::new(Codec::local(), &manifest(Profile::Small)));
    ENCODER.clone()
}

pub(super) fn decoder() -> Decoder {
    static DECODER: LazyLock<Decoder> = LazyLock::new(Decoder::local);
    DECODER.clone()
}

pub(super) fn partitions() -> Vec<PartitionId> {
    let of = |domain| {
        (0..topics::partitions(domain, Profile::Small)).map(move |number| PartitionId { domain, number })
    };
    Domain::ALL.into_iter().flat_map(of).collect()
}

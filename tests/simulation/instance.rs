//! An instance of the write side: the real writer, views and keys on a line to the log.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use command_api::views::Replicas;
use command_api::writer::{Clock, Handle, Parts, SnapshotConfig, WriterConfig, start};
use event_log::{Decoder, Encoder, EventLog, KeyRing, LogError, MasterKey, MemoryLog};
use event_schemas::topics::{Profile, manifest};
use event_schemas::{Codec, Domain, Timestamp};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::chance;
use super::faulty::FaultyLog;
use super::line::{Health, Line};
use super::plan::SESSION;

/// A running instance.
#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) line: Arc<Line>,
    pub(crate) handle: Handle,
    pub(crate) views: Replicas,
    pub(crate) skew: Arc<AtomicI64>,
    stop: CancellationToken,
    shard: JoinHandle<()>,
}

/// The time of day of a run: it follows the paused time of the runtime, and jumps when it is told to.
#[derive(Clone, Debug)]
pub(crate) struct Time {
    began: Instant,
    /// Microseconds.
    jumped: Arc<AtomicI64>,
    /// The latest time that any instance has seen on its clock, in microseconds.
    latest: Arc<AtomicI64>,
}

/// Midnight of the first day of 2026, in microseconds.
const BEGINNING: i64 = 1_767_225_600_000_000;

impl Time {
    pub(crate) fn begin() -> Self {
        Self { began: Instant::now(), jumped: Arc::default(), latest: Arc::default() }
    }

    /// Since the beginning, without jumps.
    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// The time of day on a clock without skew.
    pub(crate) fn now(&self) -> Timestamp {
        let elapsed = i64::try_from(self.elapsed().as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_micros(BEGINNING + elapsed + self.jumped.load(Ordering::Relaxed))
    }

    /// Moves all clocks forth.
    pub(crate) fn jump(&self, by: Duration) {
        self.jumped.fetch_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX), Ordering::Relaxed);
    }

    /// The latest time that any instance has seen: nothing is decided later.
    pub(crate) fn latest(&self) -> Timestamp {
        Timestamp::from_micros(self.latest.load(Ordering::Relaxed))
    }

    fn clock(&self, skew: &Arc<AtomicI64>) -> Clock {
        let (time, skew) = (self.clone(), Arc::clone(skew));
        let now = move || {
            let now = time.now().micros().saturating_add(skew.load(Ordering::Relaxed));
            time.latest.fetch_max(now, Ordering::Relaxed);
            Timestamp::from_micros(now)
        };
        let millis = now.clone();
        Clock::new(now).drawing_ids(move || chance::id(millis().millis().unsigned_abs()))
    }
}

impl Instance {
    /// Starts one, as a supervisor does: again until it runs.
    pub(crate) async fn start(log: &MemoryLog, line: Arc<Line>, address: &str, time: &Time) -> Self {
        loop {
            let stop = CancellationToken::new();
            match Self::attempt(log, &line, address, time, stop.clone()).await {
                Ok(instance) => return instance,
                Err(_) => stop.cancel(),
            }
            // A pause between attempts, as a supervisor makes it.
            sleep(Duration::from_millis(300)).await;
        }
    }

    async fn attempt(
        log: &MemoryLog,
        line: &Arc<Line>,
        address: &str,
        time: &Time,
        stop: CancellationToken,
    ) -> Result<Self, LogError> {
        let (inner, time_of_day) = (log.clone(), time.clone());
        let log = FaultyLog { inner, line: Arc::clone(line), time: time_of_day };
        let log: Arc<dyn EventLog> = Arc::new(log);
        let keys =
            KeyRing::follow(Arc::clone(&log), decoder(), encoder(), MasterKey::new([1; 32]), 1, stop.clone());
        let keys = keys.await?;
        let views = Replicas::follow(Arc::clone(&log), decoder(), Profile::Small, stop.clone()).await?;
        let skew = Arc::default();
        let clock = time.clock(&skew);
        let parts = Parts { log, decoder: decoder(), encoder: encoder(), keys, views: views.clone(), clock };
        let config = WriterConfig {
            domains: Domain::ALL.to_vec(),
            profile: Profile::Small,
            instance: line.name.as_str().into(),
            address: address.into(),
            session_timeout: SESSION,
            queue: 100,
            window_records: 1_000,
            ledger_capacity: 100_000,
            snapshots: SnapshotConfig { every: line.plan.lock().snapshot_every, ..SnapshotConfig::default() },
        };
        let (handle, shard) = start(config, parts, stop.clone()).await?;
        Ok(Self { line: Arc::clone(line), handle, views, skew, stop, shard })
    }

    pub(crate) fn runs(&self) -> bool {
        self.line.health() == Health::Runs
    }

    /// Ends it as `kill -9` does.
    pub(crate) async fn crash(&self) {
        if chance::one_in(2) {
            self.line.becomes_while_appending(Health::Dead).await;
        } else {
            self.line.becomes(Health::Dead);
        }
        self.shard.abort();
        self.stop.cancel();
    }

    /// Asks it to stop, and waits until it has given everything back.
    pub(crate) async fn stop(self) -> bool {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(60), self.shard).await.is_ok()
    }
}

/// The schemas, parsed once for all runs.
pub(crate) fn codec() -> Codec {
    static CODEC: OnceLock<Codec> = OnceLock::new();
    CODEC.get_or_init(Codec::local).clone()
}

pub(crate) fn decoder() -> Decoder {
    static DECODER: OnceLock<Decoder> = OnceLock::new();
    DECODER.get_or_init(Decoder::local).clone()
}

fn encoder() -> Encoder {
    static ENCODER: OnceLock<Encoder> = OnceLock::new();
    ENCODER.get_or_init(|| Encoder::new(Codec::local(), &manifest(Profile::Small))).clone()
}

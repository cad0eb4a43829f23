//! The write side: one owner per partition, one window per shard, the log as the only truth (architecture, section 3).
//!
//! `handle` takes commands from routes, `shard` is the actor that decides and commits them, `carry` puts one command into
//! the open `window`, `flight` is a window on its way to the log, `partition` holds what an owner folds, `takeover` reads
//! it from the log, `ownership` follows what the group assigns and asks back, `owners` tells who owns what, `ledger` and
//! `recall` answer repeats, `internal` consumes what policies sent, `client` what people ask, `snapshots` spares a
//! successor the history, `attendance` takes an instance out of the group and back, `thread` is where all of it runs.

mod api;
mod attendance;
mod carry;
mod client;
mod flight;
mod gathering;
mod handle;
mod internal;
mod key;
mod ledger;
mod owners;
mod ownership;
mod partition;
mod recall;
mod shard;
mod snapshots;
mod takeover;
mod thread;
mod window;

use std::sync::Arc;
use std::time::Duration;

use event_log::{Decoder, Encoder, EventLog, KeyRing, LogError};
use event_schemas::{Domain, topics};
use metrics::gauge;
use tokio::runtime;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use api::{Executed, Failure, NEVER, Origin, Submission, Target};
pub use attendance::Attendance;
pub use carry::Clock;
pub use handle::{Handle, Owner, Serving};
pub use partition::PartitionId;
pub use snapshots::SnapshotConfig;
pub use thread::WriterThread;

use self::carry::Tools;
use self::owners::Owners;
use self::recall::Recall;
use self::shard::Shard;
use self::snapshots::Format;
use self::takeover::Takeover;
use crate::views::Replicas;

/// How a writer runs.
#[derive(Clone, Debug)]
pub struct WriterConfig {
    /// The domains whose partitions it may own.
    pub domains: Vec<Domain>,
    /// The profile, for partition counts.
    pub profile: topics::Profile,
    /// Name of this process, new at each start; the first part of its transactional ids.
    pub instance: Arc<str>,
    /// Base address at which other instances reach this one.
    pub address: Arc<str>,
    /// How long a silent instance keeps its partitions.
    pub session_timeout: Duration,
    /// Commands that may wait for the actor; beyond that `OVERLOADED`.
    pub queue: usize,
    /// Records at which the open window takes no more commands.
    pub window_records: usize,
    /// Commands that the ledger of one partition remembers at most.
    pub ledger_capacity: usize,
    /// When and how much of snapshots is written.
    pub snapshots: SnapshotConfig,
}

/// What a writer works with.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The log.
    pub log: Arc<dyn EventLog>,
    /// Reads records.
    pub decoder: Decoder,
    /// Writes records.
    pub encoder: Encoder,
    /// Data keys.
    pub keys: KeyRing,
    /// Views of other aggregates.
    pub views: Replicas,
    /// The time of day.
    pub clock: Clock,
}

/// Joins the writers' group once its views are there and serves whatever it is assigned, until `stop`; the task ends when
/// all is given back.
///
/// # Errors
/// When the owners' topic cannot be read.
pub async fn start(
    config: WriterConfig,
    parts: Parts,
    stop: CancellationToken,
) -> Result<(Handle, JoinHandle<()>), LogError> {
    start_on(runtime::Handle::current(), config, parts, stop).await
}

/// The same, with takeovers on another runtime.
async fn start_on(
    takeovers: runtime::Handle,
    config: WriterConfig,
    parts: Parts,
    stop: CancellationToken,
) -> Result<(Handle, JoinHandle<()>), LogError> {
    let Parts { log, decoder, encoder, keys, views, clock } = parts;
    let owners = Owners::follow(Arc::clone(&log), decoder.clone(), stop.clone()).await?;
    let (jobs, queue) = mpsc::channel(config.queue);
    let (serving, attendance) = (Serving::default(), Attendance::new());
    let partitions =
        Domain::ALL.into_iter().map(|it| (it, topics::partitions(it, config.profile).cast_unsigned()));
    let handle = Handle {
        jobs,
        serving: serving.clone(),
        attendance: attendance.clone(),
        owners: owners.clone(),
        partitions: Arc::new(partitions.collect()),
        instance: Arc::clone(&config.instance),
        address: Arc::clone(&config.address),
    };
    let domains = config.domains.iter().map(|it| it.name()).collect::<Vec<_>>().join(" ");
    gauge!("karmyq_writer_info", "instance" => config.instance.to_string(), "domains" => domains).set(1.0);
    let takeover = Takeover {
        log: Arc::clone(&log),
        decoder: decoder.clone(),
        keys: keys.clone(),
        owners,
        instance: Arc::clone(&config.instance),
        ledger_capacity: config.ledger_capacity,
        snapshots: Format::new(&config.snapshots.fold, encoder.clone(), keys.clone()),
    };
    let recall = Recall { log: Arc::clone(&log), decoder, keys: keys.clone() };
    let tools = Tools { views, keys, encoder, clock };
    let shard =
        Shard { config, log, tools, takeover, takeovers, recall, jobs: queue, serving, attendance, stop };
    Ok((handle, tokio::spawn(shard.run())))
}

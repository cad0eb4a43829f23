//! What commands cost: CPU of this process and of the brokers, bytes on the log, memory. As the kernel counts it.

use std::path::Path;

use anyhow::{Context, Result};
use event_log::TopicPartition;
use event_schemas::{Domain, topics};

use super::ground::Ground;
use crate::engine::Engine;

/// What was spent so far, or per command between two moments.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spent {
    /// CPU of this process, in microseconds.
    pub(super) own: f64,
    /// CPU of all brokers, in microseconds.
    pub(super) broker: f64,
    /// Bytes of the events of requests on the broker's disk.
    pub(super) bytes: f64,
    /// Allocations of memory by this process, where they are counted.
    pub(super) allocations: Option<f64>,
}

impl Spent {
    /// What was spent until now.
    pub(super) async fn so_far(ground: &Ground, engine: &Engine) -> Result<Self> {
        let mut bytes = 0;
        for partition in 0..topics::partitions(Domain::Request, engine.profile) {
            let of = TopicPartition::new(Domain::Request.events_topic(), partition);
            bytes += stored(&ground.kafka_data()?.join(format!("{}-{partition}", of.topic))).await?;
        }
        let mut broker = 0.0;
        for process in ground.brokers()? {
            broker += cpu_us(&process).await?;
        }
        let allocations = service_kit::allocated().map(|it| it.times as f64);
        Ok(Self { own: cpu_us("self").await?, broker, bytes: bytes as f64, allocations })
    }

    /// What each of these commands cost since then.
    pub(super) fn since(self, before: &Self, commands: u64) -> Self {
        let each = |now: f64, before: f64| (now - before) / commands.max(1) as f64;
        Self {
            own: each(self.own, before.own),
            broker: each(self.broker, before.broker),
            bytes: each(self.bytes, before.bytes),
            allocations: self.allocations.zip(before.allocations).map(|(now, before)| each(now, before)),
        }
    }
}

/// Bytes of the segments in a partition's folder.
async fn stored(folder: &Path) -> Result<u64> {
    let mut files = tokio::fs::read_dir(folder).await.with_context(|| folder.display().to_string())?;
    let mut bytes = 0;
    while let Some(file) = files.next_entry().await? {
        if file.path().extension().is_some_and(|it| it == "log") {
            bytes += file.metadata().await?.len();
        }
    }
    Ok(bytes)
}

/// Bytes of memory that this process has: what it has allocated, where that is counted, else what is resident, garbage of
/// what it did before included (proc(5): the second field of statm, in pages).
pub(super) async fn memory() -> Result<f64> {
    if let Some(allocated) = service_kit::allocated() {
        return Ok(allocated.bytes as f64);
    }
    let statm = tokio::fs::read_to_string("/proc/self/statm").await?;
    let pages = statm.split(' ').nth(1).context("a statm line")?.parse::<u32>()?;
    Ok(f64::from(pages) * rustix::param::page_size() as f64)
}

/// CPU that a process has used, user and system, in microseconds (proc(5): clock ticks in fields 14 and 15).
async fn cpu_us(process: &str) -> Result<f64> {
    let stat = tokio::fs::read_to_string(format!("/proc/{process}/stat")).await?;
    let fields = stat.rsplit_once(") ").context("a stat line")?.1.split(' ').collect::<Vec<_>>();
    let ticks = fields.get(11..13).context("times in a stat line")?;
    let ticks = ticks.iter().map(|it| it.parse::<u64>()).sum::<Result<u64, _>>()?;
    Ok(ticks as f64 * 1e6 / rustix::param::clock_ticks_per_second() as f64)
}

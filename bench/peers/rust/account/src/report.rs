//! The one form in which every rival reports; `bench/peers/README.md` describes it.

use std::io::Write;
use std::time::Duration;

use anyhow::Result;
use hdrhistogram::Histogram;
use serde::Serialize;

/// What a rival is.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct About {
    /// Its name.
    pub name: &'static str,
    /// The versions of its parts.
    pub version: &'static str,
    /// How it is set where that is not its default.
    pub settings: &'static str,
}

/// A run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    #[serde(flatten)]
    pub(crate) about: About,
    /// When an answered command is on disk.
    pub(crate) durability: String,
    /// Commands accepted in all, those that opened the accounts included; as many events are in the journal.
    pub(crate) accepted: u64,
    pub(crate) loads: Vec<Load>,
    pub(crate) rebuild: Rebuild,
}

/// What this many clients saw.
#[derive(Debug, Serialize)]
pub(crate) struct Load {
    clients: usize,
    commands_per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    p999_ms: f64,
    max_ms: f64,
    /// Times that a command was repeated because of another one.
    conflicts: u64,
}

/// All events into an empty read model.
#[derive(Debug, Serialize)]
pub(crate) struct Rebuild {
    pub(crate) events: u64,
    pub(crate) events_per_second: f64,
    pub(crate) into: &'static str,
}

impl Load {
    pub(crate) fn of(clients: usize, latency: &Histogram<u64>, measured: Duration, conflicts: u64) -> Self {
        let quantile = |it| latency.value_at_quantile(it) as f64 / 1_000.0;
        Self {
            clients,
            commands_per_second: latency.len() as f64 / measured.as_secs_f64(),
            p50_ms: quantile(0.5),
            p99_ms: quantile(0.99),
            p999_ms: quantile(0.999),
            max_ms: quantile(1.0),
            conflicts,
        }
    }
}

impl Report {
    /// Prints it as one line of JSON on standard output.
    pub(crate) fn print(&self) -> Result<()> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        Ok(std::io::stdout().lock().write_all(&line)?)
    }
}

//! What was measured, of everybody in one form; the programs of `bench/peers` print [`Measured`] as a line of JSON.

use std::thread::available_parallelism;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::Workload;
use crate::commands::bench::report::ClosedLoop;
use crate::terminal::say;

/// The result of `karmyq bench peers`; `--json` prints exactly these fields.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    /// Cores of this machine, for servers, contender and clients together.
    pub(super) cores: usize,
    /// Accounts of the workload.
    pub(super) accounts: u32,
    /// Seconds of each load that count.
    pub(super) seconds: u64,
    /// Who was measured, in this order.
    pub(super) measured: Vec<Measured>,
    /// Who could not be measured.
    pub(super) failures: Vec<Failure>,
}

/// Who could not be measured, and why.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Failure {
    /// As `--only` takes it.
    pub(super) name: String,
    /// With all causes.
    pub(super) reason: String,
}

/// One contender.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Measured {
    /// Who.
    pub(super) name: String,
    /// Of which parts.
    pub(super) version: String,
    /// What is set, where that is not its default.
    pub(super) settings: String,
    /// When an answered command is on disk.
    pub(super) durability: String,
    /// Commands accepted in all, those that opened accounts included: as many events are in its journal, and came into
    /// its read model.
    pub(super) accepted: u64,
    /// By number of clients.
    pub(super) loads: Vec<Load>,
    /// From the journal into an empty read model.
    pub(super) rebuild: Rebuild,
}

/// What this many clients saw.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(super) struct Load {
    /// Rate and times.
    #[serde(flatten)]
    pub(super) seen: ClosedLoop,
    /// Times that a command had to be repeated because of another one.
    pub(super) conflicts: u64,
}

/// From the journal into an empty read model.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Rebuild {
    /// Events replayed.
    pub(super) events: u64,
    /// Events a second.
    pub(super) events_per_second: f64,
    /// Where the read model is.
    pub(super) into: String,
}

impl Report {
    /// Nothing yet.
    pub(super) fn on_this_machine(workload: Workload) -> Result<Self> {
        Ok(Self {
            cores: available_parallelism()?.get(),
            accounts: workload.accounts,
            seconds: workload.plan.measured.as_secs(),
            measured: Vec::new(),
            failures: Vec::new(),
        })
    }

    /// Prints the table for people.
    pub(super) fn tell(&self) {
        let Self { cores, accounts, seconds, measured, failures } = self;
        say(format_args!(
            "{accounts} accounts, {seconds} s a load, {cores} cores for servers, contender and clients together"
        ));
        say(format_args!(
            "{:<36} {:>7} {:>10} {:>9} {:>9} {:>9} {:>9} {:>9}",
            "", "clients", "commands/s", "p50 ms", "p99 ms", "p99.9 ms", "max ms", "conflicts"
        ));
        measured.iter().for_each(Measured::tell);
        for it in measured {
            say(format_args!("{}: {}; {}", it.name, it.version, it.durability));
            say(format_args!("    {}", it.settings));
        }
        for Failure { name, reason } in failures {
            say(format_args!("{name} failed: {reason}"));
        }
    }
}

impl Measured {
    fn tell(&self) {
        for (number, load) in self.loads.iter().enumerate() {
            let ClosedLoop { clients, commands_per_second, p50_ms, p99_ms, p999_ms, max_ms } = load.seen;
            let conflicts = load.conflicts;
            let name = if number == 0 { &self.name } else { "" };
            say(format_args!(
                "{name:<36} {clients:>7} {commands_per_second:>10.0} {p50_ms:>9.2} {p99_ms:>9.2} {p999_ms:>9.2} {max_ms:>9.2} \
                 {conflicts:>9}"
            ));
        }
        let Rebuild { events, events_per_second, into } = &self.rebuild;
        say(format_args!(
            "{:<36} {:>7} {events_per_second:>10.0} events/s into {into}, {events} events",
            "", "rebuild"
        ));
    }
}

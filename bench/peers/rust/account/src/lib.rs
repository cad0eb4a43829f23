//! The account workload of `bench/peers/README.md` for rivals in Rust: the rules of an account, the clients that wait for
//! their answers, the checks and the report. A rival implements [`Peer`] and calls [`run`].

mod load;
mod plan;
mod postgres;
mod report;
mod rules;

use std::time::Instant;

use anyhow::{Result, ensure};

pub use crate::load::Bank;
pub use crate::postgres::{Server, database_url, pool};
pub use crate::report::About;
pub use crate::rules::{Account, Action, Command, Entry, Refusal};

use crate::load::Tally;
use crate::plan::Plan;
use crate::report::{Rebuild, Report};

/// An event-sourcing framework under measurement.
pub trait Peer: Bank {
    /// What it is and how it is set.
    fn about(&self) -> About;
    /// Events in its journal.
    fn events(&self) -> impl Future<Output = Result<u64>> + Send;
    /// Replays all events into the read model, which is empty.
    fn rebuild(&self) -> impl Future<Output = Result<()>> + Send;
    /// What the read model says.
    fn read_model(&self) -> impl Future<Output = Result<ReadModel>> + Send;
}

/// Sums over the read model.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ReadModel {
    /// Rows, one per account.
    pub accounts: u64,
    /// Events that came into them.
    pub events: u64,
    /// Their balances.
    pub balance: i64,
}

/// Runs the whole workload, checks what came of it and prints the report as one line of JSON.
///
/// # Errors
///
/// If the environment lacks something, a command fails, or journal or read model are not what was acknowledged.
pub async fn run(peer: impl Peer, server: Server) -> Result<()> {
    let plan = Plan::from_environment()?;
    let tally = Tally::default();
    load::open(&peer, &plan, &tally).await?;
    server.analyze().await?;
    let mut loads = Vec::new();
    for &clients in &plan.clients {
        eprintln!("{}: {clients} clients", peer.about().name);
        loads.push(load::run(&peer, clients, &plan, &tally).await?);
    }
    let (accepted, events) = (tally.accepted(), peer.events().await?);
    ensure!(accepted == events, "{accepted} commands were accepted, but the journal has {events} events");
    eprintln!("{}: rebuilding from {events} events", peer.about().name);
    let started = Instant::now();
    peer.rebuild().await?;
    let seconds = started.elapsed().as_secs_f64();
    let (expected, found) = (tally.expected(plan.accounts), peer.read_model().await?);
    ensure!(expected == found, "the read model should say {expected:?} and says {found:?}");
    let rebuild = Rebuild { events, events_per_second: events as f64 / seconds, into: "PostgreSQL" };
    let report =
        Report { about: peer.about(), durability: server.durability().await?, accepted, loads, rebuild };
    report.print()
}

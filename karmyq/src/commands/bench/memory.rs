//! `karmyq bench memory`: what a writer remembers, in bytes for each aggregate and for each command of the last day.
//!
//! Exact in a build with `--features count-allocations`; any other one sees what is resident, garbage included.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args;
use command_api::views::Replicas;
use command_api::writer::SnapshotConfig;
use event_log::TopicPartition;
use event_schemas::{Domain, UserId, topics};
use serde::Serialize;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::ground::{self, Ground, Servers};
use super::in_process::{self, Writer};
use super::spent::memory;
use super::takeover::{self, End};
use crate::engine::Engine;
use crate::terminal::{mention, say};

/// How long nothing more must have been written before an owner counts as idle.
const STILL: Duration = Duration::from_secs(1);
/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// How long its snapshots may take.
const SAVED: Duration = Duration::from_secs(300);

/// How much to remember, and where.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Arguments {
    /// Requests of each kind
    #[arg(long, default_value_t = 100_000)]
    aggregates: usize,
    /// Answer with one JSON object on standard output
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    servers: Servers,
}

/// What was measured, in bytes; `--json` prints exactly these fields.
#[derive(Clone, Copy, Debug, Serialize)]
struct Report {
    /// Of each kind.
    aggregates: usize,
    /// Whether allocations were counted.
    exact: bool,
    /// An open request, with key, timer and one command in the ledger.
    open_request: f64,
    /// A cancelled one, with key, timer and two commands in the ledger.
    closed_request: f64,
    /// A request in the views of every instance.
    view_of_a_request: f64,
}

/// Measures and reports.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode> {
    let report = ground::on(arguments.servers, async |ground| measure(ground, arguments).await).await?;
    if arguments.json {
        say(serde_json::to_string(&report)?);
    } else {
        let Report { open_request, closed_request, view_of_a_request, .. } = report;
        say(format_args!("{:<56} {open_request:6.0} bytes", "an open request, with a command in the ledger"));
        say(format_args!(
            "{:<56} {closed_request:6.0} bytes",
            "a closed one, with two commands in the ledger"
        ));
        say(format_args!("{:<56} {view_of_a_request:6.0} bytes", "a request in the views of every instance"));
    }
    Ok(ExitCode::SUCCESS)
}

async fn measure(ground: &Ground, Arguments { aggregates, .. }: Arguments) -> Result<Report> {
    let engine = Engine::connect(ground.settings()).await?;
    let stop = CancellationToken::new();
    let _stops = stop.clone().drop_guard();
    let views = in_process::follow(&engine, &stop).await?;
    let requester = UserId::new(Uuid::now_v7());
    let empty = (memory().await?, remembered(&engine, &views).await?);
    let mut all = [empty; 3];
    for (number, end) in [End::Open, End::Cancelled].into_iter().enumerate() {
        mention(format_args!("appending {aggregates} requests: {end:?}"));
        takeover::ask(&engine, aggregates, requester, end).await?;
        views.ready().await?;
        all[number + 1] = (memory().await?, remembered(&engine, &views).await?);
    }
    let each = |now: f64, before: f64| (now - before) / aggregates as f64;
    let [nothing, open, both] = all;
    Ok(Report {
        aggregates,
        exact: service_kit::allocated().is_some(),
        open_request: each(open.1, nothing.1),
        closed_request: each(both.1, open.1),
        view_of_a_request: each(both.0, nothing.0) / 2.0,
    })
}

/// Bytes that an idle owner of everything needs beside the views.
async fn remembered(engine: &Engine, views: &Replicas) -> Result<f64> {
    let before = memory().await?;
    let often = SnapshotConfig { every: 1, ..SnapshotConfig::default() };
    let writer = Writer::with(engine, views.clone(), often, CancellationToken::new()).await?;
    // What no snapshot has taken yet is noted beside the state.
    idle(engine).await?;
    let after = memory().await?;
    writer.stop().await?;
    Ok(after - before)
}

/// Returns when no more snapshots of requests are written.
async fn idle(engine: &Engine) -> Result<()> {
    let began = Instant::now();
    let (mut last, mut since) = (ends(engine).await?, began);
    while since.elapsed() < STILL {
        ensure!(began.elapsed() < SAVED, "the snapshots are not there in time");
        sleep(LOOK).await;
        let now = ends(engine).await?;
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
    Ok(())
}

/// Where the snapshots of requests end, one partition after the other.
async fn ends(engine: &Engine) -> Result<Vec<i64>> {
    let mut ends = Vec::new();
    for partition in 0..topics::partitions(Domain::Request, engine.profile) {
        let of = TopicPartition::new(Domain::Request.snapshots_topic(), partition);
        ends.push(engine.log.high_watermark(&of).await?);
    }
    Ok(ends)
}

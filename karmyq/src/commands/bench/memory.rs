//! `karmyq bench memory`: what a writer remembers, in bytes for each aggregate and for each command of the last day.
//!
//! Exact in a build with `--features count-allocations`; any other one sees what is resident, garbage included.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use command_api::views::Replicas;
use command_api::writer::SnapshotConfig;
use event_schemas::UserId;
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::ground::{self, Ground, Servers};
use super::in_process::{self, Writer};
use super::report::answer;
use super::spent::memory;
use super::takeover::{self, End};
use crate::engine::Engine;
use crate::terminal::{mention, say};

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
    /// An open request, with key and timer.
    open_request: f64,
    /// A cancelled one, with key and timer.
    closed_request: f64,
    /// A command in the ledger, for a day.
    command: f64,
    /// A request in the views of every instance.
    view_of_a_request: f64,
}

/// Commands of each request, one kind after the other; the last two differ by their number alone.
const KINDS: [End; 3] = [End::Open(1), End::Cancelled(2), End::Cancelled(10)];

/// Measures and reports.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode> {
    let report = ground::on(arguments.servers, async |ground| measure(ground, arguments).await).await?;
    answer(&report, arguments.json, Report::tell)
}

impl Report {
    fn tell(&self) {
        let Self { open_request, closed_request, command, view_of_a_request, .. } = self;
        let line = |what: &str, bytes: &f64| say(format_args!("{what:<48} {bytes:6.0} bytes"));
        line("an open request", open_request);
        line("a closed one", closed_request);
        line("a command of the last day in the ledger", command);
        line("a request in the views of every instance", view_of_a_request);
    }
}

async fn measure(ground: &Ground, Arguments { aggregates, .. }: Arguments) -> Result<Report> {
    let engine = Engine::connect(ground.settings()).await?;
    let stop = CancellationToken::new();
    let _stops = stop.clone().drop_guard();
    let views = in_process::follow(&engine, &stop).await?;
    let requester = UserId::new(Uuid::now_v7());
    let empty = memory().await?;
    let (mut before, mut each) = (remembered(&engine, &views).await?, [0.0; KINDS.len()]);
    for (bytes, kind) in each.iter_mut().zip(KINDS) {
        mention(format_args!("appending {aggregates} requests: {kind:?}"));
        takeover::ask(&engine, aggregates, requester, kind).await?;
        views.ready().await?;
        let now = remembered(&engine, &views).await?;
        *bytes = (now - before) / aggregates as f64;
        before = now;
    }
    let [open, closed, busy] = each;
    let command = (busy - closed) / 8.0;
    Ok(Report {
        aggregates,
        exact: service_kit::allocated().is_some(),
        open_request: open - command,
        closed_request: 2.0_f64.mul_add(-command, closed),
        command,
        view_of_a_request: (memory().await? - empty) / (KINDS.len() * aggregates) as f64,
    })
}

/// Bytes that an idle owner of everything needs beside the views.
async fn remembered(engine: &Engine, views: &Replicas) -> Result<f64> {
    let before = memory().await?;
    let often = SnapshotConfig { every: 1, ..SnapshotConfig::default() };
    let writer = Writer::with(engine, views.clone(), often, CancellationToken::new()).await?;
    // What no snapshot has taken yet is noted beside the state.
    takeover::saved(engine, 0).await?;
    let after = memory().await?;
    writer.stop().await?;
    Ok(after - before)
}

//! `karmyq bench live`: what live streams weigh, and how soon an item is in all streams of its person.
//!
//! Two query-api and the projectors as processes of their own. Idle streams are weighed on one query-api; then items are
//! raised for some of these people, who have a stream on the other, too. Items are appended as the owner of their inboxes
//! would have decided them, whether or not those before have arrived; their time runs from when they were due to be
//! appended until the last of their streams has them.

mod items;
mod streams;
mod subjects;

use std::collections::HashMap;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Args;
use hdrhistogram::Histogram;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use super::ground::{self, Ground, Servers};
use super::report::{answer, histogram, note, quantile_ms};
use super::services::{Kind, Service};
use crate::engine::Engine;
use crate::terminal::{mention, say};
use items::{Items, Raised};
use streams::{Arrival, People, Streams};

/// People who listen at both instances and get items.
const LISTENING: usize = 1_000;
/// Items a second.
const RATE: f64 = 2_000.0;
/// How long items are raised before those that count: servers that have just started compile what they run.
const WARM_UP: Duration = Duration::from_secs(5);
/// Streams that are opened at a time unless all are.
const OPENED: usize = 32;
/// How long memory may take to come to rest.
const REST: Duration = Duration::from_secs(5);
/// An item that is not there when nothing has arrived for so long is lost.
const LOST: Duration = Duration::from_secs(10);

/// How to measure and how to answer.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Arguments {
    /// Measure for seconds, with a thousand idle streams
    #[arg(long)]
    quick: bool,
    /// Open all idle streams at the same moment, as clients do that have lost an instance
    #[arg(long)]
    at_once: bool,
    /// Answer with one JSON object on standard output
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    servers: Servers,
}

/// What was measured; `--json` prints exactly these fields.
#[derive(Clone, Copy, Debug, Serialize)]
struct Report {
    /// Streams on the query-api that was weighed.
    idle_streams: usize,
    /// So many were opened at a time.
    opened_at_once: usize,
    /// From the first call until all were connected, in seconds.
    opening_s: f64,
    /// Memory of it without streams, in MiB.
    empty_mib: f64,
    /// With them.
    idle_mib: f64,
    /// After all items were delivered.
    loaded_mib: f64,
    /// Items appended a second.
    items_per_second: f64,
    /// Streams that each item has to reach, each on an instance of its own.
    streams_per_item: usize,
    /// Due to be appended until in all streams, median.
    p50_ms: f64,
    /// 99th percentile.
    p99_ms: f64,
    /// The longest.
    max_ms: f64,
}

/// Measures and reports.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode> {
    let report = ground::on(arguments.servers, async |ground| measure(ground, arguments).await).await?;
    answer(&report, arguments.json, Report::tell)
}

impl Report {
    fn tell(&self) {
        let Self { idle_streams, opened_at_once, opening_s, .. } = self;
        say(format_args!(
            "{idle_streams} streams were opened in {opening_s:.1} s, {opened_at_once} at a time"
        ));
        let Self { empty_mib, idle_mib, loaded_mib, streams_per_item, .. } = self;
        let each = (idle_mib - empty_mib) * 1_024.0 / *idle_streams as f64;
        say(format_args!("query-api without streams {empty_mib:>32.1} MiB"));
        say(format_args!("with {idle_streams:>6} idle streams {idle_mib:>34.1} MiB, {each:.1} KiB a stream"));
        say(format_args!("after the load {loaded_mib:>43.1} MiB"));
        let Self { items_per_second, p50_ms, p99_ms, max_ms, .. } = self;
        say(format_args!(
            "{items_per_second:.0} items/s to {streams_per_item} streams each: p50 {p50_ms:.1} ms, p99 {p99_ms:.1} ms, max \
             {max_ms:.1} ms"
        ));
    }
}

async fn measure(ground: &Ground, arguments: Arguments) -> Result<Report> {
    allow_open_files();
    let (idle_streams, time) = if arguments.quick { (1_000, 8) } else { (5_000, 30) };
    let opened_at_once = if arguments.at_once { idle_streams } else { OPENED };
    let engine = Engine::connect(ground.settings()).await?;
    let people = People::new(ground, idle_streams)?;
    let projectors = Service::start(ground, Kind::Projectors).await?;
    let instances =
        [Service::start(ground, Kind::QueryApi).await?, Service::start(ground, Kind::QueryApi).await?];
    let listening = people.ids(LISTENING);
    let requests = subjects::settle(ground, &listening).await.context("what items are about")?;
    let mut items = Items::begin(&engine, listening, requests).await?;
    // The first item makes the projection begin.
    items.raise(1, &[Instant::now()]).await?;

    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let mut streams = Streams::new(arrived);
    let [weighed, other] = &instances;
    let empty_mib = rested(weighed).await?;
    mention(format_args!("opening {idle_streams} streams"));
    let opening = Instant::now();
    let tokens = people.tokens(idle_streams);
    streams.open(weighed.address(), tokens, opened_at_once).await.context("opening streams")?;
    let opening_s = opening.elapsed().as_secs_f64();
    let idle_mib = rested(weighed).await?;
    streams.open(other.address(), people.tokens(LISTENING), OPENED).await.context("opening streams")?;
    mention(format_args!("raising {RATE:.0} items a second"));
    items.run(RATE, WARM_UP).await.context("warming up")?;
    let raised = items.run(RATE, Duration::from_secs(time)).await.context("raising items")?;
    let latency = delivered(&raised, &mut arrivals).await?;
    let loaded_mib = rested(weighed).await?;
    streams.close().await;
    let [weighed, other] = instances;
    for service in [weighed, other, projectors] {
        service.stop().await?;
    }
    Ok(Report {
        idle_streams,
        opened_at_once,
        opening_s,
        empty_mib,
        idle_mib,
        loaded_mib,
        items_per_second: raised.per_second,
        streams_per_item: 2,
        p50_ms: quantile_ms(&latency, 0.5),
        p99_ms: quantile_ms(&latency, 0.99),
        max_ms: quantile_ms(&latency, 1.0),
    })
}

/// Waits until every item is in both streams of its person, and tells how long each took.
async fn delivered(
    raised: &Raised,
    arrivals: &mut mpsc::UnboundedReceiver<Arrival>,
) -> Result<Histogram<u64>> {
    let (mut latency, mut half) = (histogram(), HashMap::new());
    let mut missing = raised.due.len();
    while missing > 0 {
        let arrival = timeout(LOST, arrivals.recv()).await;
        let Ok(Some(Arrival { position, at })) = arrival else { break };
        let Some(due) = raised.due.get(&position) else { continue };
        match half.remove(&position) {
            None => _ = half.insert(position, at),
            Some(first) => {
                note(&mut latency, at.max(first).saturating_duration_since(*due));
                missing -= 1;
            }
        }
    }
    ensure!(missing == 0, "{missing} of {} items did not reach all streams", raised.due.len());
    Ok(latency)
}

/// Memory of a service once it stays the same, in MiB (proc(5): `VmRSS`).
async fn rested(service: &Service) -> Result<f64> {
    let resident = async || -> Result<f64> {
        let status = tokio::fs::read_to_string(format!("/proc/{}/status", service.id()?)).await?;
        let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kib / 1_024.0)
    };
    let mut before = resident().await?;
    loop {
        sleep(REST).await;
        let now = resident().await?;
        if (now - before).abs() < 1.0 {
            return Ok(now);
        }
        before = now;
    }
}

/// A client of thousands of streams needs more files than are usual.
fn allow_open_files() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        mention(format_args!("cannot raise the number of open files: {error}"));
    }
}

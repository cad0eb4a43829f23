//! `karmyq bench scale`: what the writer does with more aggregates, and when everybody wants the same one.
//!
//! In process, edits of requests (one event each). The aggregates are appended to the log as their owner would have
//! decided them, and taken over from there.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use clap::Args;
use command_api::writer::{Handle, Origin, SnapshotConfig, Submission, Target};
use domain::help_request::{Caller, Command, Edit, UpdateRequest};
use event_log::TopicPartition;
use event_schemas::{
    Actor, AggregateType, CommandId, CorrelationId, Domain, Metadata, RequestId, UserId, topics,
};
use hdrhistogram::Histogram;
use serde::Serialize;
use serde_json::json;
use service_kit::shutdown;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::closed_loop::Plan;
use super::ground::Ground;
use super::in_process::Writer;
use super::report::{histogram, note, quantile_ms};
use super::takeover;
use crate::engine::Engine;
use crate::terminal::{mention, say};

/// Aggregates, one run after the other; each run adds what is missing.
const AGGREGATES: [usize; 3] = [10_000, 100_000, 1_000_000];
/// Clients that wait for an answer at a time.
const CLIENTS: [usize; 2] = [64, 512];
/// Exponent of the zipf distribution: as in YCSB, a fifth of the keys get most of the commands.
const EXPONENT: f64 = 0.99;

/// How to measure and how to answer.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Arguments {
    /// Measure for seconds, and without the million aggregates
    #[arg(long)]
    quick: bool,
    /// Answer with one JSON object on standard output
    #[arg(long)]
    json: bool,
}

/// Which aggregate a command is for.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Keys {
    /// Any, each as likely as the other.
    Uniform,
    /// Few of them mostly.
    Zipf,
    /// Always the same.
    Hot,
}

/// What one run came to; `--json` prints exactly these fields.
#[derive(Clone, Debug, Serialize)]
struct Figure {
    aggregates: usize,
    keys: Keys,
    clients: usize,
    commands_per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    p999_ms: f64,
    max_ms: f64,
    /// Of this process, clients included, in microseconds of one core.
    cpu_per_command_us: f64,
    /// Of the broker, in the same way.
    broker_cpu_per_command_us: f64,
    /// Of the events on the log, as the broker stores them, one replica.
    log_bytes_per_command: f64,
    /// Memory of this process beyond what it had with an empty log, per aggregate: state, key, timer, and its command in
    /// the ledger.
    bytes_per_aggregate: f64,
}

/// Measures and reports. The servers that were started for it are ended, whatever happens.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode> {
    ensure!(!cfg!(debug_assertions), "figures of a debug build mean nothing");
    let interrupted = shutdown::on_signal();
    let ground = Ground::own().await?;
    let measuring = interrupted.run_until_cancelled(measure(&ground, arguments)).await;
    let measured = measuring.unwrap_or_else(|| Err(anyhow!("interrupted")));
    ground.clear().await?;
    let figures = measured?;
    if arguments.json {
        say(serde_json::to_string(&json!({ "scale": figures }))?);
    }
    Ok(ExitCode::SUCCESS)
}

async fn measure(ground: &Ground, arguments: Arguments) -> Result<Vec<Figure>> {
    ground.set_up().await.context("setting the servers up")?;
    let engine = Engine::connect(ground.settings()).await?;
    let requester = UserId::new(Uuid::now_v7());
    let (mut requests, mut figures) = (Vec::new(), Vec::new());
    let writer = Writer::start(&engine, SnapshotConfig::default()).await?;
    let empty = resident().await?;
    writer.stop().await?;
    let seconds = if arguments.quick { (2, 5) } else { (5, 15) };
    let plan = Plan { warm_up: Duration::from_secs(seconds.0), measured: Duration::from_secs(seconds.1) };
    for aggregates in &AGGREGATES[..if arguments.quick { 2 } else { 3 }] {
        mention(format_args!("appending requests until there are {aggregates}"));
        requests.extend(takeover::ask(&engine, aggregates - requests.len(), requester).await?);
        let writer = Writer::start(&engine, SnapshotConfig::default()).await?;
        let bytes_each = (resident().await? - empty) / *aggregates as f64;
        say(format_args!("{aggregates} requests: {bytes_each:.0} bytes of memory each"));
        let measured = all(ground, &engine, &writer, &requests, requester, plan).await;
        writer.stop().await?;
        figures.extend(measured?.into_iter().map(|it| Figure { bytes_per_aggregate: bytes_each, ..it }));
    }
    Ok(figures)
}

/// All keys and clients on these requests.
async fn all(
    ground: &Ground,
    engine: &Engine,
    writer: &Writer,
    requests: &[RequestId],
    requester: UserId,
    plan: Plan,
) -> Result<Vec<Figure>> {
    let (shared, mut figures) = (Arc::<[RequestId]>::from(requests), Vec::new());
    for keys in [Keys::Uniform, Keys::Zipf, Keys::Hot] {
        for clients in CLIENTS {
            let before = Spent::so_far(ground, engine).await?;
            let (latency, commands) =
                load(writer.handle(), &shared, requester, (keys, clients), plan).await?;
            let spent = Spent::so_far(ground, engine).await?.since(&before, commands);
            let figure = Figure {
                aggregates: shared.len(),
                keys,
                clients,
                commands_per_second: latency.len() as f64 / plan.measured.as_secs_f64(),
                p50_ms: quantile_ms(&latency, 0.5),
                p99_ms: quantile_ms(&latency, 0.99),
                p999_ms: quantile_ms(&latency, 0.999),
                max_ms: quantile_ms(&latency, 1.0),
                cpu_per_command_us: spent.own,
                broker_cpu_per_command_us: spent.broker,
                log_bytes_per_command: spent.bytes,
                bytes_per_aggregate: 0.0,
            };
            figure.tell();
            figures.push(figure);
        }
    }
    Ok(figures)
}

impl Figure {
    fn tell(&self) {
        let Self { aggregates, keys, clients, commands_per_second, p50_ms, p99_ms, .. } = self;
        let what = format!("{aggregates} requests, {keys:?} keys, {clients} clients").to_lowercase();
        say(format_args!(
            "{what:<46} {commands_per_second:>7.0} commands/s, p50 {p50_ms:.1} ms, p99 {p99_ms:.1} ms, p99.9 {:.1} ms, \
             max {:.1} ms, CPU a command {:.0} µs + broker {:.0} µs, {:.0} bytes on the log",
            self.p999_ms,
            self.max_ms,
            self.cpu_per_command_us,
            self.broker_cpu_per_command_us,
            self.log_bytes_per_command,
        ));
    }
}

/// A closed loop of edits; latencies of what counts, and the number of all commands.
async fn load(
    handle: &Handle,
    requests: &Arc<[RequestId]>,
    requester: UserId,
    (keys, clients): (Keys, usize),
    plan: Plan,
) -> Result<(Histogram<u64>, u64)> {
    let from = Instant::now() + plan.warm_up;
    let (until, mut running) = (from + plan.measured, JoinSet::new());
    let (count, shares) = (requests.len(), Draw::shares(keys, requests.len()));
    for seed in 0..clients as u64 {
        let draw = Draw { chance: fastrand::Rng::with_seed(seed), keys, count, shares: Arc::clone(&shares) };
        let editor = Editor { handle: handle.clone(), requests: Arc::clone(requests), requester, draw };
        running.spawn(editor.run(from, until));
    }
    let (mut latency, mut commands) = (histogram(), 0);
    while let Some(ended) = running.join_next().await {
        let (measured, sent) = ended??;
        latency.add(measured)?;
        commands += sent;
    }
    Ok((latency, commands))
}

/// Draws the place of a request among all of them.
struct Draw {
    chance: fastrand::Rng,
    keys: Keys,
    count: usize,
    /// The share of the first ones, for each number of them; empty unless the keys are drawn by it.
    shares: Arc<[f64]>,
}

impl Draw {
    /// The share of the first request, of the first two, and so on: the probability of the k-th is proportional to
    /// 1/k^[`EXPONENT`].
    fn shares(keys: Keys, count: usize) -> Arc<[f64]> {
        let Keys::Zipf = keys else { return Arc::default() };
        let mut sum = 0.0;
        let sums = (1..=count).map(|rank| {
            sum += (rank as f64).powf(-EXPONENT);
            sum
        });
        let sums: Vec<_> = sums.collect();
        sums.into_iter().map(|it| it / sum).collect()
    }

    fn next(&mut self) -> usize {
        match self.keys {
            Keys::Uniform => self.chance.usize(..self.count),
            Keys::Zipf => {
                let drawn = self.chance.f64();
                self.shares.partition_point(|share| *share < drawn).min(self.count - 1)
            }
            Keys::Hot => 0,
        }
    }
}

/// A client that edits one request after the other.
struct Editor {
    handle: Handle,
    requests: Arc<[RequestId]>,
    requester: UserId,
    draw: Draw,
}

impl Editor {
    async fn run(mut self, from: Instant, until: Instant) -> Result<(Histogram<u64>, u64)> {
        let (mut latency, mut commands) = (histogram(), 0);
        loop {
            let submission = self.edit()?;
            let sent = Instant::now();
            let executed = self.handle.execute(submission).await?;
            ensure!(!executed.events.is_empty(), "an edit changed nothing");
            commands += 1;
            let answered = Instant::now();
            if answered >= until {
                return Ok((latency, commands));
            }
            if answered >= from {
                note(&mut latency, answered - sent);
            }
        }
    }

    /// Sets another time, so that the edit changes something.
    fn edit(&mut self) -> Result<Submission> {
        let request = self.requests[self.draw.next()];
        let command_id = CommandId::new(Uuid::now_v7());
        let minutes = self.draw.chance.i64(1..500_000);
        let at = chrono::DateTime::from_timestamp(2_000_000_000 + minutes * 60, 0).context("a time")?;
        let body = json!({ "scheduledAt": at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true) });
        let edit = Edit::parse(body.as_object().context("an object")?).map_err(|it| anyhow!("{it:?}"))?;
        let by = Caller { user: self.requester, in_audience: true };
        let command = Command::UpdateRequest(Box::new(UpdateRequest { by, edit }));
        let origin = Origin {
            command_id,
            fingerprint: [0; 8],
            correlation_id: CorrelationId::from(command_id),
            actor: Some(Actor::User(self.requester)),
            metadata: Metadata { user_id: Some(self.requester), ..Metadata::default() },
            traceparent: None,
            expected_version: None,
        };
        let target = Target::new(AggregateType::HelpRequest, request);
        Ok(Submission { target, command: command.into(), origin })
    }
}

/// What was spent so far, or per command between two moments.
#[derive(Clone, Copy, Debug)]
struct Spent {
    /// CPU of this process, in microseconds.
    own: f64,
    /// CPU of the broker, in microseconds.
    broker: f64,
    /// Bytes of the events of requests on the broker's disk.
    bytes: f64,
}

impl Spent {
    async fn so_far(ground: &Ground, engine: &Engine) -> Result<Self> {
        let mut bytes = 0;
        for partition in 0..topics::partitions(Domain::Request, engine.profile) {
            let of = TopicPartition::new(Domain::Request.events_topic(), partition);
            bytes += stored(&ground.kafka_data()?.join(format!("{}-{partition}", of.topic))).await?;
        }
        let own = cpu_us("self").await?;
        Ok(Self { own, broker: cpu_us(&ground.broker()?).await?, bytes: bytes as f64 })
    }

    fn since(self, before: &Self, commands: u64) -> Self {
        let each = |now: f64, before: f64| (now - before) / commands.max(1) as f64;
        Self {
            own: each(self.own, before.own),
            broker: each(self.broker, before.broker),
            bytes: each(self.bytes, before.bytes),
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

/// Bytes of memory that this process has (proc(5): the second field of statm, in pages).
async fn resident() -> Result<f64> {
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

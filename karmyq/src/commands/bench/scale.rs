//! `karmyq bench scale`: what the writer does with more aggregates, and when everybody wants the same one.
//!
//! In process, edits of requests (one event each). The aggregates are appended to the log as their owner would have
//! decided them, and taken over from there.

use std::fmt;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use clap::Args;
use command_api::writer::{Handle, Origin, SnapshotConfig, Submission, Target};
use domain::help_request::{Caller, Command, Edit, UpdateRequest};
use event_schemas::{Actor, AggregateType, CommandId, CorrelationId, Domain, Metadata, RequestId, UserId};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::closed_loop::{self, Client, Plan};
use super::ground::{self, Ground, Servers};
use super::in_process::Writer;
use super::report::{ClosedLoop, answer};
use super::spent::Spent;
use super::takeover::{self, End};
use crate::engine::Engine;
use crate::terminal::{mention, say};

/// Aggregates, one run after the other; each run adds what is missing.
const AGGREGATES: [usize; 3] = [10_000, 100_000, 1_000_000];
/// Clients that wait for an answer at a time.
const CLIENTS: [usize; 2] = [64, 512];
/// Exponent of the zipf distribution: as in YCSB, a fifth of the keys get most of the commands.
const EXPONENT: f64 = 0.99;

/// Edits so far: the next one sets a time that none has set, because an edit that changes nothing is refused.
static EDITS: AtomicI64 = AtomicI64::new(0);

/// How to measure and how to answer.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Arguments {
    /// Measure for seconds, and without the million aggregates
    #[arg(long)]
    quick: bool,
    /// Answer with one JSON object on standard output
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    servers: Servers,
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
    /// Any of those of one partition.
    OnePartition,
}

impl Keys {
    const ALL: [Self; 4] = [Self::Uniform, Self::Zipf, Self::Hot, Self::OnePartition];
}

/// What one run came to; `--json` prints exactly these fields.
#[derive(Clone, Debug, Serialize)]
struct Figure {
    aggregates: usize,
    keys: Keys,
    #[serde(flatten)]
    load: ClosedLoop,
    /// Of this process, clients included, in microseconds of one core.
    cpu_per_command_us: f64,
    /// Of the broker, in the same way.
    broker_cpu_per_command_us: f64,
    /// Of the events on the log, as the broker stores them, one replica.
    log_bytes_per_command: f64,
    /// Allocations of memory by this process, clients included; only a build with `--features count-allocations` counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    allocations_per_command: Option<f64>,
}

/// All of them.
#[derive(Serialize)]
struct Report {
    scale: Vec<Figure>,
}

/// Measures and reports.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode> {
    let figures = ground::on(arguments.servers, async |ground| measure(ground, arguments).await).await?;
    answer(&Report { scale: figures }, arguments.json, |it| it.scale.iter().for_each(say))
}

async fn measure(ground: &Ground, arguments: Arguments) -> Result<Vec<Figure>> {
    let engine = Engine::connect(ground.settings()).await?;
    let requester = UserId::new(Uuid::now_v7());
    let (mut requests, mut figures) = (Vec::new(), Vec::new());
    let seconds = if arguments.quick { (2, 5) } else { (5, 15) };
    let plan = Plan { warm_up: Duration::from_secs(seconds.0), measured: Duration::from_secs(seconds.1) };
    for aggregates in &AGGREGATES[..if arguments.quick { 2 } else { 3 }] {
        mention(format_args!("appending requests until there are {aggregates}"));
        requests.extend(takeover::ask(&engine, aggregates - requests.len(), requester, End::Open(1)).await?);
        let writer = Writer::start(&engine, SnapshotConfig::default()).await?;
        let scale = Scale { ground, engine: &engine, plan, requester };
        let measured = scale.measure(&writer, Arc::from(requests.as_slice())).await;
        writer.stop().await?;
        figures.extend(measured?);
    }
    Ok(figures)
}

/// What all loads on so many aggregates have in common.
struct Scale<'a> {
    ground: &'a Ground,
    engine: &'a Engine,
    plan: Plan,
    requester: UserId,
}

impl Scale<'_> {
    /// All keys and clients on these requests.
    async fn measure(&self, writer: &Writer, requests: Arc<[RequestId]>) -> Result<Vec<Figure>> {
        let mut figures = Vec::new();
        for keys in Keys::ALL {
            for clients in CLIENTS {
                let figure = self.load(writer, &requests, keys, clients).await?;
                mention(&figure);
                figures.push(figure);
            }
        }
        Ok(figures)
    }

    async fn load(
        &self,
        writer: &Writer,
        requests: &Arc<[RequestId]>,
        keys: Keys,
        clients: usize,
    ) -> Result<Figure> {
        let (requests, aggregates) = (self.among(keys, requests), requests.len());
        let shares = Draw::shares(keys, requests.len());
        let editors = (0..clients as u64).map(|seed| Editor {
            handle: writer.handle().clone(),
            draw: Draw {
                chance: fastrand::Rng::with_seed(seed),
                keys,
                requests: Arc::clone(&requests),
                shares: Arc::clone(&shares),
            },
            requester: self.requester,
        });
        let before = Spent::so_far(self.ground, self.engine).await?;
        let load = closed_loop::run(editors.collect(), self.plan).await?;
        let spent = Spent::so_far(self.ground, self.engine).await?.since(&before, load.answered);
        Ok(Figure {
            aggregates,
            keys,
            load: ClosedLoop::of(clients, &load),
            cpu_per_command_us: spent.own,
            broker_cpu_per_command_us: spent.broker,
            log_bytes_per_command: spent.bytes,
            allocations_per_command: spent.allocations,
        })
    }

    /// The requests that commands are for.
    fn among(&self, keys: Keys, requests: &Arc<[RequestId]>) -> Arc<[RequestId]> {
        let Keys::OnePartition = keys else { return Arc::clone(requests) };
        let topic = Domain::Request.events_topic();
        let first = |it: &&RequestId| self.engine.encoder.partition(topic, it.to_string().as_bytes()) == 0;
        requests.iter().filter(first).copied().collect()
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { aggregates, keys, load, .. } = self;
        writeln!(f, "{}", load.line(&format!("{aggregates} requests, {keys:?}").to_lowercase()))?;
        write!(
            f,
            "{:<42} {:>10.0} µs of CPU a command, {:.0} µs of the broker's, {:.0} bytes on the log",
            "", self.cpu_per_command_us, self.broker_cpu_per_command_us, self.log_bytes_per_command,
        )?;
        self.allocations_per_command.map_or(Ok(()), |it| write!(f, ", {it:.1} allocations"))
    }
}

/// Draws a request among all of them.
struct Draw {
    chance: fastrand::Rng,
    keys: Keys,
    requests: Arc<[RequestId]>,
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

    fn next(&mut self) -> RequestId {
        let count = self.requests.len();
        let place = match self.keys {
            Keys::Uniform | Keys::OnePartition => self.chance.usize(..count),
            Keys::Zipf => {
                let drawn = self.chance.f64();
                self.shares.partition_point(|share| *share < drawn).min(count - 1)
            }
            Keys::Hot => 0,
        };
        self.requests[place]
    }
}

/// A client that edits one request after the other.
struct Editor {
    handle: Handle,
    requester: UserId,
    draw: Draw,
}

impl Client for Editor {
    async fn command(&mut self) -> Result<()> {
        let submission = self.edit()?;
        let executed = self.handle.execute(submission).await?;
        ensure!(!executed.events.is_empty(), "an edit changed nothing");
        Ok(())
    }
}

impl Editor {
    /// Sets another time, so that the edit changes something.
    fn edit(&mut self) -> Result<Submission> {
        let request = self.draw.next();
        let command_id = CommandId::new(Uuid::now_v7());
        let minutes = EDITS.fetch_add(1, Ordering::Relaxed);
        let at = chrono::DateTime::from_timestamp(2_000_000_000 + minutes * 60, 0).context("a time")?;
        let body = json!({ "scheduledFor": at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true) });
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

//! `karmyq bench write`: one measurement after the other on the same machine, in one run.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use futures::stream::{self, StreamExt, TryStreamExt};
use projectors::status;
use service_kit::config::Secret;
use service_kit::postgres;
use sqlx::PgPool;

use super::closed_loop::{Load, Plan};
use super::exchange::{Mix, Pair};
use super::ground::{self, Ground, Servers};
use super::report::{ClosedLoop, Exchanges, OpenLoop, Report, answer, quantile_ms};
use super::services::{Kind, Service};
use super::{ceiling, http, in_process, replay, visible};
use crate::api::Api;
use crate::engine::Engine;
use crate::terminal::mention;

/// Clients over HTTP, one load after the other; with the last as many as two cores carry out calls of at all, which is the peak.
const CLIENTS: [usize; 5] = [1, 8, 64, 256, 1_024];
/// Clients of whole exchanges over HTTP.
const CLIENTS_OF_EXCHANGES: usize = 256;
/// Clients in process: few, and as many as fill the windows.
const CLIENTS_IN_PROCESS: [usize; 2] = [64, 512];
/// Rates of the open loop, as parts of the peak; the last one is overload.
const OF_PEAK: [f64; 3] = [0.5, 0.8, 3.0];
/// Connections of the open loop: more than a service takes calls at once.
const CONNECTIONS: usize = 2_048;
/// Pairs of people who exchange help; clients share them.
const PAIRS: usize = 64;
/// Pairs that settle at a time: registering is costly on purpose.
const SETTLE_AT_ONCE: usize = 4;
/// The projection with the most rows.
const PROJECTION: &str = "requests";
/// How long projections may take to fold what the loads have written: millions of events.
const CAUGHT_UP: Duration = Duration::from_secs(600);
/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// How to measure and how to answer.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Arguments {
    /// Measure for seconds instead of half-minutes; ends within four minutes
    #[arg(long)]
    quick: bool,
    /// Answer with one JSON object on standard output
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    servers: Servers,
}

impl Arguments {
    const fn plan(self) -> Plan {
        match self.quick {
            true => Plan { warm_up: Duration::from_secs(3), measured: Duration::from_secs(6) },
            false => Plan { warm_up: Duration::from_secs(10), measured: Duration::from_secs(30) },
        }
    }
}

/// Measures and reports.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode> {
    let report =
        ground::on(arguments.servers, async |ground| measure(ground, arguments.plan()).await).await?;
    answer(&report, arguments.json, Report::tell)
}

async fn measure(ground: &Ground, plan: Plan) -> Result<Report> {
    let pairs = settle(ground).await.context("settling people")?;
    let engine = Engine::connect(ground.settings()).await?;
    mention("warming the broker up");
    let [few, many] = CLIENTS_IN_PROCESS;
    // A broker that has just started is several times slower.
    in_process::load(&engine, many, &pairs, Mix::Edits, plan).await.context("warming up")?;
    mention("measuring the writer without HTTP");
    let in_process = async |clients, mix| {
        let load = in_process::load(&engine, clients, &pairs, mix, plan).await.context("in process")?;
        anyhow::Ok(noted("in process", clients, &load))
    };
    let edits = vec![in_process(few, Mix::Edits).await?, in_process(many, Mix::Edits).await?];
    let exchanges = in_process(many, Mix::Exchanges).await?;
    mention("measuring what the broker takes");
    let ceiling_events_per_second = ceiling::measure(&engine, plan).await.context("the ceiling")?;
    let command_api = Service::start(ground, Kind::CommandApi).await?;
    let keys = Arc::new(AtomicU64::new(0));
    let http = over_http(&command_api, &pairs, &keys, plan).await.context("over HTTP")?;
    let open_loop = arriving(&command_api, &pairs, &keys, plan, &http).await.context("open loop")?;
    let exchanges = exchanging(&command_api, &pairs, &keys, plan, exchanges).await.context("exchanges")?;
    let owner = owner(ground)?;
    let read_side = ReadSide::start(ground, &engine, &owner).await.context("the read side")?;
    mention("measuring command to visible");
    let api = Api::new(&command_api.url(), &read_side.query_api.url())?;
    let visible = visible::measure(&api, &pairs, plan).await.context("command to visible")?;
    read_side.stop().await?;
    command_api.stop().await?;
    mention("measuring replay");
    let replayed = replay::measure(&engine, &owner, PROJECTION).await.context("replay")?;
    Ok(Report {
        ceiling_events_per_second,
        in_process: edits,
        http,
        exchanges,
        open_loop,
        visible_p50_ms: quantile_ms(&visible, 0.5),
        visible_p99_ms: quantile_ms(&visible, 0.99),
        replay_events_per_second: replayed.events_per_second,
        raw_copy_rows_per_second: replayed.copy_rows_per_second,
    })
}

/// Registers people and founds their communities, over HTTP.
pub(super) async fn settle(ground: &Ground) -> Result<Vec<Arc<Pair>>> {
    mention(format_args!("registering {} people", 2 * PAIRS));
    let command_api = Service::start(ground, Kind::CommandApi).await?;
    let api = Api::new(&command_api.url(), &command_api.url())?;
    let settling = stream::iter(0..PAIRS).map(|number| Pair::settle(&api, number));
    let pairs = settling.buffer_unordered(SETTLE_AT_ONCE).map_ok(Arc::new).try_collect().await?;
    command_api.stop().await?;
    Ok(pairs)
}

/// Mentions a figure at once, so that a run that fails later was not for nothing.
fn noted(how: &str, clients: usize, load: &Load) -> ClosedLoop {
    let figure = ClosedLoop::of(clients, load);
    mention(figure.line(how));
    figure
}

async fn over_http(
    command_api: &Service,
    pairs: &[Arc<Pair>],
    keys: &Arc<AtomicU64>,
    plan: Plan,
) -> Result<Vec<ClosedLoop>> {
    let mut all = Vec::new();
    for clients in CLIENTS {
        mention(format_args!("measuring {clients} clients over HTTP"));
        let load = http::load(command_api.address(), clients, pairs, keys, Mix::Edits, plan).await?;
        all.push(noted("over HTTP", clients, &load));
    }
    Ok(all)
}

/// Whole exchanges.
async fn exchanging(
    command_api: &Service,
    pairs: &[Arc<Pair>],
    keys: &Arc<AtomicU64>,
    plan: Plan,
    in_process: ClosedLoop,
) -> Result<Exchanges> {
    mention("measuring whole exchanges over HTTP");
    let counts = async || {
        let figures = command_api.figures().await?;
        let records = figures.labelled("karmyq_window_records_sum", &[]);
        let committed = [("aggregate", "help_request"), ("outcome", "committed")];
        let commands = figures.labelled("karmyq_command_duration_seconds_count", &committed);
        anyhow::Ok((records.unwrap_or(0.0), commands.unwrap_or(0.0)))
    };
    let before = counts().await?;
    let load =
        http::load(command_api.address(), CLIENTS_OF_EXCHANGES, pairs, keys, Mix::Exchanges, plan).await?;
    let after = counts().await?;
    Ok(Exchanges {
        records_per_command: (after.0 - before.0) / (after.1 - before.1),
        in_process,
        http: noted("over HTTP", CLIENTS_OF_EXCHANGES, &load),
    })
}

async fn arriving(
    command_api: &Service,
    pairs: &[Arc<Pair>],
    keys: &Arc<AtomicU64>,
    plan: Plan,
    closed: &[ClosedLoop],
) -> Result<Vec<OpenLoop>> {
    let peak = closed.iter().map(|it| it.commands_per_second).fold(1.0, f64::max);
    let mut all = Vec::new();
    for of_peak in OF_PEAK {
        mention(format_args!("measuring {:.0} % of the peak, whoever waits", of_peak * 100.0));
        let rate = of_peak * peak;
        let load = http::arrivals(command_api.address(), CONNECTIONS, rate, pairs, keys, plan).await?;
        all.push(OpenLoop {
            of_peak,
            sent_per_second: load.sent_per_second,
            commands_per_second: load.done_per_second,
            p50_ms: quantile_ms(&load.latency, 0.5),
            p99_ms: quantile_ms(&load.latency, 0.99),
            service_p99_ms: quantile_ms(&load.service, 0.99),
        });
    }
    Ok(all)
}

/// The services that make changes visible.
struct ReadSide {
    projectors: Service,
    query_api: Service,
}

impl ReadSide {
    /// Starts them and waits until they have folded what the loads have written.
    async fn start(ground: &Ground, engine: &Engine, owner: &PgPool) -> Result<Self> {
        mention("folding what was written");
        let projectors = Service::start(ground, Kind::Projectors).await?;
        let query_api = Service::start(ground, Kind::QueryApi).await?;
        let deadline = Instant::now() + CAUGHT_UP;
        while lag(engine, owner).await? > 0 {
            ensure!(Instant::now() < deadline, "not caught up within {} s", CAUGHT_UP.as_secs());
            tokio::time::sleep(LOOK).await;
        }
        Ok(Self { projectors, query_api })
    }

    async fn stop(self) -> Result<()> {
        self.query_api.stop().await?;
        self.projectors.stop().await
    }
}

/// Records that are not folded.
async fn lag(engine: &Engine, owner: &PgPool) -> Result<i64> {
    let all = status::look(&engine.source(), owner, None).await?;
    let events: Option<i64> = all.iter().flat_map(|it| &it.partitions).map(|it| it.lag_events).sum();
    events.context("the broker does not tell the end of a partition")
}

/// The database as its owner.
pub(super) fn owner(ground: &Ground) -> Result<PgPool> {
    let url: Secret = ground.variable("MIGRATIONS_DATABASE_URL")?.parse()?;
    let options = postgres::Options::for_tool("karmyq bench", 8);
    Ok(postgres::pool(&url, &options)?)
}

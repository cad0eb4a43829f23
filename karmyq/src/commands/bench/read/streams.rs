//! Running projectors: how fast they catch up, and how soon they show a command.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use projectors::status;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use super::super::closed_loop::Plan;
use super::super::exchange::{Mix, Pair};
use super::super::ground::Ground;
use super::super::report::quantile_ms;
use super::super::services::{Kind, Service};
use super::super::{http, replay, visible};
use super::report::{Beside, Visible};
use crate::api::Api;
use crate::engine::Engine;
use crate::terminal::mention;

/// Rates of commands, in commands a second, and what goes on beside them.
const MEASURED: [(f64, Beside); 4] = [
    (1_000.0, Beside::Nothing),
    (5_000.0, Beside::Nothing),
    (1_000.0, Beside::Rebuild),
    (1_000.0, Beside::ThrottledRebuild),
];
/// The projection that shows the commands.
const READ: &str = "requests";
/// Most events a second that a rebuild reads which is to go unnoticed.
const THROTTLE: u32 = 20_000;
/// Connections that commands arrive on.
const CONNECTIONS: usize = 512;
/// Clients that send as fast as they are answered.
const CLIENTS: usize = 256;
/// How long the load goes on beside them, as a multiple of what is measured.
const LOOKING: u32 = 4;
/// How long projectors may take to catch up.
const CAUGHT_UP: Duration = Duration::from_secs(300);
/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Records a second that running projectors fold until they have caught up, from the first that they fold.
pub(super) async fn live(engine: &Engine, owner: &PgPool) -> Result<f64> {
    let deadline = Instant::now() + CAUGHT_UP;
    let behind = lag(engine, owner).await?;
    ensure!(behind > 0, "the projectors have caught up before anybody looked");
    let began = Instant::now();
    let mut left = behind;
    while left > 0 {
        ensure!(Instant::now() < deadline, "{left} events are not folded within {} s", CAUGHT_UP.as_secs());
        tokio::time::sleep(LOOK).await;
        left = lag(engine, owner).await?;
    }
    Ok(behind as f64 / began.elapsed().as_secs_f64())
}

async fn lag(engine: &Engine, owner: &PgPool) -> Result<i64> {
    let all = status::look(&engine.source(), owner, None).await?;
    let events: Option<i64> = all.iter().flat_map(|it| &it.partitions).map(|it| it.lag_events).sum();
    events.context("the broker does not tell the end of a partition")
}

/// Command to visible at each rate, at the lowest also while the projection is rebuilt, and when as many commands come as are
/// answered.
pub(super) async fn visible(
    ground: &Ground,
    (engine, owner): (&Engine, &PgPool),
    pairs: &[Arc<Pair>],
    plan: Plan,
) -> Result<Vec<Visible>> {
    let command_api = Service::start(ground, Kind::CommandApi).await?;
    let query_api = Service::start(ground, Kind::QueryApi).await?;
    let api = Api::new(&command_api.url(), &query_api.url())?;
    let keys = Arc::new(AtomicU64::new(0));
    let address = command_api.address();
    // People begin a little earlier than the load, whose clock starts once it is connected, and end before it does.
    let people = Plan { warm_up: plan.measured, measured: plan.measured * (LOOKING - 1) };
    let plan = Plan { measured: plan.measured * LOOKING, ..people };
    let mut all = Vec::new();
    for (rate, beside) in MEASURED {
        mention(format_args!(
            "measuring command to visible at {rate:.0} commands a second{}",
            beside.words()
        ));
        let enough = CancellationToken::new();
        let measuring = async {
            let load = http::arrivals(address, CONNECTIONS, rate, pairs, &keys, plan);
            let measured = tokio::try_join!(load, visible::measure(&api, pairs, people));
            enough.cancel();
            measured
        };
        let rebuilding = async {
            let throttle = match beside {
                Beside::Nothing => return Ok(()),
                Beside::Rebuild => None,
                Beside::ThrottledRebuild => NonZeroU32::new(THROTTLE),
            };
            replay::again_and_again(engine, owner, READ, throttle, &enough).await
        };
        let ((load, seen), ()) = tokio::try_join!(measuring, rebuilding)?;
        all.push(of(beside, load.done_per_second, &seen));
    }
    mention("measuring command to visible at the peak");
    let load = http::load(address, CLIENTS, pairs, &keys, Mix::Edits, plan);
    let (load, seen) = tokio::try_join!(load, visible::measure(&api, pairs, people))?;
    all.push(of(Beside::Nothing, load.commands_per_second, &seen));
    query_api.stop().await?;
    command_api.stop().await?;
    Ok(all)
}

fn of(beside: Beside, commands_per_second: f64, seen: &hdrhistogram::Histogram<u64>) -> Visible {
    Visible { beside, commands_per_second, p50_ms: quantile_ms(seen, 0.5), p99_ms: quantile_ms(seen, 0.99) }
}

//! `karmyq bench read`: how fast read models come about, how soon a change is visible, and what queries cost on many rows.

mod population;
mod report;
mod routes;
mod streams;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use projectors::registry;

use super::closed_loop::Plan;
use super::exchange::Mix;
use super::ground::{self, Ground, Servers};
use super::report::answer;
use super::services::{Kind, Service};
use super::{in_process, replay, write};
use crate::engine::Engine;
use crate::terminal::mention;
use report::{Rebuilt, Report};

/// Clients of the writer that makes the history: as many as fill its windows.
const WRITING: usize = 512;

/// How to measure and how to answer.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Arguments {
    /// A shorter history and fewer rows; ends within six minutes
    #[arg(long)]
    quick: bool,
    /// Answer with one JSON object on standard output
    #[arg(long)]
    json: bool,
    /// Requests in the larger read models; the smaller ones have a tenth
    #[arg(long)]
    requests: Option<u64>,
    #[command(flatten)]
    servers: Servers,
}

impl Arguments {
    /// How long the history is written that is rebuilt.
    const fn history(self) -> Duration {
        if self.quick { Duration::from_secs(10) } else { Duration::from_secs(60) }
    }

    /// How long each rate of commands and each route is measured.
    const fn plan(self) -> Plan {
        match self.quick {
            true => Plan { warm_up: Duration::from_millis(500), measured: Duration::from_secs(1) },
            false => Plan { warm_up: Duration::from_secs(1), measured: Duration::from_secs(5) },
        }
    }

    fn requests(self) -> u64 {
        self.requests.unwrap_or(if self.quick { 100_000 } else { 1_000_000 })
    }
}

/// Measures and reports.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode> {
    let report = ground::on(arguments.servers, async |ground| measure(ground, arguments).await).await?;
    answer(&report, arguments.json, Report::tell)
}

async fn measure(ground: &Ground, arguments: Arguments) -> Result<Report> {
    let mut routes = Vec::new();
    for requests in [arguments.requests() / 10, arguments.requests()] {
        routes.extend(routes::measure(ground, requests, arguments.plan()).await.context("routes")?);
    }
    let pairs = write::settle(ground).await.context("settling people")?;
    let engine = Engine::connect(ground.settings()).await?;
    let owner = write::owner(ground)?;
    mention("writing a history of exchanges");
    let length = Plan { warm_up: Duration::ZERO, measured: arguments.history() };
    in_process::load(&engine, WRITING, &pairs, Mix::Exchanges, length).await.context("the history")?;
    let mut rebuilt = Vec::new();
    for projection in registry::PROJECTIONS {
        mention(format_args!("rebuilding {}", projection.name));
        let replayed = replay::measure(&engine, &owner, projection.name).await.context(projection.name)?;
        rebuilt.push(Rebuilt::of(projection.name, &replayed));
    }
    mention("rebuilding all at once");
    let all_events_per_second = replay::all_at_once(&engine, &owner).await.context("all projections")?;
    mention("writing on, and folding it live");
    let length = Plan { warm_up: Duration::ZERO, measured: arguments.history() / 3 };
    in_process::load(&engine, WRITING, &pairs, Mix::Exchanges, length).await.context("the history")?;
    let projectors = Service::start(ground, Kind::Projectors).await?;
    let live_events_per_second = streams::live(&engine, &owner).await.context("live folding")?;
    let visible = streams::visible(ground, (&engine, &owner), &pairs, arguments.plan());
    let visible = visible.await.context("command to visible")?;
    projectors.stop().await?;
    Ok(Report { rebuilt, all_events_per_second, live_events_per_second, visible, routes })
}

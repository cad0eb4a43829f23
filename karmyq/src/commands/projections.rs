//! `karmyq projections`: the read models against the log.

mod rebuild;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};
use projectors::registry;
use projectors::status::{self, ProjectionStatus, State};
use projectors::verify;
use serde_json::{Value, json};
use service_kit::config::Reader;
use service_kit::postgres;
use sqlx::PgPool;

use crate::engine::Engine;
use crate::settings;
use crate::terminal::say;

/// What can be asked about projections.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Fold the topics from the start into fresh tables and swap them in, while the old ones serve
    Rebuild(Asked),
    /// Tell how far each projection is, and whether it moves
    Status(Asked),
    /// Compare the live rows with a replay of what they have folded, by checksum; exits with 1 when they differ
    Verify(Asked),
}

/// Which ones, and how to answer.
#[derive(Args, Clone, Debug)]
pub(crate) struct Asked {
    /// Projections; all when none is named
    names: Vec<String>,
    /// Answer with one JSON object on standard output
    #[arg(long)]
    json: bool,
}

impl Command {
    /// Does it, as the owner of the tables.
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let url = settings::required("MIGRATIONS_DATABASE_URL")?;
        let options = postgres::Options {
            application: "karmyq projections",
            max_connections: 8,
            statement_timeout: None,
        };
        let owner = postgres::pool(&url, &options)?;
        let engine = Engine::connect(Reader::from_environment()).await?;
        match self {
            Self::Rebuild(asked) => rebuild::run(&engine, &owner, &asked).await,
            Self::Status(asked) => tell_status(&engine, &owner, &asked).await,
            Self::Verify(asked) => tell_verified(&engine, &owner, &asked).await,
        }
    }
}

impl Asked {
    /// The names, or those of all projections.
    fn names(&self) -> Vec<String> {
        if self.names.is_empty() {
            return registry::PROJECTIONS.iter().map(|it| it.name.to_owned()).collect();
        }
        self.names.clone()
    }
}

async fn tell_status(engine: &Engine, owner: &PgPool, asked: &Asked) -> Result<ExitCode> {
    let mut all = Vec::new();
    for name in asked.names() {
        all.extend(status::status(&engine.source(), owner, Some(&name)).await?);
    }
    if asked.json {
        say(json!({ "projections": all }));
        return Ok(ExitCode::SUCCESS);
    }
    say(format_args!(
        "{:<16} {:>7} {:>10} {:>9} {:>7}  state",
        "projection", "version", "lag", "seconds", "parked"
    ));
    all.iter().for_each(|it| say(status_line(it)));
    Ok(ExitCode::SUCCESS)
}

fn status_line(of: &ProjectionStatus) -> String {
    let lag: i64 = of.partitions.iter().map(|it| it.lag_events).sum();
    let seconds = of.partitions.iter().map(|it| it.lag_seconds).fold(0.0, f64::max);
    let is = |state| of.partitions.iter().any(|it| it.state == state);
    let state = match () {
        () if of.version.is_none() => "never started",
        () if is(State::Still) => "does not move",
        () if is(State::Behind) => "behind",
        () => "caught up",
    };
    let due = if of.outdated { ", made by other code: a rebuild is due" } else { "" };
    let version = of.version.map_or_else(|| "-".to_owned(), |it| it.to_string());
    let (name, parked) = (of.projection, of.parked);
    format!("{name:<16} {version:>7} {lag:>10} {seconds:>9.1} {parked:>7}  {state}{due}")
}

async fn tell_verified(engine: &Engine, owner: &PgPool, asked: &Asked) -> Result<ExitCode> {
    let (mut tables, mut equal) = (Vec::<Value>::new(), true);
    for name in asked.names() {
        for it in verify::verify(&engine.source(), owner, &name).await? {
            equal &= it.is_equal();
            if !asked.json {
                let verdict = if it.is_equal() { "equal" } else { "DIFFERENT" };
                let figures = format!("{} rows live, {} replayed", it.live.rows, it.replayed.rows);
                say(format_args!("{:<36} {verdict:<9}  {figures}", it.table));
            }
            tables.push(json!({
                "projection": name,
                "table": it.table,
                "live": it.live,
                "replayed": it.replayed,
                "equal": it.is_equal(),
            }));
        }
    }
    if asked.json {
        say(json!({ "equal": equal, "tables": tables }));
    } else {
        say(if equal { "the rows are what the log says" } else { "some rows are not what the log says" });
    }
    Ok(if equal { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

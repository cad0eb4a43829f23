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
    /// Tell how far each projection is, whether it moves, and what is in its way
    ///
    /// lag: records that are not folded; seconds: the age of the oldest of them; parked: keys that are held back.
    /// live: at the end or within 5 seconds of it · parked keys: live but for them, see `karmyq dead-letters` ·
    /// catching up · frozen: not moving for 30 seconds although there is something to fold, or behind a transaction
    /// that nobody ends · stopped: more keys are parked than `PARKED_KEYS_STOPPED`, so the code must be at fault
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
    if asked.names.is_empty() {
        all = status::status(&engine.source(), owner, None).await?;
    }
    for name in &asked.names {
        all.extend(status::status(&engine.source(), owner, Some(name)).await?);
    }
    if asked.json {
        say(json!({ "projections": all }));
        return Ok(ExitCode::SUCCESS);
    }
    say(format_args!(
        "{:<16} {:>7} {:>10} {:>9} {:>7}  state",
        "projection", "version", "lag", "seconds", "parked"
    ));
    for it in &all {
        say(status_line(it));
        hindrances(it).into_iter().for_each(say);
    }
    Ok(ExitCode::SUCCESS)
}

fn status_line(of: &ProjectionStatus) -> String {
    let lag: i64 = of.partitions.iter().map(|it| it.lag_events).sum();
    let seconds = of.partitions.iter().map(|it| it.lag_seconds).fold(0.0, f64::max);
    let rate: f64 = of.partitions.iter().filter_map(|it| it.per_second).sum();
    let left = of.partitions.iter().filter_map(|it| it.seconds_left).fold(0.0, f64::max);
    let state = match of.state {
        State::Live | State::ParkedKeys | State::CatchingUp | State::Frozen | State::Stopped
            if of.version.is_none() =>
        {
            "never started"
        }
        State::Live => "live",
        State::ParkedKeys => "parked keys",
        State::CatchingUp => "catching up",
        State::Frozen => "frozen",
        State::Stopped => "stopped",
    };
    let pace = if rate > 0.0 { format!(", {rate:.0}/s, {left:.0} s left") } else { String::new() };
    let due = if of.outdated { ", made by other code: a rebuild is due" } else { "" };
    let version = of.version.map_or_else(|| "-".to_owned(), |it| it.to_string());
    let (name, parked) = (of.projection, of.parked_keys);
    format!("{name:<16} {version:>7} {lag:>10} {seconds:>9.1} {parked:>7}  {state}{pace}{due}")
}

/// What is in the way of single partitions, and what helps.
fn hindrances(of: &ProjectionStatus) -> Vec<String> {
    let mut lines = Vec::new();
    for it in &of.partitions {
        if let Some(reason) = &it.reason {
            lines.push(format!("  {}/{}: {reason}", it.topic, it.partition));
        }
        if let Some(hanging) = &it.hanging {
            let silent = hanging.silent_seconds;
            let producer = format!("producer {} (epoch {})", hanging.producer_id, hanging.producer_epoch);
            lines.push(format!(
                "    {producer} has been silent for {silent:.0} s; this ends its transaction:"
            ));
            lines.push(format!("    {}", hanging.command));
        }
    }
    if of.parked_keys > 0 {
        lines.push(format!(
            "  {} record(s) are parked: karmyq dead-letters list {}",
            of.parked, of.projection
        ));
    }
    lines
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

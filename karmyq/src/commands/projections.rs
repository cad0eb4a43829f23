//! `karmyq projections`: the read models against the log.

mod bar;
mod rebuild;
mod status;
mod verify;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use clap::{Args, Subcommand};
use projectors::registry;
use projectors::status::Ends;
use service_kit::config::Reader;
use service_kit::postgres;
use sqlx::PgPool;

use crate::engine::Engine;
use crate::settings::{self, Cluster};

/// What can be asked about projections.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Tell how far each projection is, whether it moves, what is in its way, and what is done to it
    ///
    /// lag: records that are not folded; seconds: the age of the oldest of them; parked: keys that are held back. Below,
    /// partitions that are behind with position, end and rate; of a projection that is named, all of them.
    /// live: at the end or within 5 seconds of it · rebuilding: a new version is built beside it · parked keys: live but for them, see `karmyq dead-letters` ·
    /// catching up · frozen: not moving for 30 seconds although there is something to fold, or behind a transaction
    /// that nobody ends · stopped: more keys are parked than `PARKED_KEYS_STOPPED`, so the code must be at fault
    Status(status::Status),
    /// Fold the topics from the start into fresh tables and swap them in, while the old ones serve
    ///
    /// Queries see the old rows until the swap, which is one transaction, and the new ones from then on. The version before
    /// is kept: `rollback` brings it back, `drop` removes it, and so does the next rebuild. Ctrl-C here or `cancel`
    /// elsewhere stops a rebuild and leaves nothing behind; so does whatever comes next after its process was killed.
    Rebuild(rebuild::Rebuild),
    /// Stop a rebuild, rollback or healing, wherever it runs, and remove what one left whose process is gone
    Cancel(Named),
    /// Bring the version back that was live before the last rebuild or rollback
    ///
    /// It first folds what it has missed, so that nobody sees anything older than before. A second rollback undoes the first.
    /// With `--all`, those of which no version is kept stay as they are.
    Rollback(Named),
    /// Remove the version that is kept for a rollback
    Drop(Named),
    /// Remove a projection that this version has no code for any more: tables, checkpoints, consumer group
    Retire {
        /// Its name
        name: String,
        /// Answer with JSON on standard output
        #[arg(long)]
        json: bool,
    },
    /// Compare the live rows with a replay of what they have folded, and name the rows that differ
    ///
    /// Exits with 0 when all are equal, with 1 when rows differ, with 2 when nothing differs and something could not be
    /// compared: a server is away, or nobody has ever folded the projection.
    Verify(verify::Verify),
}

/// Which ones, and how to answer.
#[derive(Args, Clone, Debug)]
pub(crate) struct Asked {
    /// Projections; all when none is named
    names: Vec<String>,
    /// All projections
    #[arg(long, conflicts_with = "names")]
    all: bool,
    /// Answer with JSON on standard output
    #[arg(long)]
    json: bool,
}

/// Which ones, said expressly, because it changes something.
#[derive(Args, Clone, Debug)]
pub(crate) struct Named {
    #[command(flatten)]
    which: Which,
    /// Answer with JSON on standard output
    #[arg(long)]
    json: bool,
}

/// Names, or all.
#[derive(Args, Clone, Debug)]
#[group(required = true)]
struct Which {
    /// Projections
    names: Vec<String>,
    /// All projections, one after the other
    #[arg(long, conflicts_with = "names")]
    all: bool,
}

impl Command {
    /// Does it, as the owner of the tables.
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let engine = async || Engine::connect(Reader::from_environment()).await;
        match self {
            Self::Status(asked) => {
                let cluster = Cluster::from_environment()?;
                let ends = Ends { log: Arc::new(cluster.log()?), profile: cluster.profile };
                asked.run(&ends, &owner()?).await
            }
            Self::Rebuild(asked) => asked.run(&engine().await?, &owner()?).await,
            Self::Cancel(named) => rebuild::cancel(&owner()?, &named).await,
            Self::Rollback(named) => rebuild::roll_back(&engine().await?, &owner()?, &named).await,
            Self::Drop(named) => rebuild::drop_kept(&owner()?, &named).await,
            Self::Retire { name, json } => rebuild::retire(&owner()?, &name, json).await,
            // It has exit codes of its own, also for when nothing can be reached.
            Self::Verify(asked) => Ok(asked.run().await),
        }
    }
}

fn owner() -> Result<PgPool> {
    let url = settings::required("MIGRATIONS_DATABASE_URL")?;
    let options = postgres::Options::for_tool("karmyq projections", 8);
    Ok(postgres::pool(&url, &options)?)
}

impl Asked {
    /// The names, or those of all projections.
    fn names(&self) -> Vec<String> {
        if self.names.is_empty() { every_name() } else { self.names.clone() }
    }
}

impl Named {
    /// The names, or those of all projections.
    fn names(&self) -> Vec<String> {
        if self.which.all { every_name() } else { self.which.names.clone() }
    }
}

/// What no fold of the log brings into the rows, and where to look.
fn parked_line(name: &str, records: usize) -> String {
    format!("  {records} record(s) of {name} are parked: karmyq dead-letters list {name}")
}

fn every_name() -> Vec<String> {
    registry::PROJECTIONS.iter().map(|it| it.name.to_owned()).collect()
}

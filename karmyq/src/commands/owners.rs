//! `karmyq owners`: which instance owns which partition, and handing partitions over.

use std::process::ExitCode;

use anyhow::{Result, anyhow};
use clap::{Args, Subcommand};
use owners::Owners;
use serde_json::json;

use crate::owners::{follow, handover};
use crate::terminal::say;

/// Everything after `karmyq owners`.
#[derive(Args, Clone, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    change: Option<Change>,
    /// Answer with one JSON list on standard output
    #[arg(long)]
    json: bool,
}

/// What can be changed.
#[derive(Clone, Debug, Subcommand)]
enum Change {
    /// Let an instance hand over all its partitions and stay out, until `resume` or its next start; it goes on to
    /// forward calls
    Drain {
        /// Its address, as `karmyq owners` shows it
        address: String,
        /// Also when nobody else can take the partitions
        #[arg(long)]
        force: bool,
    },
    /// Hand a partition over, with everything else that its owner has: drains the owner
    Move {
        /// DOMAIN/PARTITION
        partition: String,
    },
    /// Let a drained instance take its share again
    Resume {
        /// Its address
        address: String,
    },
}

impl Arguments {
    /// Does it.
    pub(crate) async fn run(self) -> Result<ExitCode> {
        match self.change {
            None => show(self.json).await?,
            Some(Change::Drain { address, force }) => drain(&follow().await?, &address, force).await?,
            Some(Change::Move { partition }) => {
                let owners = follow().await?;
                let address = owner_of(&owners, &partition)?;
                drain(&owners, &address, false).await?;
            }
            Some(Change::Resume { address }) => {
                handover::resume(&address).await?;
                say(format_args!("{address} joins the writers again"));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn show(as_json: bool) -> Result<()> {
    let rows = owners::rows(&follow().await?).await?;
    if as_json {
        say(json!(rows));
    } else {
        owners::lines(&rows).iter().for_each(say);
    }
    Ok(())
}

async fn drain(owners: &Owners, address: &str, forced: bool) -> Result<()> {
    let moved = handover::drain(owners, address, forced).await?;
    for it in &moved {
        let away = it.away_ms.map_or_else(String::new, |ms| format!(", away for {ms} ms"));
        say(format_args!("{}/{} is now at {}{away}", it.partition.0, it.partition.1, it.to));
    }
    say(format_args!("{address} has left the writers; `karmyq owners resume {address}` lets it back"));
    Ok(())
}

/// The address of whoever owns the partition of this name.
fn owner_of(owners: &Owners, name: &str) -> Result<String> {
    let partitions = owners.partitions();
    let partition = partitions.iter().find(|it| format!("{}/{}", it.0, it.1) == name);
    let partition =
        partition.ok_or_else(|| anyhow!("there is no partition {name}; `karmyq owners` lists all"))?;
    let told = owners.told();
    let owner = told.owner(partition).ok_or_else(|| anyhow!("nobody owns {name}"))?;
    Ok(owner.address.clone())
}

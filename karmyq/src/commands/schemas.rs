//! `karmyq schemas`: the registry's schemas against the contract.

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use event_log::SchemaRegistry;

use crate::settings;
use crate::terminal::{MISCONFIGURED, say};

/// What can be asked about schemas.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum Command {
    /// Register every schema of this version and set the compatibility level of its subject
    Push,
    /// Tell what keeps this version from writing, with the fix; exits with 78 when anything does
    Check,
}

impl Command {
    /// Does it on `SCHEMA_REGISTRY_URL`.
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let registry = SchemaRegistry::connect(settings::required("SCHEMA_REGISTRY_URL")?.expose())?;
        match self {
            Self::Push => push(&registry).await,
            Self::Check => check(&registry).await,
        }
    }
}

async fn push(registry: &SchemaRegistry) -> Result<ExitCode> {
    let pushed = registry.push().await?;
    match pushed.registered {
        0 => say(format_args!("all {} schemas are registered", pushed.subjects)),
        new => say(format_args!("registered {new} versions of {} schemas", pushed.subjects)),
    }
    Ok(ExitCode::SUCCESS)
}

async fn check(registry: &SchemaRegistry) -> Result<ExitCode> {
    let faults = registry.check().await?;
    faults.iter().for_each(say);
    if !faults.is_empty() {
        return Ok(ExitCode::from(MISCONFIGURED));
    }
    say("the registry has every schema that this version writes");
    Ok(ExitCode::SUCCESS)
}

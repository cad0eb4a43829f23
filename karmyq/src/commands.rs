//! The commands, a file each.

mod bench;
mod console;
mod dead_letters;
mod demo;
mod migrate;
mod owners;
mod projections;
mod schemas;
mod topics;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

/// What can be asked.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Play an exchange between neighbours on the running services, live
    Demo,
    /// Measure what this machine can do
    #[command(subcommand)]
    Bench(bench::Command),
    /// A token for the operators' console in a browser, where everything can be seen, and most of this be done, by clicking
    ///
    /// Prints the token on standard output and the address of the console, `$KARMYQ_QUERY_API/console`, on standard error: open
    /// it and paste the token. Signed with the key of the services, which whoever calls this must have. The token is good for 15
    /// minutes, and another one can be had at any time; operators without that key use the one that they get when they log in.
    Console,
    /// Records that projections could not fold: see them, fold them again, or discard them
    #[command(subcommand)]
    DeadLetters(dead_letters::Command),
    /// Bring the tables of PostgreSQL up to this version
    Migrate,
    /// Which instance owns which partition, and handing partitions over
    Owners(owners::Arguments),
    /// Read models: how far they are, rebuild, roll back, verify
    #[command(subcommand)]
    Projections(projections::Command),
    /// Schemas of records in the registry
    #[command(subcommand)]
    Schemas(schemas::Command),
    /// Topics of Kafka
    #[command(subcommand)]
    Topics(topics::Command),
}

impl Command {
    /// Does it; the exit code says how it went, an error why it could not be done.
    pub(crate) async fn run(self) -> Result<ExitCode> {
        match self {
            Self::Bench(command) => command.run().await,
            Self::Console => console::run(),
            Self::DeadLetters(command) => command.run().await,
            Self::Demo => demo::run().await,
            Self::Migrate => migrate::run().await,
            Self::Owners(arguments) => arguments.run().await,
            Self::Projections(command) => command.run().await,
            Self::Schemas(command) => command.run().await,
            Self::Topics(command) => command.run().await,
        }
    }
}

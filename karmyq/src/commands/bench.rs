//! `karmyq bench`: what this machine can do, measured.
//!
//! `write` and `read` run one measurement after the other and report them, `scale`, `live`, `memory`, `rolling` and `takeover` others
//! alone, `peers` compares us with others. `ground` is where it happens and `services` what runs there; `exchange` is the mix of commands,
//! `closed_loop` and `open_loop` repeat it, over `http` or `in_process`; `ceiling`, `visible` and `replay` are the other
//! measurements, `spent` what they cost.

mod ceiling;
mod closed_loop;
mod connection;
mod exchange;
mod ground;
mod http;
mod in_process;
mod live;
mod memory;
mod open_loop;
mod peers;
mod read;
mod replay;
mod report;
mod rolling;
mod scale;
mod services;
mod spent;
mod takeover;
mod visible;
mod write;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

/// What can be measured.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Commands from HTTP to the log, to read models, and back from the log
    Write(write::Arguments),
    /// Rebuilds and live folding, command to visible, and every query on a million requests
    Read(read::Arguments),
    /// More aggregates, and keys that everybody wants
    Scale(scale::Arguments),
    /// The same commands with us and with other frameworks, one after the other on the same servers
    Peers(peers::Arguments),
    /// What live streams weigh, and how soon an item is in all streams of its person
    Live(live::Arguments),
    /// What the writer remembers of each aggregate and command, in bytes
    Memory(memory::Arguments),
    /// What callers notice of a rolling restart of three instances, and of the death of two
    Rolling(rolling::Arguments),
    /// How long a partition with a long history is away, with and without its snapshot
    Takeover(takeover::Arguments),
}

impl Command {
    /// Measures it.
    pub(crate) async fn run(self) -> Result<ExitCode> {
        match self {
            Self::Write(arguments) => write::run(arguments).await,
            Self::Read(arguments) => read::run(arguments).await,
            Self::Scale(arguments) => scale::run(arguments).await,
            Self::Peers(arguments) => peers::run(arguments).await,
            Self::Live(arguments) => live::run(arguments).await,
            Self::Memory(arguments) => memory::run(arguments).await,
            Self::Rolling(arguments) => rolling::run(arguments).await,
            Self::Takeover(arguments) => takeover::run(arguments).await,
        }
    }
}

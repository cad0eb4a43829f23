//! `karmyq`, the command line of operators and newcomers.
//!
//! `commands` holds a file per command; `settings` reads the environment that `./dev env` prints; `owners` knows who owns which partition; `engine` is the log
//! with its schemas and keys; `api` and `live` are a client of the services; `terminal` is how a command talks: what was
//! asked for goes to standard output, everything else to standard error.

mod api;
mod commands;
mod engine;
mod live;
mod owners;
mod settings;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

use crate::commands::Command;

const WHERE_TO_BEGIN: &str = "Something looks wrong, or readiness says so:
  karmyq projections status   how far each read model is, and what is in its way; --watch repeats it
  karmyq dead-letters list    what is held back and why; `karmyq dead-letters --help` tells how to heal it
  karmyq projections --help   rebuild, watch, cancel, roll back
  karmyq console              the same in a browser

Settings are read from the environment, as the services read theirs; `./dev env` prints those of the system that `./dev up`
has started, for `eval \"$(./dev env)\"`.";

/// Sets up, watches, measures and shows a karmyq system.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true, after_help = WHERE_TO_BEGIN)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[tokio::main]
async fn main() -> ExitCode {
    terminal::show_warnings();
    match Arguments::parse().command.run().await {
        Ok(code) => code,
        Err(error) => {
            terminal::error(&error);
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Arguments;

    #[test]
    fn the_commands_and_their_options_fit_together() {
        Arguments::command().debug_assert();
    }
}

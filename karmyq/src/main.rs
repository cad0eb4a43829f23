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

/// Sets up, watches, measures and shows a karmyq system.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true)]
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

//! command-api: takes commands over HTTP and appends what follows from them to the log.

use std::process::ExitCode;

use anyhow::Context;
use command_api::config::Config;
use command_api::{connect, runtime, start};
use service_kit::refusal::{self, Refusal};
use service_kit::{serve, shutdown, telemetry};
use tracing::error;

fn main() -> anyhow::Result<ExitCode> {
    runtime()?.block_on(command_api())
}

async fn command_api() -> anyhow::Result<ExitCode> {
    let config = Config::from_environment()?;
    let _telemetry = telemetry::start("command-api")?;
    match run(config).await {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) if error.is::<Refusal>() => {
            error!(reason = format!("{error:#}"), "command-api refuses to start");
            Ok(ExitCode::from(refusal::EXIT_CODE))
        }
        Err(error) => {
            error!(error = format!("{error:#}"), "command-api cannot go on");
            Err(error)
        }
    }
}

/// Serves until a signal; see [`command_api::Service::serve`].
async fn run(config: Config) -> anyhow::Result<()> {
    let listener = serve::bind(config.listen).await.context("COMMAND_API_LISTEN")?;
    let shutdown = shutdown::on_signal();
    let Some(deployment) = shutdown.run_until_cancelled(connect(&config)).await else { return Ok(()) };
    Ok(start(config, deployment?).await?.serve(listener, shutdown).await?)
}

//! The binary: reads the environment, starts telemetry, runs the service until SIGTERM or SIGINT.

use std::process::ExitCode;

use anyhow::Context;
use query_api::Config;
use service_kit::config::Reader;
use service_kit::refusal::{self, Refusal};
use service_kit::{shutdown, telemetry};
use tracing::error;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let config = Config::read(Reader::from_environment())?;
    let _telemetry = telemetry::start("query-api").context("cannot start telemetry")?;
    match query_api::run(config, shutdown::on_signal()).await {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) if error.is::<Refusal>() => {
            error!(reason = format!("{error:#}"), "query-api refuses to start");
            Ok(ExitCode::from(refusal::EXIT_CODE))
        }
        Err(error) => Err(error),
    }
}

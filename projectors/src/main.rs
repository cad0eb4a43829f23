//! projectors: folds the event topics into the read models.

use std::process::ExitCode;

use projectors::app;
use projectors::config::Config;
use service_kit::refusal::{self, Refusal};
use service_kit::{shutdown, telemetry};
use tracing::error;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let config = Config::from_environment()?;
    let _telemetry = telemetry::start("projectors")?;
    match app::run(config, shutdown::on_signal()).await {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) if error.is::<Refusal>() => {
            error!(reason = format!("{error:#}"), "projectors refuse to start");
            Ok(ExitCode::from(refusal::EXIT_CODE))
        }
        Err(error) => {
            error!(error = format!("{error:#}"), "projectors cannot go on");
            Err(error)
        }
    }
}

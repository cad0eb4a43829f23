//! projectors: folds the event topics into the read models.

use std::process::ExitCode;

use projectors::app::{self, Error};
use projectors::config::Config;
use service_kit::{shutdown, telemetry};
use tracing::error;

/// Exit code of a system that is not as it must be (`EX_CONFIG` of sysexits).
const MISCONFIGURED: u8 = 78;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let config = Config::from_environment()?;
    let _telemetry = telemetry::start("projectors")?;
    match app::run(config, shutdown::on_signal()).await {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(reason @ Error::Unsafe(_)) => {
            error!(%reason, "projectors refuse to start");
            Ok(ExitCode::from(MISCONFIGURED))
        }
        Err(Error::Fault(fault)) => {
            error!(fault = format!("{fault:#}"), "projectors cannot go on");
            Err(fault)
        }
    }
}

//! The binary: reads the environment, starts telemetry, runs the service until SIGTERM or SIGINT.

use anyhow::Context;
use query_api::Config;
use service_kit::config::Reader;
use service_kit::{shutdown, telemetry};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let config = Config::read(Reader::from_environment())?;
    let _telemetry = telemetry::start("query-api").context("cannot start telemetry")?;
    query_api::run(config, shutdown::on_signal()).await
}

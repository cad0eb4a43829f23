//! The read side: answers GET from PostgreSQL under row-level security and pushes notifications to live streams.
//!
//! `router` is the flat table of routes · `views/<name>.rs` holds a view's structs, its SQL and its handler · `reading`
//! is the transaction of one request, which tells PostgreSQL who asks · `position` waits until a client's own write is
//! visible · `bulkhead` keeps a slow route from taking all connections · `reputation` computes karma, decay and trust from
//! stored facts and `now` · `live` is the notification stream · `openapi` describes the whole API, commands included ·
//! `console` is what operators see in a browser.
//!
//! Nothing here can append to the log: the crate knows only how to read it.

mod app;
mod at;
mod bulkhead;
mod community_rules;
mod config;
mod console;
mod live;
mod openapi;
mod page;
mod params;
mod people;
mod position;
mod projections;
mod reading;
mod reputation;
mod router;
mod schemas;
mod skills;
mod views;

use std::net::SocketAddr;
use std::sync::Arc;

use event_log::EventLog;
use event_schemas::topics;
use service_kit::refusal::Refusal;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::warn;

pub use config::{Config, MAX_CONCURRENT_CALLS};
pub use openapi::document as openapi_document;
pub use reading::{LOCK_READ_MODELS, open_reading};
pub use router::ROUTES;

/// Runs the service until the token is cancelled.
///
/// # Errors
/// A [`Refusal`] when a topic differs from the manifest; else when the keys cannot be read, the port is taken or the listener fails.
pub async fn run(config: Config, shutdown: CancellationToken) -> anyhow::Result<()> {
    let log = Arc::new(config.log()?);
    refuse_altered_topics(&config, log.as_ref()).await?;
    let listener = service_kit::serve::bind(config.listen).await?;
    run_on(listener, config, log, shutdown).await
}

/// Positions name partitions, so topics that differ from the manifest would make them mean something else (W4). Reads
/// need no Kafka: while it does not answer, nothing is held against it.
async fn refuse_altered_topics(config: &Config, log: &dyn EventLog) -> anyhow::Result<()> {
    match log.drift(&topics::manifest(config.topic_profile)).await {
        Ok(reasons) => Ok(Refusal::unless_none(reasons)?),
        Err(error) => {
            warn!(%error, "the topics could not be compared with the manifest");
            Ok(())
        }
    }
}

/// Runs on an open port and with the given log, as an embedding process or a test has them.
///
/// # Errors
/// See [`run`].
pub async fn run_on(
    listener: TcpListener,
    config: Config,
    log: Arc<dyn EventLog>,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let app = app::App::start(&config, log, &shutdown)?;
    let router = router::router(&app, &config);
    service_kit::serve::serve(listener, router, shutdown).await?;
    Ok(())
}

/// The address of a listener on a free port of this machine.
pub const ANY_LOCAL_PORT: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

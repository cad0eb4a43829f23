//! The composition root: connections, safe start, runner, health and metrics.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use event_log::{DATA_KEYS, Deployment, KeyRing, Servers, data_key_partitions};
use service_kit::config::{Profile, Secret};
use service_kit::health::Health;
use service_kit::refusal::Refusal;
use service_kit::{postgres, serve, telemetry};
use sqlx::PgPool;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::claimed::Shared;
use crate::config::Config;
use crate::console::orders::Hands;
use crate::decoding::Decoding;
use crate::parking::Limits;
use crate::projection::Registration;
use crate::replay::Source;
use crate::{console, outdated, rebuild, runner};

/// A statement of a batch that takes longer is cancelled and tried again.
const STATEMENT_LIMIT: Duration = Duration::from_secs(30);

/// Runs the service until shutdown: batches in flight are finished, then the groups are left.
///
/// # Errors
/// At the start only; a [`Refusal`] when log or registry are not what the contract says (invariant W4).
pub async fn run(config: Config, shutdown: CancellationToken) -> anyhow::Result<()> {
    let listener = serve::bind(config.listen).await.context("PROJECTORS_LISTEN")?;
    let pool = pool(&config.database).context("DATABASE_URL")?;
    let connecting = connect(&config, shutdown.clone());
    let Some(connected) = shutdown.run_until_cancelled(connecting).await else { return Ok(()) };
    let (source, keys) = connected?;
    let health = Health::new("projectors");
    health.postgres(&pool);
    let known = health.gate(DATA_KEYS);
    let router = Router::new().merge(health.routes()).merge(telemetry::metrics::routes());
    let serving = tokio::spawn(serve::serve(listener, router, shutdown.clone()));
    // Opening a text waits for its key; with thousands of keys still to be read that would look like a fault.
    if let Some(ready) = shutdown.run_until_cancelled(keys.ready()).await {
        ready.context("the data keys cannot be read")?;
        known.open();
        let owner = owner(&config)?;
        let rebuilding = rebuild_outdated(&config, &source, &pool, owner.as_ref(), &shutdown).await?;
        let hands = Hands { source: source.clone(), pool: pool.clone(), owner, limits: config.limits };
        let helping = console::serve(hands, shutdown.clone());
        let helping = tokio::spawn(helping);
        project(&source, &pool, config.projections, config.limits, &health, shutdown).await;
        if let Some(rebuilding) = rebuilding {
            rebuilding.await.context("the rebuilds at the start ended")?;
        }
        helping.await.context("what the console asks for was not ended in order")?;
    }
    serving.await.context("the server of health and metrics ended")?.context("cannot serve")?;
    Ok(())
}

/// Connections as the owner of the tables, if this process is to have any.
fn owner(config: &Config) -> anyhow::Result<Option<PgPool>> {
    let Some(url) = &config.owner_database else { return Ok(None) };
    let options =
        postgres::Options { statement_timeout: None, ..postgres::Options::for_service("projectors rebuild") };
    postgres::pool(url, &options).context("MIGRATIONS_DATABASE_URL").map(Some)
}

/// With `AUTO_REBUILD`, rebuilds in the background what other code has made, or nobody yet.
async fn rebuild_outdated(
    config: &Config,
    source: &Source,
    pool: &PgPool,
    owner: Option<&PgPool>,
    shutdown: &CancellationToken,
) -> anyhow::Result<Option<JoinHandle<()>>> {
    let Some(owner) = owner.filter(|_| config.auto_rebuild).cloned() else { return Ok(None) };
    // Before any worker begins: a projection that nobody has ever folded counts as due.
    let due =
        outdated::outdated(pool, &config.projections).await.context("the live versions cannot be read")?;
    let (source, shutdown) = (source.clone(), shutdown.clone());
    let limits = config.limits;
    Ok(Some(tokio::spawn(async move {
        outdated::rebuild_all(&source, &owner, due, limits, &shutdown).await;
    })))
}

/// Folds until shutdown. For this binary and for processes that embed it.
pub async fn project(
    source: &Source,
    pool: &PgPool,
    projections: Vec<&'static Registration>,
    limits: Limits,
    health: &Health,
    shutdown: CancellationToken,
) {
    rebuild::clean_up_at_start(pool).await;
    if let Err(error) = outdated::note(pool, &projections).await {
        tracing::warn!(%error, "could not compare the rows' code with this one");
    }
    let shared = Shared { source: source.clone(), pool: pool.clone(), limits };
    runner::run(shared, projections, health, shutdown).await;
}

/// A pool for folding.
///
/// Commits wait for the disk, although the log has everything still: whoever was shown a row would miss it after a crash
/// of PostgreSQL that forgot the commit, and the worker would not know that it has to fold it again.
///
/// # Errors
/// When the URL is none.
pub fn pool(url: &Secret) -> Result<PgPool, sqlx::Error> {
    let options = postgres::Options {
        statement_timeout: Some(STATEMENT_LIMIT),
        ..postgres::Options::for_service("projectors")
    };
    postgres::pool(url, &options)
}

/// Kafka, schemas and data keys, refused when they are not what the contract says.
async fn connect(config: &Config, stop: CancellationToken) -> anyhow::Result<(Source, KeyRing)> {
    let servers = Servers {
        kafka: &config.kafka,
        registry: &config.registry,
        profile: config.topics,
        registers: config.profile == Profile::Local,
    };
    let found = Deployment::connect(servers).await.context("topics and schemas cannot be looked at")?;
    let Deployment { log, decoder, encoder } = found.map_err(Refusal::because)?;
    let partitions = data_key_partitions(config.topics);
    let following =
        KeyRing::follow(Arc::clone(&log), decoder.clone(), encoder, config.master.clone(), partitions, stop);
    let keys = following.await.context("the data keys cannot be read")?;
    let decoding = Decoding::new(decoder, keys.clone());
    Ok((Source { log, decoding, profile: config.topics }, keys))
}

//! The composition root: configuration, connections, runner, health and metrics.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use event_schemas::topics::Profile;
use service_kit::config::{Reader, Secret};
use service_kit::health::Health;
use service_kit::{postgres, serve, telemetry};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::projection::Registration;
use crate::registry;
use crate::replay::Source;
use crate::runner;
use crate::worker::Shared;

/// A statement of a batch that takes longer is cancelled and tried again.
const STATEMENT_LIMIT: Duration = Duration::from_secs(30);

/// The configuration of the process.
#[derive(Clone, Debug)]
pub struct Config {
    /// `PROJECTORS_LISTEN`: where health and metrics are served.
    pub listen: SocketAddr,
    /// `DATABASE_URL`: PostgreSQL, as `karmyq_projector`.
    pub database_url: Secret,
    /// `KAFKA_BOOTSTRAP_SERVERS`.
    pub kafka: String,
    /// `SCHEMA_REGISTRY_URL`.
    pub schema_registry: String,
    /// `DATA_KEY_MASTER_FILE`: the key that wraps data keys.
    pub master_key: Secret,
    /// `TOPIC_PROFILE`: `small` or `standard`.
    pub profile: Profile,
    /// `PROJECTIONS`: names, comma-separated; all when absent.
    pub projections: Vec<&'static Registration>,
}

impl Config {
    /// Reads it from settings, and tells all faults at once.
    ///
    /// # Errors
    /// The faults.
    pub fn read(mut settings: Reader) -> Result<Self, service_kit::config::Faults> {
        let listen = settings.required("PROJECTORS_LISTEN");
        let database_url = settings.required("DATABASE_URL");
        let kafka = settings.required("KAFKA_BOOTSTRAP_SERVERS");
        let schema_registry = settings.required("SCHEMA_REGISTRY_URL");
        let master_key = settings.required_file("DATA_KEY_MASTER_FILE");
        let profile = Profile::named(&settings.or("TOPIC_PROFILE", "standard".to_owned()));
        if profile.is_none() {
            settings.fault("TOPIC_PROFILE", "must be small or standard");
        }
        let projections = chosen(&mut settings);
        settings.build(|| {
            Some(Self {
                listen: listen?,
                database_url: database_url?,
                kafka: kafka?,
                schema_registry: schema_registry?,
                master_key: master_key?,
                profile: profile?,
                projections,
            })
        })
    }
}

/// The projections that `PROJECTIONS` names.
fn chosen(settings: &mut Reader) -> Vec<&'static Registration> {
    let names = settings.list("PROJECTIONS");
    if names.is_empty() {
        return registry::PROJECTIONS.iter().collect();
    }
    let mut chosen = Vec::new();
    for name in names {
        match registry::named(&name) {
            Some(registration) => chosen.push(registration),
            None => {
                settings.fault("PROJECTIONS", format_args!("names {name}; there are {}", registry::names()))
            }
        }
    }
    chosen
}

/// A pool for folding.
///
/// Commits do not wait for the disk: rows and checkpoint are one transaction, so what a crash of PostgreSQL takes back,
/// it takes back of both, and the log has it still.
///
/// # Errors
/// When the URL is none.
pub fn pool(url: &Secret) -> Result<PgPool, sqlx::Error> {
    let options = postgres::Options {
        statement_timeout: Some(STATEMENT_LIMIT),
        ..postgres::Options::for_service("projectors")
    };
    let pool = postgres::pool(url, &options)?;
    pool.set_connect_options((*pool.connect_options()).clone().options([("synchronous_commit", "off")]));
    Ok(pool)
}

/// Folds until shutdown; batches in flight are finished first. For this binary and for processes that embed it.
pub async fn project(
    source: &Source,
    pool: &PgPool,
    projections: Vec<&'static Registration>,
    health: &Health,
    shutdown: CancellationToken,
) {
    let shared = Shared { log: source.log.clone(), pool: pool.clone(), decoding: source.decoding.clone() };
    runner::run(shared, projections, health, shutdown).await;
}

/// Health and metrics.
pub async fn serve(listen: SocketAddr, health: &Health, shutdown: CancellationToken) -> std::io::Result<()> {
    let router = Router::new().merge(health.routes()).merge(telemetry::metrics::routes());
    serve::serve(serve::bind(listen).await?, router, shutdown).await
}

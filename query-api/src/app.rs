//! What handlers need: the composition root of the service.

use std::sync::Arc;
use std::time::Duration;

use event_log::{EventLog, KafkaLog, LogError};
use event_schemas::topics::Profile;
use service_kit::auth::{Authenticator, KeyError, PublicKeys, Revocations, Verifier};
use service_kit::health::Health;
use service_kit::middleware::Stack;
use service_kit::middleware::rate_limit::{Class, RateLimits};
use service_kit::postgres;
use sqlx::PgPool;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::console;
use crate::live::Live;
use crate::position::Positions;
use crate::schemas::Schemas;

/// Name of the service in logs, health and PostgreSQL.
pub(crate) const SERVICE: &str = "query-api";

/// Longest work on one answer; `wait_ms` (at most 10 s) is part of it.
const TIME_LIMIT: Duration = Duration::from_secs(20);

/// The dependencies of every handler. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct App {
    /// PostgreSQL, as the role that row-level security binds.
    pub(crate) pool: PgPool,
    /// How far the projections are.
    pub(crate) positions: Positions,
    /// The live streams of this process.
    pub(crate) live: Live,
    /// Checks access tokens.
    pub(crate) authenticator: Authenticator,
    /// Ready or why not.
    pub(crate) health: Health,
    /// The log; the API itself follows nothing but notifications.
    pub(crate) log: Arc<dyn EventLog>,
    /// How many partitions its topics have.
    pub(crate) topic_profile: Profile,
    /// What its records are written in.
    pub(crate) schemas: Schemas,
}

/// The service cannot start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// The public keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// `DATABASE_URL` is no URL of PostgreSQL.
    #[error("DATABASE_URL cannot be used: {0}")]
    Database(#[from] sqlx::Error),
}

impl App {
    /// Starts what runs in the background; all of it ends with the shutdown.
    pub(crate) fn start(
        config: &Config,
        log: Arc<dyn EventLog>,
        shutdown: &CancellationToken,
    ) -> Result<Self, StartError> {
        let verifier = Arc::new(Verifier::new(PublicKeys::from_directory(&config.public_keys)?));
        let pool = postgres::pool(
            &config.database_url,
            &postgres::Options { plans_once: true, ..postgres::Options::for_service(SERVICE) },
        )?;
        // What all calls rest on does not wait behind slow ones for a connection.
        let own =
            postgres::pool(&config.database_url, &postgres::Options::for_service("query-api followers"))?;
        let health = Health::new(SERVICE);
        health.postgres(&own);
        let positions = Positions::follow(own.clone(), config.topic_profile, shutdown.clone());
        let revocations = Revocations::follow(own.clone(), shutdown.clone());
        revocations.gate(&health);
        let authenticator = Authenticator::new(verifier, revocations);
        let gate = health.gate("notification_events");
        let (topic_profile, schemas) = (config.topic_profile, Schemas::at(config.registry.as_deref()));
        let followed = Arc::clone(&log);
        let live = Live::follow(followed, &own, positions.clone(), topic_profile, gate, shutdown.clone());
        Ok(Self { pool, positions, live, authenticator, health, log, topic_profile, schemas })
    }

    /// What every route is wrapped in.
    pub(crate) fn stack(&self, config: &Config) -> Stack {
        Stack {
            authenticator: self.authenticator.clone(),
            limits: RateLimits::new(config.rate_limit_disabled, config.rate_limit_multiplier),
            class: Class::Reads,
            allowed_origins: config.allowed_origins.clone(),
            time_limit: TIME_LIMIT,
            places: Arc::new(Semaphore::new(config.max_concurrent_calls.get())),
            uncounted: Some(console::uncounted(&self.authenticator)),
            people: Some(console::dress),
        }
    }
}

impl Config {
    /// The log of this configuration.
    pub(crate) fn log(&self) -> Result<KafkaLog, LogError> {
        KafkaLog::connect(&self.kafka)
    }
}

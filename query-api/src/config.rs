//! What query-api is configured with.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use event_schemas::topics::Profile as TopicProfile;
use service_kit::config::{Faults, Reader, Secret};

/// Settings of the process, from the environment.
#[derive(Clone, Debug)]
pub struct Config {
    /// `QUERY_API_LISTEN`: where to listen; a developer's machine defaults to 127.0.0.1:8081.
    pub listen: SocketAddr,
    /// `DATABASE_URL`: as role `karmyq_query`.
    pub database_url: Secret,
    /// `KAFKA_BOOTSTRAP_SERVERS`: for the live stream.
    pub kafka: String,
    /// `SCHEMA_REGISTRY_URL`: for the console; without it two of its pages show less.
    pub registry: Option<String>,
    /// `TOPIC_PROFILE`: how many partitions a topic has.
    pub topic_profile: TopicProfile,
    /// `JWT_PUBLIC_KEYS_DIR`: the keys of access tokens.
    pub public_keys: PathBuf,
    /// `ALLOWED_ORIGINS`: origins that browsers may call from.
    pub allowed_origins: Vec<String>,
    /// `RATE_LIMIT_DISABLED`.
    pub rate_limit_disabled: bool,
    /// `RATE_LIMIT_MULTIPLIER`: scales every limit; 1 by default.
    pub rate_limit_multiplier: f64,
    /// `MAX_CONCURRENT_CALLS`: calls that may be under way, those that wait for a position included.
    pub max_concurrent_calls: NonZeroUsize,
}

/// Calls under way unless configured. Most of them wait, for a position or for PostgreSQL, and cost little.
pub const MAX_CONCURRENT_CALLS: NonZeroUsize = NonZeroUsize::new(4_096).expect("not zero");

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// All faults at once.
    pub fn read(mut settings: Reader) -> Result<Self, Faults> {
        let listen = settings.local_default("QUERY_API_LISTEN", SocketAddr::from(([127, 0, 0, 1], 8081)));
        let database_url = settings.required("DATABASE_URL");
        let kafka = settings.required("KAFKA_BOOTSTRAP_SERVERS");
        let registry = settings.optional("SCHEMA_REGISTRY_URL");
        let public_keys = settings.required("JWT_PUBLIC_KEYS_DIR");
        let topic_profile =
            settings.named("TOPIC_PROFILE", TopicProfile::Standard, TopicProfile::named, TopicProfile::NAMES);
        let allowed_origins = settings.list("ALLOWED_ORIGINS");
        let rate_limit_disabled = settings.flag("RATE_LIMIT_DISABLED");
        let rate_limit_multiplier: f64 = settings.or("RATE_LIMIT_MULTIPLIER", 1.0);
        if rate_limit_multiplier.is_nan() || rate_limit_multiplier <= 0.0 {
            settings.fault("RATE_LIMIT_MULTIPLIER", "must be more than 0");
        }
        let max_concurrent_calls = settings.or("MAX_CONCURRENT_CALLS", MAX_CONCURRENT_CALLS);
        settings.build(|| {
            Some(Self {
                listen: listen?,
                database_url: database_url?,
                kafka: kafka?,
                registry,
                topic_profile: topic_profile?,
                public_keys: public_keys?,
                allowed_origins,
                rate_limit_disabled,
                rate_limit_multiplier,
                max_concurrent_calls,
            })
        })
    }
}

//! The composition root: configuration, connections, runner, health and metrics.

use std::net::SocketAddr;

use event_schemas::topics::Profile;
use service_kit::config::{Reader, Secret};

use crate::projection::Registration;
use crate::registry;

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
        let profile = settings.or("TOPIC_PROFILE", "standard".to_owned());
        let profile = Profile::named(&profile);
        if profile.is_none() {
            settings.fault("TOPIC_PROFILE", "must be small or standard");
        }
        let mut projections = Vec::new();
        for name in settings.list("PROJECTIONS") {
            match registry::named(&name) {
                Some(registration) => projections.push(registration),
                None => settings.fault("PROJECTIONS", format_args!("names {name}, which is no projection")),
            }
        }
        if projections.is_empty() {
            projections.extend(registry::PROJECTIONS);
        }
        settings.build(|| {
            Some(Self {
                listen: listen?,
                database_url: database_url?,
                kafka: kafka?,
                schema_registry: schema_registry?,
                profile: profile?,
                projections,
            })
        })
    }
}

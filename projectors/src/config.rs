//! Configuration of projectors, from the environment.

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use event_log::MasterKey;
use event_schemas::topics;
use service_kit::config::{Faults, Profile, Reader, Secret};

use crate::parking::Limits;
use crate::projection::Registration;
use crate::registry;

/// Everything that the process is told at its start.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where health and metrics are served.
    pub listen: SocketAddr,
    /// PostgreSQL, as the role `karmyq_projector`.
    pub database: Secret,
    /// Kafka's bootstrap servers.
    pub kafka: String,
    /// Base address of the schema registry.
    pub registry: String,
    /// Unwraps data keys: 32 bytes in base64.
    pub master: MasterKey,
    /// Where this runs.
    pub profile: Profile,
    /// Size of the cluster, which decides partition counts.
    pub topics: topics::Profile,
    /// The projections that this instance takes part in.
    pub projections: Vec<&'static Registration>,
    /// How much may be parked.
    pub limits: Limits,
    /// PostgreSQL as the owner of the tables, for rebuilds at the start and for those that the console asks for.
    pub owner_database: Option<Secret>,
    /// Whether projections that other code has made are rebuilt at the start.
    pub auto_rebuild: bool,
}

impl Config {
    /// Reads the environment of this process.
    ///
    /// # Errors
    /// Everything that is missing or cannot be read.
    pub fn from_environment() -> Result<Self, Faults> {
        Self::read(Reader::from_environment())
    }

    /// Reads the given settings.
    ///
    /// # Errors
    /// Everything that is missing or cannot be read.
    pub fn read(mut settings: Reader) -> Result<Self, Faults> {
        let listen = settings.required("PROJECTORS_LISTEN");
        let database = settings.required("DATABASE_URL");
        let kafka = settings.required("KAFKA_BOOTSTRAP_SERVERS");
        let registry = settings.required("SCHEMA_REGISTRY_URL");
        let master = master_key(&mut settings);
        let topics = settings.named(
            "TOPIC_PROFILE",
            topics::Profile::Standard,
            topics::Profile::named,
            topics::Profile::NAMES,
        );
        let projections = projections(&mut settings);
        let limits = limits(&mut settings);
        let auto_rebuild = settings.flag("AUTO_REBUILD");
        let owner_database: Option<Secret> = settings.optional("MIGRATIONS_DATABASE_URL");
        if auto_rebuild && owner_database.is_none() {
            settings.fault("MIGRATIONS_DATABASE_URL", "is not set, and AUTO_REBUILD needs it");
        }
        let profile = settings.profile();
        settings.build(|| {
            Some(Self {
                listen: listen?,
                database: database?,
                kafka: kafka?,
                registry: registry?,
                master: master?,
                profile,
                topics: topics?,
                projections,
                limits,
                owner_database,
                auto_rebuild,
            })
        })
    }
}

fn master_key(settings: &mut Reader) -> Option<MasterKey> {
    let text = settings.required_file("DATA_KEY_MASTER_FILE")?;
    let bytes = STANDARD.decode(text.expose()).ok().and_then(|it| it.try_into().ok());
    if bytes.is_none() {
        settings.fault("DATA_KEY_MASTER_FILE", "names a file that does not hold 32 bytes in base64");
    }
    bytes.map(MasterKey::new)
}

/// How much may be parked: the defaults where nothing is set.
pub fn limits(settings: &mut Reader) -> Limits {
    let default = Limits::default();
    Limits {
        degraded_keys: settings.or("PARKED_KEYS_DEGRADED", default.degraded_keys),
        degraded_after: Duration::from_secs(
            settings.or("PARKED_SECONDS_DEGRADED", default.degraded_after.as_secs()),
        ),
        stopped_keys: settings.or("PARKED_KEYS_STOPPED", default.stopped_keys),
    }
}

/// All projections unless `PROJECTIONS` names some.
fn projections(settings: &mut Reader) -> Vec<&'static Registration> {
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

#[cfg(test)]
mod tests {
    use service_kit::config::Reader;

    use super::Config;

    #[test]
    fn an_unknown_projection_is_a_fault_that_names_the_known_ones() {
        let variables = [("PROJECTIONS", "feed, weather"), ("TOPIC_PROFILE", "huge")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let faults = Config::read(Reader::from_variables(variables)).expect_err("it has faults").to_string();
        assert!(
            faults.contains("PROJECTIONS names weather; there are user_directory, community"),
            "{faults}"
        );
        assert!(faults.contains("TOPIC_PROFILE") && faults.contains("DATABASE_URL is not set"), "{faults}");
    }
}

//! Configuration of command-api, from the environment.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use event_schemas::{Domain, UserId, topics};
use service_kit::config::{Faults, Profile, Reader, Secret};

use crate::writer::SnapshotConfig;

/// Calls under way unless configured. At 12 000 commands a second the last of them waits for an eighth of a second.
pub const MAX_CONCURRENT_CALLS: NonZeroUsize = NonZeroUsize::new(1_536).expect("not zero");

/// Everything that the process is told at its start.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Base address under which other instances reach this one.
    pub advertised_url: String,
    /// Where this runs.
    pub profile: Profile,
    /// Kafka's bootstrap servers.
    pub kafka: String,
    /// Base address of the schema registry.
    pub registry: String,
    /// Size of the cluster, which decides partition counts.
    pub topics: topics::Profile,
    /// The domains whose commands this instance carries out.
    pub domains: Vec<Domain>,
    /// Events of a partition after which a snapshot of it is written, from 1.
    pub snapshot_every: u64,
    /// PostgreSQL, as the role `karmyq_command`.
    pub database: Secret,
    /// Keys and where they are.
    pub keys: Keys,
    /// Origins that browsers may call from.
    pub allowed_origins: Vec<String>,
    /// No rate limits at all.
    pub rate_limits_disabled: bool,
    /// Factor on all rate limits.
    pub rate_limit_multiplier: f64,
    /// Calls that may be under way; more are refused at once.
    pub max_concurrent_calls: NonZeroUsize,
    /// People of the staff.
    pub operators: BTreeSet<UserId>,
    /// Whether an unverified address may write outside its own account.
    pub require_verified_email: bool,
}

/// Secret keys.
#[derive(Clone, Debug)]
pub struct Keys {
    /// Signs access tokens: PKCS#8 PEM of Ed25519.
    pub token_signing: Secret,
    /// Directory of the public keys of tokens.
    pub token_public: PathBuf,
    /// Wraps data keys and seals addresses at rest: 32 bytes in base64.
    pub master: Secret32,
    /// Fingerprints of calls: 32 bytes in base64.
    pub fingerprint: Secret32,
}

/// 32 secret bytes, never printed.
#[derive(Clone, Copy)]
pub struct Secret32([u8; 32]);

impl Secret32 {
    /// The key with these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn expose(&self) -> [u8; 32] {
        self.0
    }
}

impl std::fmt::Debug for Secret32 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret32(…)")
    }
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
        let listen: Option<SocketAddr> = settings.required("COMMAND_API_LISTEN");
        let advertised_url: Option<String> = settings.optional("ADVERTISED_URL");
        let kafka = settings.required("KAFKA_BOOTSTRAP_SERVERS");
        let registry = settings.required("SCHEMA_REGISTRY_URL");
        let topics = topics_profile(&mut settings);
        let domains = domains(&mut settings);
        let snapshot_every = settings.or("SNAPSHOT_EVERY", SnapshotConfig::default().every);
        if snapshot_every == 0 {
            settings.fault("SNAPSHOT_EVERY", "must be above 0");
        }
        let database = settings.required("DATABASE_URL");
        let keys = Keys::read(&mut settings);
        let allowed_origins = settings.list("ALLOWED_ORIGINS");
        let rate_limits_disabled = settings.flag("RATE_LIMIT_DISABLED");
        let rate_limit_multiplier: f64 = settings.or("RATE_LIMIT_MULTIPLIER", 1.0);
        if rate_limit_multiplier.is_nan() || rate_limit_multiplier <= 0.0 {
            settings.fault("RATE_LIMIT_MULTIPLIER", "must be above 0");
        }
        let max_concurrent_calls = settings.or("MAX_CONCURRENT_CALLS", MAX_CONCURRENT_CALLS);
        let operators = operators(&mut settings);
        let require_verified_email = settings.flag("REQUIRE_VERIFIED_EMAIL");
        let profile = settings.profile();
        settings.build(|| {
            let listen = listen?;
            Some(Self {
                listen,
                advertised_url: advertised_url.unwrap_or_else(|| format!("http://{listen}")),
                profile,
                kafka: kafka?,
                registry: registry?,
                topics: topics?,
                domains,
                snapshot_every,
                database: database?,
                keys: keys?,
                allowed_origins,
                rate_limits_disabled,
                rate_limit_multiplier,
                max_concurrent_calls,
                operators,
                require_verified_email,
            })
        })
    }
}

impl Keys {
    fn read(settings: &mut Reader) -> Option<Self> {
        let token_signing = settings.required_file("JWT_SIGNING_KEY_FILE");
        let token_public = settings.required("JWT_PUBLIC_KEYS_DIR");
        let master = secret_32(settings, "DATA_KEY_MASTER_FILE");
        let fingerprint = secret_32(settings, "FINGERPRINT_KEY_FILE");
        Some(Self {
            token_signing: token_signing?,
            token_public: token_public?,
            master: master?,
            fingerprint: fingerprint?,
        })
    }
}

fn secret_32(settings: &mut Reader, name: &str) -> Option<Secret32> {
    let text = settings.required_file(name)?;
    let bytes = STANDARD.decode(text.expose()).ok().and_then(|it| it.try_into().ok());
    if bytes.is_none() {
        settings.fault(name, "names a file that does not hold 32 bytes in base64");
    }
    bytes.map(Secret32)
}

fn topics_profile(settings: &mut Reader) -> Option<topics::Profile> {
    use topics::Profile;
    settings.named("TOPIC_PROFILE", Profile::Standard, Profile::named, Profile::NAMES)
}

/// All domains unless `DOMAINS` names some.
fn domains(settings: &mut Reader) -> Vec<Domain> {
    let names = settings.list("DOMAINS");
    if names.is_empty() {
        return Domain::ALL.to_vec();
    }
    let domain = |name: &String| Domain::ALL.into_iter().find(|it| it.name() == name);
    let unknown: Vec<_> = names.iter().filter(|it| domain(it).is_none()).cloned().collect();
    if !unknown.is_empty() {
        settings.fault("DOMAINS", format_args!("names unknown domains: {}", unknown.join(", ")));
    }
    names.iter().filter_map(domain).collect()
}

fn operators(settings: &mut Reader) -> BTreeSet<UserId> {
    let mut operators = BTreeSet::new();
    for id in settings.list("OPERATORS") {
        match id.parse() {
            Ok(id) => {
                operators.insert(id);
            }
            Err(_) => settings.fault("OPERATORS", format_args!("names {id}, which is no user id")),
        }
    }
    operators
}

#[cfg(test)]
mod tests {
    use event_schemas::Domain;
    use service_kit::config::Reader;

    use super::{Config, domains, operators};

    fn reader(variables: &[(&str, &str)]) -> Reader {
        Reader::from_variables(
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        )
    }

    #[test]
    fn everything_that_is_missing_is_told_at_once() {
        let settings = reader(&[("TOPIC_PROFILE", "huge"), ("RATE_LIMIT_MULTIPLIER", "0")]);
        let faults = Config::read(settings).expect_err("it has faults").to_string();
        for name in [
            "COMMAND_API_LISTEN",
            "KAFKA_BOOTSTRAP_SERVERS",
            "SCHEMA_REGISTRY_URL",
            "TOPIC_PROFILE must be small, replicated or standard",
            "DATABASE_URL",
            "JWT_SIGNING_KEY_FILE",
            "JWT_PUBLIC_KEYS_DIR",
            "DATA_KEY_MASTER_FILE",
            "FINGERPRINT_KEY_FILE",
            "RATE_LIMIT_MULTIPLIER must be above 0",
        ] {
            assert!(faults.contains(name), "{name} is not in {faults}");
        }
    }

    #[test]
    fn a_subset_of_domains_is_named_and_absent_means_all() {
        assert_eq!(domains(&mut reader(&[])), Domain::ALL);
        assert_eq!(
            domains(&mut reader(&[("DOMAINS", "user, community")])),
            [Domain::User, Domain::Community]
        );
        let mut unknown = reader(&[("DOMAINS", "user,moon")]);
        domains(&mut unknown);
        assert!(unknown.build(|| Some(())).expect_err("it is unknown").to_string().contains("moon"));
    }

    #[test]
    fn operators_are_user_ids() {
        let mut settings = reader(&[("OPERATORS", "018f7d5a-0000-7000-8000-000000000001,bob")]);
        assert_eq!(operators(&mut settings).len(), 1);
        assert!(settings.build(|| Some(())).expect_err("bob is none").to_string().contains("bob"));
    }
}

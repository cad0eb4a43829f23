//! Where the servers are, and how the services are configured: what `./dev env` exports.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Every variable that `./dev env` must have exported.
const REQUIRED: [&str; 12] = [
    "DATABASE_URL_COMMAND_API",
    "DATABASE_URL_PROJECTORS",
    "DATABASE_URL_QUERY_API",
    "DATABASE_URL_SUPERUSER",
    "DATA_KEY_MASTER_FILE",
    "FINGERPRINT_KEY_FILE",
    "JWT_PUBLIC_KEYS_DIR",
    "JWT_SIGNING_KEY_FILE",
    "KAFKA_BOOTSTRAP_SERVERS",
    "MIGRATIONS_DATABASE_URL",
    "SCHEMA_REGISTRY_URL",
    "TOPIC_PROFILE",
];

/// The variables of an environment.
#[derive(Clone, Debug)]
pub struct Environment(BTreeMap<&'static str, String>);

impl Environment {
    /// Reads what `./dev env` exported.
    ///
    /// # Errors
    /// A sentence that names what is missing.
    pub fn read() -> Result<Self, String> {
        let (found, missing): (Vec<_>, Vec<_>) = REQUIRED
            .map(|name| (name, std::env::var(name)))
            .into_iter()
            .partition(|(_, value)| value.is_ok());
        if missing.is_empty() {
            Ok(Self(found.into_iter().map(|(name, value)| (name, value.unwrap_or_default())).collect()))
        } else {
            let names: Vec<_> = missing.iter().map(|(name, _)| *name).collect();
            Err(format!(
                "not set: {}. These tests need servers: `./dev test` starts some for them, or run \
                 `eval \"$(./dev env)\"` where some run",
                names.join(", ")
            ))
        }
    }

    /// The value of one of the variables.
    ///
    /// # Panics
    /// When it is none of those that are read.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).unwrap_or_else(|| panic!("{name} is no variable of the environment"))
    }
}

/// The folder with our own binaries, beside the folder of this test's binary.
///
/// # Panics
/// When this process has no path.
#[must_use]
pub fn binaries() -> PathBuf {
    let test = std::env::current_exe().expect("this process has a path");
    test.ancestors().nth(2).expect("target/<profile>/deps/<test>").to_owned()
}

/// A scratch folder of this test run.
///
/// # Panics
/// When it cannot be created.
#[must_use]
pub fn scratch() -> PathBuf {
    let folder = binaries().join("system-tests");
    std::fs::create_dir_all(&folder).expect("the target folder is writable");
    folder
}

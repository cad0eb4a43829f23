//! The environment of the command line: the variables of the services, plus where these listen.

use anyhow::Result;
use event_log::KafkaLog;
use event_schemas::topics::Profile;
use projectors::Limits;
use service_kit::config::{Reader, Secret};

/// The broker and the size of the cluster, which decides its topics.
#[derive(Debug)]
pub(crate) struct Cluster {
    /// `KAFKA_BOOTSTRAP_SERVERS`.
    pub(crate) bootstrap_servers: String,
    /// `TOPIC_PROFILE`.
    pub(crate) profile: Profile,
}

impl Cluster {
    /// Reads it from the environment.
    pub(crate) fn from_environment() -> Result<Self> {
        let mut settings = Reader::from_environment();
        let bootstrap_servers = settings.required("KAFKA_BOOTSTRAP_SERVERS");
        let profile = settings.named("TOPIC_PROFILE", Profile::Standard, Profile::named, Profile::NAMES);
        Ok(settings.build(|| Some(Self { bootstrap_servers: bootstrap_servers?, profile: profile? }))?)
    }

    /// The log on the broker.
    pub(crate) fn log(&self) -> Result<KafkaLog> {
        Ok(KafkaLog::connect(&self.bootstrap_servers)?)
    }
}

/// How much may be parked, as projectors read it.
pub(crate) fn limits() -> Result<Limits> {
    let mut settings = Reader::from_environment();
    let limits = projectors::config::limits(&mut settings);
    Ok(settings.build(|| Some(limits))?)
}

/// A setting that the command cannot do without.
pub(crate) fn required(name: &str) -> Result<Secret> {
    let mut settings = Reader::from_environment();
    let value = settings.required(name);
    Ok(settings.build(|| value)?)
}

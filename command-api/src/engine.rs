//! The log of a deployment: Kafka and the schema registry, refused when they are not what the contract says (W4).

use std::sync::Arc;

use anyhow::Context;
use event_log::{Decoder, Encoder, EventLog, KafkaLog, SchemaRegistry};
use event_schemas::topics;
use service_kit::config::Profile;
use service_kit::refusal::Refusal;

use crate::config::Config;

/// The log and the way between values and its records.
#[derive(Clone, Debug)]
pub struct Engine {
    /// The log.
    pub log: Arc<dyn EventLog>,
    /// Reads records.
    pub decoder: Decoder,
    /// Writes records.
    pub encoder: Encoder,
}

impl Engine {
    /// Connects to Kafka and the registry. Only on a developer's machine are missing schemas registered on the way.
    ///
    /// # Errors
    /// A [`Refusal`] with the reasons and their fixes: a topic differs from the manifest, the broker has no transactions,
    /// a schema is not registered or its subject has another level of compatibility.
    pub async fn connect(config: &Config) -> anyhow::Result<Self> {
        let manifest = topics::manifest(config.topics);
        let log = KafkaLog::connect(&config.kafka)?;
        let drift = log.drift(&manifest).await.context("the topics cannot be looked at")?;
        let registry = SchemaRegistry::connect(&config.registry)?;
        if config.profile == Profile::Local {
            registry.push().await.context("the schemas cannot be registered")?;
        }
        let faults = registry.check().await.context("the schemas cannot be looked at")?;
        Refusal::unless_none(drift.into_iter().chain(faults).collect())?;
        let codec = registry.codec().await?;
        Ok(Self {
            log: Arc::new(log),
            decoder: Decoder::new(codec.clone(), Arc::new(registry)),
            encoder: Encoder::new(codec, &manifest),
        })
    }
}

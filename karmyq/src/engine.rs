//! The log with schemas and data keys, as this command line reads and writes it.

use std::sync::Arc;

use anyhow::{Error, Result, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use event_log::{
    Decoder, Encoder, EventLog, KafkaLog, KeyRing, LogError, MasterKey, SchemaRegistry, data_key_partitions,
};
use event_schemas::topics::{self, Profile};
use projectors::{Decoding, Source};
use service_kit::config::{Reader, Secret};
use tokio_util::sync::{CancellationToken, DropGuard};

/// The log and everything that its bytes need; following ends with this value.
#[derive(Debug)]
pub(crate) struct Engine {
    /// The log.
    pub(crate) log: Arc<dyn EventLog>,
    /// Reads records.
    pub(crate) decoder: Decoder,
    /// Writes records.
    pub(crate) encoder: Encoder,
    /// The data keys of personal fields.
    pub(crate) keys: KeyRing,
    /// Decides the number of partitions.
    pub(crate) profile: Profile,
    _following: DropGuard,
}

impl Engine {
    /// Connects to what the settings name: broker, registry and the key that wraps the data keys.
    pub(crate) async fn connect(mut settings: Reader) -> Result<Self> {
        let bootstrap_servers: Option<String> = settings.required("KAFKA_BOOTSTRAP_SERVERS");
        let registry: Option<String> = settings.required("SCHEMA_REGISTRY_URL");
        let master = settings.required_file("DATA_KEY_MASTER_FILE");
        let profile = settings.named("TOPIC_PROFILE", Profile::Standard, Profile::named, Profile::NAMES);
        let (bootstrap_servers, registry, master, profile) =
            settings.build(|| Some((bootstrap_servers?, registry?, master?, profile?)))?;

        let log: Arc<dyn EventLog> = Arc::new(KafkaLog::connect(&bootstrap_servers)?);
        let registry = SchemaRegistry::connect(&registry)?;
        let codec =
            registry.codec().await.map_err(|it| advised(it, "`karmyq schemas push` registers schemas"))?;
        let manifest = topics::manifest(profile);
        let key_partitions = data_key_partitions(profile);
        let encoder = Encoder::new(codec.clone(), &manifest);
        let decoder = Decoder::new(codec, Arc::new(registry));
        let stop = CancellationToken::new();
        let (following, parts) = (stop.clone().drop_guard(), (decoder.clone(), encoder.clone()));
        let keys =
            KeyRing::follow(Arc::clone(&log), parts.0, parts.1, master_key(&master)?, key_partitions, stop);
        let keys = keys.await.map_err(|it| advised(it, "`karmyq topics create` creates topics"))?;
        Ok(Self { log, decoder, encoder, keys, profile, _following: following })
    }

    /// Where projections get their facts.
    pub(crate) fn source(&self) -> Source {
        let decoding = Decoding::new(self.decoder.clone(), self.keys.clone());
        Source { log: Arc::clone(&self.log), decoding, profile: self.profile }
    }
}

/// A refusal with what helps. A server that is away is another matter, for which that would be the wrong advice.
pub(crate) fn advised(error: LogError, advice: &'static str) -> Error {
    match error {
        LogError::Refused(_) => Error::from(error).context(advice),
        LogError::Unavailable(_) => error.into(),
    }
}

fn master_key(secret: &Secret) -> Result<MasterKey> {
    let bytes = STANDARD.decode(secret.expose()).ok().and_then(|it| it.try_into().ok());
    let bytes = bytes.ok_or_else(|| anyhow!("DATA_KEY_MASTER_FILE must hold 32 bytes in base64"))?;
    Ok(MasterKey::new(bytes))
}

#[cfg(test)]
mod tests {
    use event_log::LogError;

    use super::advised;

    #[test]
    fn nobody_is_told_to_push_schemas_because_the_registry_is_away() {
        let told = |error| format!("{:#}", advised(error, "`karmyq schemas push` registers schemas"));
        assert!(told(LogError::Refused("no such schema".to_owned())).starts_with("`karmyq schemas push`"));
        assert_eq!(told(LogError::Unavailable("x:8081".to_owned())), "the log is not available: x:8081");
    }
}

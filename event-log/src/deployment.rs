//! The log of a deployment, as a service starts with it: brokers that are what the contract says (invariant W4), a schema
//! registry, and the way between values and records. A service may start before them, or while they come back, and waits.

use std::sync::Arc;
use std::time::Duration;

use event_schemas::Codec;
use event_schemas::topics::{self, Profile, Topic};
use tokio::time::Instant;
use tracing::warn;

use crate::{Decoder, Encoder, EventLog, KafkaLog, LogError, SchemaRegistry};

/// How long a start waits for what is away. Whoever supervises the service starts it again afterwards.
const PATIENCE: Duration = Duration::from_secs(60);
/// Pause between two attempts: nothing tells when a server is back.
const PAUSE: Duration = Duration::from_secs(1);

/// How long the same must have been wrong before a start is refused for it. Servers that have just come back may not know
/// everything yet: a registry that reads its journal answers already.
const STANDS: Duration = Duration::from_secs(5);

/// Where the log of a deployment is, and what is expected of it.
#[derive(Clone, Copy, Debug)]
pub struct Servers<'a> {
    /// Brokers to begin with, as `host:port,host:port`.
    pub kafka: &'a str,
    /// Address of the schema registry.
    pub registry: &'a str,
    /// Decides how many partitions topics have.
    pub profile: Profile,
    /// Registers missing schemas on the way, as on a developer's machine.
    pub registers: bool,
}

/// The log, and what reads and writes its records.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// The log.
    pub log: Arc<dyn EventLog>,
    /// Reads records.
    pub decoder: Decoder,
    /// Writes records.
    pub encoder: Encoder,
}

impl Deployment {
    /// Connects to brokers and registry and waits up to a minute for those that do not answer. The inner error, of what has
    /// been wrong for five seconds, says in sentences, each with the fix, why a service must not start with them: a topic
    /// differs from the manifest, a schema is not registered, or its subject has another level of compatibility.
    ///
    /// # Errors
    /// When an address cannot be used, or brokers or registry are away for too long.
    pub async fn connect(servers: Servers<'_>) -> Result<Result<Self, Vec<String>>, LogError> {
        let manifest = topics::manifest(servers.profile);
        let log = KafkaLog::connect(servers.kafka)?;
        let registry = SchemaRegistry::connect(servers.registry)?;
        let found = standing(|| patiently(|| look(&log, &registry, &manifest, servers.registers))).await?;
        Ok(found.map(|codec| Self {
            log: Arc::new(log),
            decoder: Decoder::new(codec.clone(), Arc::new(registry)),
            encoder: Encoder::new(codec, &manifest),
        }))
    }
}

async fn look(
    log: &KafkaLog,
    registry: &SchemaRegistry,
    manifest: &[Topic],
    registers: bool,
) -> Result<Result<Codec, Vec<String>>, LogError> {
    let mut reasons = log.drift(manifest).await?;
    if registers {
        registry.push().await?;
    }
    reasons.extend(registry.check().await?);
    if reasons.is_empty() { registry.codec().await.map(Ok) } else { Ok(Err(reasons)) }
}

/// Looks again at what is wrong, until the same has been for a while, or something has for a minute.
async fn standing<T, F>(look: impl Fn() -> F) -> Result<Result<T, Vec<String>>, LogError>
where
    F: Future<Output = Result<Result<T, Vec<String>>, LogError>>,
{
    let (began, mut since, mut before) = (Instant::now(), Instant::now(), Vec::new());
    loop {
        let reasons = match look().await? {
            Err(reasons) if began.elapsed() < PATIENCE => reasons,
            found => return Ok(found),
        };
        if reasons != before {
            warn!(reasons = reasons.join("; "), "the log is not what it must be, looking again");
            (since, before) = (Instant::now(), reasons);
        } else if since.elapsed() >= STANDS {
            return Ok(Err(reasons));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Repeats what fails for now, for a minute.
async fn patiently<T, F>(attempt: impl Fn() -> F) -> Result<T, LogError>
where
    F: Future<Output = Result<T, LogError>>,
{
    let until = Instant::now() + PATIENCE;
    loop {
        match attempt().await {
            Err(LogError::Unavailable(reason)) if Instant::now() < until => {
                warn!(reason, "the log is not there yet, trying again");
                tokio::time::sleep(PAUSE).await;
            }
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::time::Instant;

    use super::{PATIENCE, PAUSE, STANDS, patiently, standing};
    use crate::LogError;

    #[tokio::test(start_paused = true)]
    async fn a_start_waits_for_servers_that_come_up_later() {
        let attempts = Cell::new(0);
        let third = || {
            attempts.set(attempts.get() + 1);
            std::future::ready(match attempts.get() {
                3 => Ok("there"),
                _ => Err(LogError::Unavailable("nobody listens".to_owned())),
            })
        };
        assert_eq!(patiently(third).await, Ok("there"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_start_does_not_wait_for_ever() {
        let (began, away) = (Instant::now(), LogError::Unavailable("nobody listens".to_owned()));
        assert_eq!(patiently(|| std::future::ready(Err::<(), _>(away.clone()))).await, Err(away));
        assert!(began.elapsed() >= PATIENCE && began.elapsed() < PATIENCE + 2 * PAUSE);
    }

    #[tokio::test(start_paused = true)]
    async fn what_no_retry_can_help_is_told_at_once() {
        let (began, refused) = (Instant::now(), LogError::Refused("no such setting".to_owned()));
        assert_eq!(patiently(|| std::future::ready(Err::<(), _>(refused.clone()))).await, Err(refused));
        assert_eq!(began.elapsed(), std::time::Duration::ZERO);
    }

    /// What is wrong at each look; nothing once there are no more.
    async fn looks(wrong: &[&[&str]]) -> Result<&'static str, Vec<String>> {
        let looked = Cell::new(0);
        let look = || {
            let reasons = wrong.get(looked.replace(looked.get() + 1)).map(|it| it.iter());
            let reasons = reasons.map(|it| it.map(ToString::to_string).collect());
            std::future::ready(Ok(reasons.map_or(Ok("there"), Err)))
        };
        standing(look).await.expect("it can be looked at")
    }

    #[tokio::test(start_paused = true)]
    async fn a_registry_that_still_reads_its_journal_refuses_nobody() {
        let journal: &[&[&str]] = &[&["a", "b", "c"], &["a", "b", "c"], &["b", "c"], &["c"], &["c"], &["c"]];
        assert_eq!(looks(journal).await, Ok("there"));
    }

    #[tokio::test(start_paused = true)]
    async fn what_stays_wrong_is_told_soon() {
        let began = Instant::now();
        assert_eq!(looks(&[&["a"][..]; 100]).await, Err(vec!["a".to_owned()]));
        assert!(began.elapsed() >= STANDS && began.elapsed() < STANDS + 2 * PAUSE);
        let (began, other) = (Instant::now(), [&["a"][..], &["b"]].repeat(100));
        looks(&other).await.expect_err("it was wrong for a minute, if not always in the same way");
        assert!(began.elapsed() >= PATIENCE && began.elapsed() < PATIENCE + 2 * PAUSE);
    }
}

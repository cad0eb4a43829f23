//! The schemas of records, for what the console reads of the log. Reads of the API need none of it, so the registry may be
//! away or not configured at all.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use event_log::{Decoder, LogError, SchemaRegistry};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use tracing::warn;

/// Longest wait for the registry. A page shows less without it, and must not hang for it.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long a registry that did not answer is not asked again.
const AWAY: Duration = Duration::from_secs(10);

/// The registry, asked when it is first needed. Clones share what it told.
#[derive(Clone)]
pub(crate) struct Schemas {
    url: Option<Arc<str>>,
    told: Arc<Mutex<Told>>,
}

/// What came of asking.
#[derive(Default)]
enum Told {
    #[default]
    NotAsked,
    Nothing {
        at: Instant,
    },
    Schemas(Decoder),
}

impl Schemas {
    /// The registry at this base address, if there is one.
    pub(crate) fn at(url: Option<&str>) -> Self {
        Self { url: url.map(Into::into), told: Arc::default() }
    }

    /// Reads records; none while the registry does not answer, or none is configured.
    pub(crate) async fn decoder(&self) -> Option<Decoder> {
        let url = self.url.as_deref()?;
        // Held while somebody asks: the others wait for the same answer.
        let mut told = self.told.lock().await;
        match &*told {
            Told::Schemas(decoder) => return Some(decoder.clone()),
            Told::Nothing { at } if at.elapsed() < AWAY => return None,
            Told::Nothing { .. } | Told::NotAsked => {}
        }
        let late = |_| LogError::Unavailable("no answer in 3 seconds".to_owned());
        match timeout(PATIENCE, connect(url)).await.map_err(late).flatten() {
            Ok(decoder) => {
                *told = Told::Schemas(decoder.clone());
                Some(decoder)
            }
            Err(error) => {
                warn!(%error, "the schema registry does not answer");
                *told = Told::Nothing { at: Instant::now() };
                None
            }
        }
    }
}

async fn connect(url: &str) -> Result<Decoder, LogError> {
    let registry = SchemaRegistry::connect(url)?;
    Ok(Decoder::new(registry.codec().await?, Arc::new(registry)))
}

impl fmt::Debug for Schemas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schemas").field("url", &self.url).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::Schemas;

    #[tokio::test]
    async fn a_registry_that_takes_calls_and_answers_none_is_given_up_and_not_asked_again_at_once() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it listens"));
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((call, _)) = listener.accept().await {
                open.push(call);
                counted.fetch_add(1, Ordering::SeqCst);
            }
        });
        let schemas = Schemas::at(Some(&url));
        assert!(schemas.decoder().await.is_none());
        let asked = calls.load(Ordering::SeqCst);
        assert!(asked > 0, "it was asked");
        assert!(schemas.decoder().await.is_none());
        assert_eq!(calls.load(Ordering::SeqCst), asked);
    }
}

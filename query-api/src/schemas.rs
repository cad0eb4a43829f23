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

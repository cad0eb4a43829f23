//! The schemas of records, for what the console reads of the log. Reads of the API need none of it, so the registry may be
//! away or not configured at all.

use std::fmt;
use std::sync::Arc;

use event_log::{Decoder, LogError, SchemaRegistry};
use tokio::sync::OnceCell;
use tracing::warn;

/// The registry, asked when it is first needed. Clones share what it told.
#[derive(Clone)]
pub(crate) struct Schemas {
    url: Option<Arc<str>>,
    decoder: Arc<OnceCell<Decoder>>,
}

impl Schemas {
    /// The registry at this base address, if there is one.
    pub(crate) fn at(url: Option<&str>) -> Self {
        Self { url: url.map(Into::into), decoder: Arc::default() }
    }

    /// Reads records; none while the registry does not answer, or none is configured.
    pub(crate) async fn decoder(&self) -> Option<Decoder> {
        let url = self.url.as_deref()?;
        match self.decoder.get_or_try_init(|| connect(url)).await {
            Ok(decoder) => Some(decoder.clone()),
            Err(error) => {
                warn!(%error, "the schema registry does not answer");
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

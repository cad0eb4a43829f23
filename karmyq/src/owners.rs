//! The owners of partitions, as the command line finds them and hands them over.

pub(crate) mod handover;

use std::sync::Arc;

use anyhow::{Context, Result};
use event_log::{Decoder, EventLog, SchemaRegistry};
use owners::Owners;

use crate::settings::{self, Cluster};

/// Reads everything that was announced so far, and follows what comes.
pub(crate) async fn follow() -> Result<Owners> {
    let cluster = Cluster::from_environment()?;
    let registry = SchemaRegistry::connect(settings::required("SCHEMA_REGISTRY_URL")?.expose())?;
    let codec = registry.codec().await.context("`karmyq schemas push` registers schemas")?;
    let decoder = Decoder::new(codec, Arc::new(registry));
    let log: Arc<dyn EventLog> = Arc::new(cluster.log()?);
    Owners::follow(log, decoder, cluster.profile).await.context("`karmyq topics create` creates topics")
}

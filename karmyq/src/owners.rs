//! The owners of partitions, as the command line finds them and hands them over.

pub(crate) mod handover;

use std::sync::Arc;

use anyhow::Result;
use event_log::{Decoder, EventLog, SchemaRegistry};
use owners::Owners;

use crate::engine::advised;
use crate::settings::{self, Cluster};

/// Reads everything that was announced so far, and follows what comes.
pub(crate) async fn follow() -> Result<Owners> {
    let cluster = Cluster::from_environment()?;
    let registry = SchemaRegistry::connect(settings::required("SCHEMA_REGISTRY_URL")?.expose())?;
    let codec =
        registry.codec().await.map_err(|it| advised(it, "`karmyq schemas push` registers schemas"))?;
    let decoder = Decoder::new(codec, Arc::new(registry));
    let log: Arc<dyn EventLog> = Arc::new(cluster.log()?);
    let following = Owners::follow(log, decoder, cluster.profile).await;
    following.map_err(|it| advised(it, "`karmyq topics create` creates topics"))
}

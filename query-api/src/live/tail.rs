//! Following `notification-events`.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use event_log::{EventLog, LogError, Record, TopicPartition};
use event_schemas::Domain;
use service_kit::health::Gate;
use sqlx::PgPool;
use tracing::{info, warn};
use uuid::Uuid;

use super::connected::{Live, TOPIC};
use crate::position;
use crate::projections::Projection;

/// Most records read at once.
const BATCH: usize = 500;
/// How long one read waits for news.
const WAIT: Duration = Duration::from_millis(500);
/// Pause after a log that failed, so that a missing broker is not hammered.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// The event that puts something into an inbox.
const RAISED: &str = "NotificationRaised";

/// The topic cannot be followed now.
#[derive(Debug, thiserror::Error)]
enum Unavailable {
    /// The log does not answer.
    #[error(transparent)]
    Log(#[from] LogError),
    /// PostgreSQL does not say where the projection stands.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Follows the topic, at first from where the projection stands: whatever is before that, every reading finds from then on.
/// (From the present end on, what lies between the two would reach nobody who connects meanwhile.)
pub(super) async fn keep_following(live: Live, log: Arc<dyn EventLog>, pool: PgPool, gate: Gate) {
    let mut next = HashMap::new();
    loop {
        let Err(error) = follow(&live, &*log, &pool, &gate, &mut next).await;
        warn!(%error, "notification-events cannot be followed, trying again");
        gate.close("notification-events cannot be followed");
        // Nothing tells when a broker is back.
        tokio::time::sleep(RETRY_AFTER).await;
    }
}

/// Follows from the offsets in `next`, which it moves. Ends only with an error.
async fn follow(
    live: &Live,
    log: &dyn EventLog,
    pool: &PgPool,
    gate: &Gate,
    next: &mut HashMap<TopicPartition, i64>,
) -> Result<Infallible, Unavailable> {
    if next.is_empty() {
        *next = folded(live, log, pool).await?;
        live.begins(next);
    }
    let mut reader = log.reader(next.clone().into_iter().collect()).await?;
    gate.open();
    info!(partitions = next.len(), "following notification-events");
    loop {
        let records = reader.next(BATCH, WAIT).await?;
        live.pass(records.iter().map(|it| (it.position.of.partition, it.position.offset, raised_for(it))));
        for (of, next) in &mut *next {
            *next = reader.position(of).unwrap_or(*next);
        }
    }
}

/// Where the projection stands in each partition, and never behind its end: rows may be older than a log that began anew.
async fn folded(
    live: &Live,
    log: &dyn EventLog,
    pool: &PgPool,
) -> Result<HashMap<TopicPartition, i64>, Unavailable> {
    let checkpoints = position::checkpoints(pool).await?;
    let mut stands = HashMap::new();
    for partition in 0..live.partitions() {
        let of = TopicPartition::new(TOPIC, partition);
        let key = (Projection::Notifications, Domain::Notification, partition);
        let folded = checkpoints.get(&key).copied().unwrap_or(0);
        let next = folded.min(log.high_watermark(&of).await?);
        stands.insert(of, next);
    }
    Ok(stands)
}

/// Whose inbox the record puts something into.
fn raised_for(record: &Record) -> Option<Uuid> {
    let raised = record.header("ce_type") == Some(RAISED);
    raised.then(|| std::str::from_utf8(&record.key).ok().and_then(|it| Uuid::parse_str(it).ok())).flatten()
}

//! Parking: records that cannot be folded, and the later records of their keys, byte for byte and in order.

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use event_log::Record;
use sqlx::postgres::PgConnection;

use crate::checkpoint::Claim;
use crate::folding::Cause;

/// Most characters of a reason that are kept.
const REASON_LIMIT: usize = 1024;

/// The keys of a partition that are held back.
pub(crate) type ParkedKeys = HashSet<Vec<u8>>;

/// How much may be parked before it means more than a few bad records.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// With so many keys of a partition parked the service calls itself degraded.
    pub degraded_keys: usize,
    /// With a key parked for so long the service calls itself degraded.
    pub degraded_after: Duration,
    /// With more keys of a projection parked than this, the code is at fault and not the data: the projection stops.
    pub stopped_keys: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { degraded_keys: 10, degraded_after: Duration::from_secs(3_600), stopped_keys: 1_000 }
    }
}

/// The keys of the claimed partition that are held back.
pub(crate) async fn parked_keys(connection: &mut PgConnection, claim: &Claim) -> sqlx::Result<ParkedKeys> {
    let keys: Vec<Vec<u8>> = sqlx::query_scalar(
        "SELECT DISTINCT record_key FROM projection.parked
         WHERE projection = $1 AND version = $2 AND topic = $3 AND partition = $4",
    )
    .bind(claim.projection)
    .bind(claim.version)
    .bind(&*claim.of.topic)
    .bind(claim.of.partition)
    .fetch_all(connection)
    .await?;
    Ok(keys.into_iter().collect())
}

/// Since when the longest parked record of the claimed partition is parked.
pub(crate) async fn oldest(
    connection: &mut PgConnection,
    claim: &Claim,
) -> sqlx::Result<Option<DateTime<Utc>>> {
    sqlx::query_scalar(
        "SELECT min(parked_at) FROM projection.parked
         WHERE projection = $1 AND version = $2 AND topic = $3 AND partition = $4",
    )
    .bind(claim.projection)
    .bind(claim.version)
    .bind(&*claim.of.topic)
    .bind(claim.of.partition)
    .fetch_one(connection)
    .await
}

/// How many keys of the projection are held back, in all partitions, as far as other workers have committed.
pub(crate) async fn count_keys(connection: &mut PgConnection, claim: &Claim) -> sqlx::Result<usize> {
    let keys: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM (SELECT DISTINCT topic, partition, record_key FROM projection.parked
         WHERE projection = $1 AND version = $2) AS keys",
    )
    .bind(claim.projection)
    .bind(claim.version)
    .fetch_one(connection)
    .await?;
    Ok(usize::try_from(keys).unwrap_or(usize::MAX))
}

/// Parks a record in the transaction that moves the checkpoint past it. What another version has parked already keeps
/// the time of its first occurrence.
pub(crate) async fn park(
    connection: &mut PgConnection,
    claim: &Claim,
    record: &Record,
    cause: &Cause,
) -> sqlx::Result<()> {
    let (names, values): (Vec<&str>, Vec<&[u8]>) =
        record.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).unzip();
    sqlx::query(
        "INSERT INTO projection.parked (projection, version, topic, partition, record_offset, record_key,
             record_value, header_names, header_values, recorded_at, kind, reason, parked_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, to_timestamp($10::double precision / 1000), $11, $12,
             COALESCE((SELECT min(parked_at) FROM projection.parked
                       WHERE projection = $1 AND topic = $3 AND partition = $4 AND record_offset = $5), now()))
         ON CONFLICT (projection, version, topic, partition, record_offset) DO NOTHING",
    )
    .bind(claim.projection)
    .bind(claim.version)
    .bind(&*claim.of.topic)
    .bind(claim.of.partition)
    .bind(record.position.offset)
    .bind(&record.key)
    .bind(record.value.as_deref())
    .bind(names)
    .bind(values)
    .bind(record.timestamp_ms)
    .bind(cause.kind)
    .bind(shortened(&cause.reason))
    .execute(connection)
    .await?;
    Ok(())
}

/// As much of a reason as is kept; PostgreSQL keeps no NUL, which a reason may quote from what it is about.
pub(crate) fn shortened(reason: &str) -> String {
    reason.chars().filter(|it| *it != '\0').take(REASON_LIMIT).collect()
}

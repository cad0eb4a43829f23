//! Parking: records that cannot be folded, and the later records of their keys, byte for byte and in order.

use std::collections::HashSet;

use event_log::Record;
use sqlx::postgres::PgConnection;

use crate::checkpoint::Claim;

/// Most characters of a reason that are kept.
const REASON_LIMIT: usize = 1024;

/// Why a record follows another one into parking.
pub(crate) const BEHIND_PARKED: &str = "an earlier record of this key is parked";

/// The keys of a partition that are held back.
pub(crate) type ParkedKeys = HashSet<Vec<u8>>;

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

/// Parks a record in the transaction that moves the checkpoint past it.
pub(crate) async fn park(
    connection: &mut PgConnection,
    claim: &Claim,
    record: &Record,
    reason: &str,
) -> sqlx::Result<()> {
    let (names, values): (Vec<&str>, Vec<&[u8]>) =
        record.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).unzip();
    let reason: String = reason.chars().take(REASON_LIMIT).collect();
    sqlx::query(
        "INSERT INTO projection.parked (projection, version, topic, partition, record_offset, record_key,
             record_value, header_names, header_values, recorded_at, reason)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, to_timestamp($10::double precision / 1000), $11)
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
    .bind(reason)
    .execute(connection)
    .await?;
    Ok(())
}

//! Parking: records that cannot be folded, and the later records of their keys, byte for byte and in order.

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use event_log::Record;
use sqlx::QueryBuilder;
use sqlx::postgres::PgConnection;

use crate::checkpoint::Claim;
use crate::folding::Cause;

/// Most characters of a reason that are kept.
const REASON_LIMIT: usize = 1024;

/// Most records of one statement.
const AT_ONCE: usize = 500;

/// The keys of a partition that are held back.
pub(crate) type ParkedKeys = HashSet<Vec<u8>>;

/// How much may be parked before it means more than a few bad records.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// With so many keys of one projection parked, in the partitions that it folds, a process calls itself degraded.
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

/// The keys of the claimed partition that are held back. A step per key, however many records of it wait.
pub(crate) async fn parked_keys(connection: &mut PgConnection, claim: &Claim) -> sqlx::Result<ParkedKeys> {
    let keys: Vec<Vec<u8>> = sqlx::query_scalar(
        "WITH RECURSIVE keys AS (
             (SELECT record_key FROM projection.parked
              WHERE projection = $1 AND version = $2 AND topic = $3 AND partition = $4
              ORDER BY record_key LIMIT 1)
             UNION ALL
             SELECT next.record_key FROM keys CROSS JOIN LATERAL (
                 SELECT record_key FROM projection.parked
                 WHERE projection = $1 AND version = $2 AND topic = $3 AND partition = $4
                   AND record_key > keys.record_key
                 ORDER BY record_key LIMIT 1) AS next)
         SELECT record_key FROM keys",
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

/// How many keys of a version are held back, in all partitions, as far as others have committed. A step per key.
pub(crate) async fn count_keys(
    connection: &mut PgConnection,
    projection: &str,
    version: i32,
) -> sqlx::Result<usize> {
    let keys: i64 = sqlx::query_scalar(
        "WITH RECURSIVE keys AS (
             (SELECT topic, partition, record_key FROM projection.parked WHERE projection = $1 AND version = $2
              ORDER BY topic, partition, record_key LIMIT 1)
             UNION ALL
             SELECT next.* FROM keys CROSS JOIN LATERAL (
                 SELECT topic, partition, record_key FROM projection.parked
                 WHERE projection = $1 AND version = $2
                   AND (topic, partition, record_key) > (keys.topic, keys.partition, keys.record_key)
                 ORDER BY topic, partition, record_key LIMIT 1) AS next)
         SELECT count(*) FROM keys",
    )
    .bind(projection)
    .bind(version)
    .fetch_one(connection)
    .await?;
    Ok(usize::try_from(keys).unwrap_or(usize::MAX))
}

/// How many records of a version are parked.
pub(crate) async fn count(
    connection: &mut PgConnection,
    projection: &str,
    version: i32,
) -> sqlx::Result<usize> {
    let records: i64 =
        sqlx::query_scalar("SELECT count(*) FROM projection.parked WHERE projection = $1 AND version = $2")
            .bind(projection)
            .bind(version)
            .fetch_one(connection)
            .await?;
    Ok(usize::try_from(records).unwrap_or(usize::MAX))
}

/// Parks records in the transaction that moves the checkpoint past them. What another version has parked already keeps
/// the time of its first occurrence.
pub(crate) async fn park<'a>(
    connection: &mut PgConnection,
    (projection, version): (&str, i32),
    records: impl IntoIterator<Item = (&'a Record, &'a Cause)>,
) -> sqlx::Result<()> {
    let records: Vec<_> = records.into_iter().collect();
    for some in records.chunks(AT_ONCE) {
        let mut insert = QueryBuilder::new(
            "INSERT INTO projection.parked (projection, version, topic, partition, record_offset, record_key,
                 record_value, header_names, header_values, recorded_at, kind, reason, parked_at) ",
        );
        insert.push_values(some, |mut row, (record, cause)| {
            let (names, values): (Vec<&str>, Vec<&[u8]>) =
                record.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).unzip();
            let (topic, partition) = (&*record.position.of.topic, record.position.of.partition);
            row.push_bind(projection).push_bind(version).push_bind(topic).push_bind(partition);
            row.push_bind(record.position.offset).push_bind(&record.key).push_bind(record.value.as_deref());
            row.push_bind(names).push_bind(values);
            row.push("to_timestamp(").push_bind_unseparated(record.timestamp_ms);
            row.push_unseparated("::double precision / 1000)");
            row.push_bind(cause.kind).push_bind(shortened(&cause.reason));
            row.push("COALESCE((SELECT min(parked_at) FROM projection.parked WHERE projection = ");
            row.push_bind_unseparated(projection)
                .push_unseparated(" AND topic = ")
                .push_bind_unseparated(topic);
            row.push_unseparated(" AND partition = ").push_bind_unseparated(partition);
            row.push_unseparated(" AND record_offset = ").push_bind_unseparated(record.position.offset);
            row.push_unseparated("), now())");
        });
        insert.push(" ON CONFLICT (projection, version, topic, partition, record_offset) DO NOTHING");
        insert.build().persistent(false).execute(&mut *connection).await?;
    }
    Ok(())
}

/// As much of a reason as is kept; PostgreSQL keeps no NUL, which a reason may quote from what it is about.
pub(crate) fn shortened(reason: &str) -> String {
    reason.chars().filter(|it| *it != '\0').take(REASON_LIMIT).collect()
}

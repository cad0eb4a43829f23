//! The rows of parked records, and what is locked while they are dealt with.

use chrono::{DateTime, Utc};
use event_log::{Position, Record, TopicPartition};
use sqlx::FromRow;
use sqlx::postgres::PgConnection;

use super::{ParkedKey, ParkedRecord, StoppedAt};
use crate::folding::Kind;

pub(super) async fn live_version(connection: &mut PgConnection, key: &ParkedKey) -> sqlx::Result<i32> {
    sqlx::query_scalar("SELECT version FROM projection.active WHERE projection = $1 FOR SHARE")
        .bind(&key.projection)
        .fetch_one(connection)
        .await
}

/// Keeps swaps and the partition's worker out until the end of the transaction; the live version.
pub(super) async fn lock(connection: &mut PgConnection, key: &ParkedKey) -> sqlx::Result<i32> {
    let version = live_version(&mut *connection, key).await?;
    sqlx::query(
        "SELECT FROM projection.checkpoints
         WHERE projection = $1 AND version = $2 AND topic = $3 AND partition = $4 FOR UPDATE",
    )
    .bind(&key.projection)
    .bind(version)
    .bind(&key.topic)
    .bind(key.partition)
    .execute(connection)
    .await?;
    Ok(version)
}

#[derive(FromRow)]
struct Row {
    record_offset: i64,
    record_key: Vec<u8>,
    record_value: Option<Vec<u8>>,
    header_names: Vec<String>,
    header_values: Vec<Vec<u8>>,
    recorded_at: DateTime<Utc>,
    kind: Kind,
    reason: String,
    parked_at: DateTime<Utc>,
}

pub(super) async fn parked(
    connection: &mut PgConnection,
    key: &ParkedKey,
    version: i32,
    most: i64,
) -> sqlx::Result<Vec<ParkedRecord>> {
    let of = TopicPartition::new(key.topic.as_str(), key.partition);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT record_offset, record_key, record_value, header_names, header_values, recorded_at, kind, reason, parked_at
         FROM projection.parked
         WHERE projection = $1 AND version = $2 AND topic = $3 AND partition = $4 AND record_key = $5
         ORDER BY record_offset LIMIT $6",
    )
    .bind(&key.projection)
    .bind(version)
    .bind(&key.topic)
    .bind(key.partition)
    .bind(&key.key)
    .bind(most)
    .fetch_all(connection)
    .await?;
    let record = |it: Row| ParkedRecord {
        record: Record {
            position: Position { of: of.clone(), offset: it.record_offset },
            key: it.record_key,
            value: it.record_value,
            headers: it.header_names.into_iter().zip(it.header_values).collect(),
            timestamp_ms: it.recorded_at.timestamp_millis(),
        },
        kind: it.kind,
        reason: it.reason,
        parked_at: it.parked_at,
    };
    Ok(rows.into_iter().map(record).collect())
}

pub(super) async fn remove(
    connection: &mut PgConnection,
    key: &ParkedKey,
    version: i32,
    offsets: &[i64],
) -> sqlx::Result<()> {
    sqlx::query(
        "DELETE FROM projection.parked WHERE projection = $1 AND version = $2 AND topic = $3 AND partition = $4
         AND record_offset = ANY ($5)",
    )
    .bind(&key.projection)
    .bind(version)
    .bind(&key.topic)
    .bind(key.partition)
    .bind(offsets)
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes down why the record fails now; since when it is parked stays.
pub(super) async fn note_cause(
    connection: &mut PgConnection,
    key: &ParkedKey,
    version: i32,
    stopped_at: &StoppedAt,
) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE projection.parked SET kind = $6, reason = $7
         WHERE projection = $1 AND version = $2 AND topic = $3 AND partition = $4 AND record_offset = $5",
    )
    .bind(&key.projection)
    .bind(version)
    .bind(&key.topic)
    .bind(key.partition)
    .bind(stopped_at.offset)
    .bind(stopped_at.kind)
    .bind(&stopped_at.reason)
    .execute(connection)
    .await?;
    Ok(())
}

//! What operators have dealt with in the live version, dealt with in another one before it takes its place: a version that
//! comes back has parked what was redriven or discarded since, and so has one that was being built meanwhile.

use sqlx::postgres::PgConnection;

use super::{ParkedKey, fold_chunk};
use crate::parking;
use crate::projection::Registration;
use crate::rebuild::Error;
use crate::replay::{self, Source};

/// In a version that is not live, takes out what is discarded by now, and folds what is parked of the keys with which the
/// live version has got further. What this version still cannot fold stays parked in it: how many records.
///
/// # Errors
/// When log or database fail; the transaction is of no use then.
pub(crate) async fn settle(
    connection: &mut PgConnection,
    source: &Source,
    registration: &Registration,
    version: i32,
) -> Result<usize, Error> {
    sqlx::query(
        "DELETE FROM projection.parked AS p USING projection.discarded AS d
         WHERE p.projection = $1 AND p.version = $2 AND d.projection = p.projection AND d.topic = p.topic
           AND d.partition = p.partition AND d.record_offset = p.record_offset",
    )
    .bind(registration.name)
    .bind(version)
    .execute(&mut *connection)
    .await?;
    let behind = behind(&mut *connection, registration, version).await?;
    if !behind.is_empty() {
        source.decoding.know_all_keys().await.map_err(replay::Error::from)?;
    }
    for key in behind {
        loop {
            let (tried, chunk) =
                fold_chunk(&mut *connection, source, registration, &key, (version, true)).await?;
            if tried == 0 || chunk.stopped_at.is_some() {
                break;
            }
        }
    }
    Ok(parking::count(connection, registration.name, version).await?)
}

/// The keys parked in this version whose first parked record the live version has folded or passed over.
async fn behind(
    connection: &mut PgConnection,
    registration: &Registration,
    version: i32,
) -> sqlx::Result<Vec<ParkedKey>> {
    sqlx::query_as(
        "SELECT p.* FROM (
             SELECT DISTINCT ON (topic, partition, record_key) projection, topic, partition, record_key,
                 count(*) OVER (PARTITION BY topic, partition, record_key) AS records,
                 record_offset AS first_offset, kind, reason, parked_at AS since
             FROM projection.parked WHERE projection = $1 AND version = $2
             ORDER BY topic, partition, record_key, record_offset) AS p
         JOIN projection.active AS a USING (projection)
         JOIN projection.checkpoints AS c ON c.projection = p.projection AND c.version = a.version
             AND c.topic = p.topic AND c.partition = p.partition
         WHERE a.version <> $2 AND p.first_offset < LEAST(c.next_offset, (
             SELECT min(l.record_offset) FROM projection.parked AS l
             WHERE l.projection = p.projection AND l.version = a.version AND l.topic = p.topic
               AND l.partition = p.partition AND l.record_key = p.record_key))",
    )
    .bind(registration.name)
    .bind(version)
    .fetch_all(connection)
    .await
}

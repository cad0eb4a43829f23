//! What is parked and what was discarded, as operators see it.

use chrono::{DateTime, Utc};
use event_log::Record;
use serde::Serialize;
use sqlx::{FromRow, PgPool};

use super::{Error, Kind, rows, text_of};
use crate::registry;

/// A key of a projection that is held back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromRow)]
#[serde(rename_all = "camelCase")]
pub struct ParkedKey {
    /// The projection.
    pub projection: String,
    /// The topic.
    pub topic: String,
    /// The number of the partition.
    pub partition: i32,
    /// The key, as [`text_of`] shows it.
    #[serde(serialize_with = "as_text")]
    #[sqlx(rename = "record_key")]
    pub key: Vec<u8>,
    /// How many records of it are parked.
    pub records: i64,
    /// The offset of the first of them.
    pub first_offset: i64,
    /// Where that failed.
    pub kind: Kind,
    /// Why.
    pub reason: String,
    /// Since when the first is parked.
    pub since: DateTime<Utc>,
}

/// A parked record.
#[derive(Clone, Debug)]
pub struct ParkedRecord {
    /// As it stood on the log, byte for byte.
    pub record: Record,
    /// Where it failed.
    pub kind: Kind,
    /// Why.
    pub reason: String,
    /// Since when.
    pub parked_at: DateTime<Utc>,
}

/// A record that was taken out for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromRow)]
#[serde(rename_all = "camelCase")]
pub struct Discarded {
    /// The projection.
    pub projection: String,
    /// The topic.
    pub topic: String,
    /// The number of the partition.
    pub partition: i32,
    /// The offset of the record.
    #[sqlx(rename = "record_offset")]
    pub offset: i64,
    /// Its key, as [`text_of`] shows it.
    #[serde(serialize_with = "as_text")]
    #[sqlx(rename = "record_key")]
    pub key: Vec<u8>,
    /// Why it was parked.
    pub parked_reason: String,
    /// Who has discarded it.
    #[sqlx(rename = "discarded_by")]
    pub by: String,
    /// When.
    #[sqlx(rename = "discarded_at")]
    pub at: DateTime<Utc>,
    /// Why.
    pub reason: String,
}

/// The keys that are held back, of one projection or of all, the longest parked first.
///
/// # Errors
/// When there is no such projection, or the database fails.
pub async fn list(pool: &PgPool, projection: Option<&str>) -> Result<Vec<ParkedKey>, Error> {
    known(pool, projection).await?;
    let keys = sqlx::query_as(
        "SELECT projection, topic, partition, record_key, records, first_offset, kind, reason, since
         FROM projection.parked_keys WHERE $1 IS NULL OR projection = $1
         ORDER BY since, projection, topic, partition, record_key",
    );
    Ok(keys.bind(projection).fetch_all(pool).await?)
}

/// What was taken out for good, of one projection or of all, the last first, at most so many.
///
/// # Errors
/// When there is no such projection, or the database fails.
pub async fn discarded(pool: &PgPool, projection: Option<&str>, most: i64) -> Result<Vec<Discarded>, Error> {
    known(pool, projection).await?;
    let all = sqlx::query_as(
        "SELECT projection, topic, partition, record_offset, record_key, parked_reason, discarded_by, discarded_at, reason
         FROM projection.discarded WHERE $1 IS NULL OR projection = $1
         ORDER BY discarded_at DESC, record_offset DESC LIMIT $2",
    );
    Ok(all.bind(projection).bind(most).fetch_all(pool).await?)
}

/// Whether there is such a projection: in the code, or in the database alone.
async fn known(pool: &PgPool, projection: Option<&str>) -> Result<(), Error> {
    let Some(name) = projection.filter(|it| registry::named(it).is_none()) else { return Ok(()) };
    let stands: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM projection.active WHERE projection = $1)")
            .bind(name)
            .fetch_one(pool)
            .await?;
    if stands { Ok(()) } else { Err(Error::Unknown(name.to_owned())) }
}

/// The key of a projection that is shown like this; `topic` decides where several topics have it.
///
/// # Errors
/// When nothing is parked under it, or it is in several topics, or the database fails.
pub async fn find(
    pool: &PgPool,
    projection: &str,
    topic: Option<&str>,
    key: &str,
) -> Result<ParkedKey, Error> {
    let mut found = list(pool, Some(projection)).await?;
    found.retain(|it| text_of(&it.key) == key && topic.is_none_or(|topic| it.topic == topic));
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(Error::NotParked { projection: projection.to_owned(), key: key.to_owned() }),
        _ => {
            let topics = found.into_iter().map(|it| it.topic).collect();
            Err(Error::Ambiguous { key: key.to_owned(), topics })
        }
    }
}

/// The parked records of a key in order, at most so many.
///
/// # Errors
/// When the database fails.
pub async fn records(pool: &PgPool, key: &ParkedKey, most: i64) -> Result<Vec<ParkedRecord>, Error> {
    let mut transaction = pool.begin().await?;
    let version = rows::live_version(&mut transaction, key).await?;
    Ok(rows::parked(&mut transaction, key, version, most).await?)
}

fn as_text<S: serde::Serializer>(key: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text_of(key))
}

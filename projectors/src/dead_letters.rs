//! Dead letters: what is parked, and the two ways out. Redriving folds a key's records in order with the code of today;
//! discarding takes one out for good, with a reason, and redrives what came after it.
//!
//! Both lock as a worker's batch does, live version first, then the checkpoint of the partition. So whatever a worker
//! reads meanwhile is parked before them, and redriven, too, or folded after them. A key is redriven in transactions of
//! some hundred records each, which remove from parking what they fold: whoever is interrupted begins again where that
//! was, and nothing is folded twice.

mod listed;
mod rows;
mod settling;
mod shown;

use event_log::LogError;
use serde::Serialize;
use sqlx::PgPool;
use sqlx::postgres::PgConnection;

use crate::decoding::Keys;
use crate::folding::{Cause, Run};
use crate::parking::{ParkedKeys, shortened};
use crate::projection::Registration;
use crate::replay::{self, Source};
use crate::{rebuild, registry};

pub use self::listed::{Discarded, ParkedKey, ParkedRecord, discarded, find, list, records};
pub(crate) use self::settling::settle;
pub use self::shown::shown;
pub use crate::folding::Kind;
pub use event_log::key_text as text_of;

/// Most records of a key that are redriven in one transaction; the partition's worker waits for that long.
const CHUNK: i64 = 500;

/// What a redrive did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Redriven {
    /// Records folded.
    pub folded: usize,
    /// The record that still cannot be folded; it and the later ones stay parked.
    pub stopped_at: Option<StoppedAt>,
}

/// A record that still cannot be folded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StoppedAt {
    /// Its offset.
    pub offset: i64,
    /// Where it failed.
    pub kind: Kind,
    /// Why.
    pub reason: String,
}

/// What is to be discarded, and what is written down about it.
#[derive(Clone, Copy, Debug)]
pub struct Discard<'a> {
    /// Everything that is parked of the key, and not only its first record.
    pub whole_key: bool,
    /// The offset of the record that is meant; none for whichever is the first.
    pub first_offset: Option<i64>,
    /// Who says so.
    pub by: &'a str,
    /// Why.
    pub reason: &'a str,
}

/// Dead letters could not be dealt with.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such projection.
    #[error("there is no projection {0:?}; there are {names}", names = registry::names())]
    Unknown(String),
    /// There is, but nobody can fold for it.
    #[error(
        "this version has no code for {0}, so nothing of it can be folded: `karmyq projections retire {0}` removes it, with \
         what is parked"
    )]
    WithoutCode(String),
    /// Nothing is parked under this key.
    #[error(
        "nothing of {projection} is parked under the key {key:?}; `karmyq dead-letters list` shows what is"
    )]
    NotParked {
        /// The projection.
        projection: String,
        /// The key.
        key: String,
    },
    /// Several topics have this key.
    #[error("the key {key} is parked in several topics: name one with --topic {}", topics.join(" or --topic "))]
    Ambiguous {
        /// The key.
        key: String,
        /// The topics.
        topics: Vec<String>,
    },
    /// Another record is the first of the key by now, or none.
    #[error("somebody has dealt with offset {0} of this key meanwhile: look again before you discard")]
    Overtaken(i64),
    /// The log failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Folding what is parked failed.
#[derive(Debug, thiserror::Error)]
enum Fault {
    /// The log did.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The database did.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Log(error) => error.into(),
            Fault::Database(error) => error.into(),
        }
    }
}

impl From<Fault> for rebuild::Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Log(error) => replay::Error::from(error).into(),
            Fault::Database(error) => error.into(),
        }
    }
}

/// The projection, for whoever is to fold its dead letters.
///
/// # Errors
/// When this version has no code for it.
pub fn with_code(name: &str) -> Result<&'static Registration, Error> {
    registry::named(name).ok_or_else(|| Error::WithoutCode(name.to_owned()))
}

/// Folds the records of the key in order with the code of today, those that arrive meanwhile included, until none is left
/// or one still cannot be folded. `owner` may write the tables of the projection.
///
/// # Errors
/// When log or database fail; what was folded until then is no longer parked.
pub async fn redrive(
    source: &Source,
    owner: &PgPool,
    registration: &Registration,
    key: &ParkedKey,
) -> Result<Redriven, Error> {
    source.decoding.know_all_keys().await?;
    let mut redriven = Redriven::default();
    loop {
        let (tried, chunk) = redrive_chunk(source, owner, registration, key).await?;
        redriven.folded += chunk.folded;
        redriven.stopped_at = chunk.stopped_at;
        if tried == 0 || redriven.stopped_at.is_some() {
            return Ok(redriven);
        }
    }
}

/// As [`take_out`], and redrives the rest. How many were discarded, and what became of the rest.
///
/// # Errors
/// As [`take_out`] and [`redrive`]; what was discarded until then is written down.
pub async fn discard(
    source: &Source,
    owner: &PgPool,
    registration: &Registration,
    key: &ParkedKey,
    what: Discard<'_>,
) -> Result<(u64, Redriven), Error> {
    let discarded = take_out(owner, key, what).await?;
    Ok((discarded, redrive(source, owner, registration, key).await?))
}

/// Takes the first parked record of the key out of the projection for good, or all of them; how many. A rebuild passes over
/// what was discarded.
///
/// # Errors
/// When the first record is not the one that is meant, or the database fails; nothing is discarded then.
pub async fn take_out(owner: &PgPool, key: &ParkedKey, what: Discard<'_>) -> Result<u64, Error> {
    let mut transaction = owner.begin().await?;
    let version = rows::lock(&mut transaction, key).await?;
    if let Some(meant) = what.first_offset {
        let first = rows::parked(&mut transaction, key, version, 1).await?;
        if first.first().is_none_or(|it| it.record.position.offset != meant) {
            return Err(Error::Overtaken(meant));
        }
    }
    let discarded = sqlx::query(
        "WITH gone AS (
             DELETE FROM projection.parked WHERE id IN (
                 SELECT id FROM projection.parked
                 WHERE projection = $1 AND version = $2 AND topic = $3 AND partition = $4 AND record_key = $5
                 ORDER BY record_offset LIMIT $6)
             RETURNING *)
         INSERT INTO projection.discarded (projection, topic, partition, record_offset, record_key, record_value,
             header_names, header_values, recorded_at, kind, parked_reason, parked_at, discarded_by, reason)
         SELECT projection, topic, partition, record_offset, record_key, record_value, header_names, header_values,
             recorded_at, kind, reason, parked_at, $7, $8 FROM gone
         ON CONFLICT (projection, topic, partition, record_offset)
         DO UPDATE SET discarded_by = excluded.discarded_by, discarded_at = now(), reason = excluded.reason",
    )
    .bind(&key.projection)
    .bind(version)
    .bind(&key.topic)
    .bind(key.partition)
    .bind(&key.key)
    .bind((!what.whole_key).then_some(1_i64))
    .bind(what.by)
    .bind(what.reason)
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(discarded.rows_affected())
}

async fn redrive_chunk(
    source: &Source,
    owner: &PgPool,
    registration: &Registration,
    key: &ParkedKey,
) -> Result<(usize, Redriven), Error> {
    let mut transaction = owner.begin().await?;
    let version = rows::lock(&mut transaction, key).await?;
    let redriven = fold_chunk(&mut transaction, source, registration, key, (version, false)).await?;
    transaction.commit().await?;
    Ok(redriven)
}

/// Folds the next parked records of a key into this version, live or detached; how many were tried, and what came of it.
async fn fold_chunk(
    connection: &mut PgConnection,
    source: &Source,
    registration: &Registration,
    key: &ParkedKey,
    (version, detached): (i32, bool),
) -> Result<(usize, Redriven), Fault> {
    let records = rows::parked(&mut *connection, key, version, CHUNK).await?;
    let records: Vec<_> = records.into_iter().map(|it| it.record).collect();
    let projection = (registration.new)();
    let items = source.decoding.items(projection.as_ref(), records, Keys::AllKnown).await?;
    let mut run = Run::new(registration, ParkedKeys::new());
    run.detached = detached.then_some(version);
    run.bisect(&mut *connection, &items, usize::MAX).await?;
    // All are of one key, so everything behind the first that fails stays, too.
    let failed = run.to_park.into_iter().next();
    let folded = failed.as_ref().map_or(items.len(), |it| it.0);
    let offsets: Vec<i64> = items[..folded].iter().map(|it| it.record.position.offset).collect();
    rows::remove(&mut *connection, key, version, &offsets).await?;
    let stopped_at = failed.map(|(index, cause)| StoppedAt::new(items[index].record.position.offset, cause));
    if let Some(stopped_at) = &stopped_at {
        rows::note_cause(&mut *connection, key, version, stopped_at).await?;
    }
    Ok((items.len(), Redriven { folded, stopped_at }))
}

impl StoppedAt {
    fn new(offset: i64, cause: Cause) -> Self {
        Self { offset, kind: cause.kind, reason: shortened(&cause.reason) }
    }
}

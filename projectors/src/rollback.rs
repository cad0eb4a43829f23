//! Rollback: the version before the live one catches up in its own tables, from its own checkpoints, and is swapped back in.
//!
//! It folds as workers do, batch by batch in transactions of its own (`detached`), because memory holds nothing of it. What
//! operators have redriven or discarded in the live version meanwhile is dealt with in it, too. The live version is kept in
//! its place, so a second rollback undoes the first.

use sqlx::PgPool;
use sqlx::postgres::PgConnection;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::detached::Detached;
use crate::pace::Pace;
use crate::projection::Registration;
use crate::rebuild;
use crate::rebuild::{Error, Job, Kind, Meter, Options, Progress};
use crate::replay::Source;
use crate::swap;
use crate::versions::{self, Kept};

/// What a rollback has done.
#[derive(Clone, Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The projection.
    pub projection: &'static str,
    /// The version that is live again.
    pub version: i32,
    /// Records that it had missed.
    pub records: u64,
    /// Records of it that are parked.
    pub parked: usize,
    /// Its rows were built by the code that folds now. If not, rows of both stand side by side until a rebuild.
    pub same_code: bool,
}

/// Puts the kept version in place of the live one, as far folded as that one is. `owner` connects as the owner of the
/// tables.
///
/// # Errors
/// [`Error`]; the live version goes on then as if nothing had been tried.
pub async fn rollback(
    source: &Source,
    owner: &PgPool,
    name: &str,
    options: &Options,
    mut progress: impl FnMut(&Progress) + Send,
    cancelled: &CancellationToken,
) -> Result<Report, Error> {
    let registration = rebuild::named(name)?;
    let job = Job::start(owner, registration, Kind::Rollback, options, cancelled).await?;
    let mut meter = Meter::new(job.progress(), &mut progress);
    let result = bring_back(source, owner, &job, options, &mut meter).await;
    job.end(result).await
}

/// Drops the version that is kept for going back, or only this one; its number, if there was one.
///
/// # Errors
/// When there is no such projection, another version is kept, somebody works on it, or the database fails.
pub async fn drop_kept(owner: &PgPool, name: &str, version: Option<i32>) -> Result<Option<i32>, Error> {
    let registration = rebuild::named(name)?;
    let mut alone = rebuild::lock(owner, registration.name).await?;
    let Some(kept) = versions::kept(&mut alone, registration.name).await? else { return Ok(None) };
    let kept = kept.meant(registration.name, version)?;
    let mut transaction = sqlx::Connection::begin(&mut alone).await?;
    versions::drop_version(&mut transaction, registration.name, kept.version, &kept.tables).await?;
    versions::forget_kept(&mut transaction, registration.name).await?;
    transaction.commit().await?;
    info!(projection = registration.name, version = kept.version, "dropped a kept version");
    Ok(Some(kept.version))
}

async fn bring_back(
    source: &Source,
    owner: &PgPool,
    job: &Job,
    options: &Options,
    meter: &mut Meter<'_>,
) -> Result<Report, Error> {
    let kept = kept_and_fitting(owner, job.registration).await?;
    let pace = Pace::of(options.throttle);
    let most_keys = rebuild::most_keys(owner, job.registration, kept.version, options).await?;
    let mut returning = Detached::new(source, owner, job, most_keys);
    returning.catch_up(&pace, meter).await?;
    swap::swap(owner, job, &mut returning, &kept.fingerprint, meter).await?;
    let (projection, version) = (job.registration.name, job.version);
    info!(projection, version, records = returning.records, "rolled a projection back");
    let same_code = kept.fingerprint == job.registration.fingerprint();
    Ok(Report { projection, version, records: returning.records, parked: returning.parked, same_code })
}

/// The kept version, if its tables can take the place of the live ones.
async fn kept_and_fitting(owner: &PgPool, registration: &'static Registration) -> Result<Kept, Error> {
    let mut connection = owner.acquire().await?;
    let kept = versions::kept(&mut connection, registration.name).await?;
    let kept = kept.ok_or(Error::NothingKept(registration.name))?;
    for table in registration.tables() {
        let live = columns(&mut connection, &table).await?;
        let before = columns(&mut connection, &versions::versioned(&table, kept.version)).await?;
        if live != before {
            let (projection, version) = (registration.name, kept.version);
            return Err(Error::Unfit { projection, version, table });
        }
    }
    Ok(kept)
}

/// Names and types of the columns of a table; none without such a table.
async fn columns(connection: &mut PgConnection, table: &str) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar(
        "SELECT string_agg(format('%I %s %s', attname, format_type(atttypid, atttypmod), attnotnull), ', ' ORDER BY attname)
         FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped",
    )
    .bind(table)
    .fetch_one(connection)
    .await
}

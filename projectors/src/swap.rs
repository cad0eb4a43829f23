//! Putting a version in place: DETACH the live partitions, ATTACH the others, take the checkpoints over. The version that
//! was live is kept, detached, with its own checkpoints and parked records, so that going back is a swap, too.

use std::time::Duration;

use event_log::TopicPartition;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, PgPool, Postgres, Transaction};

use crate::checkpoint;
use crate::projection::Registration;
use crate::rebuild::{Error, Job, Meter, Patience};
use crate::replay::Offsets;
use crate::versions::{self, versioned};

/// Longest wait for VACUUM and ANALYZE. Those of autovacuum give way to whoever has waited for `deadlock_timeout`, one
/// second by default; less patience would let them end every attempt for as long as they take.
const VACUUM_WITHIN: Duration = Duration::from_secs(3);

/// Longest wait for a batch in flight.
const WORKERS_WITHIN: Duration = Duration::from_secs(1);

/// Longest wait for queries that began before. Later ones queue up behind this wait.
const READERS_WITHIN: Duration = Duration::from_millis(250);

/// Longest time for the rest of the log; workers stand still meanwhile.
const REACHED_WITHIN: Duration = Duration::from_secs(5);

/// When the server ends the transaction of a process that stands still, so that workers and readers go on.
const IDLE_WITHIN: Duration = Duration::from_secs(10);

/// A version on its way in, in tables of its own.
#[async_trait::async_trait]
pub(crate) trait Incoming: Send {
    /// Brings it to these offsets at least; nobody folds into the live version meanwhile. May be asked again, when the
    /// transaction had to be given up.
    async fn reach(&mut self, connection: &mut PgConnection, goals: &Offsets) -> Result<(), Error>;

    /// Writes its checkpoints and parked records, as far as they do not stand already, and deals with what operators have
    /// dealt with in the live version meanwhile.
    async fn hand_over(&mut self, connection: &mut PgConnection) -> Result<(), Error>;
}

/// Makes the job's version the live one, at least as far folded as the live one is, and keeps that one.
///
/// Locks in the order of the workers (live version, checkpoints, tables). A batch in flight commits first; one that
/// comes later finds its claim gone, claims the new version and folds there.
pub(crate) async fn swap(
    owner: &PgPool,
    job: &Job,
    incoming: &mut dyn Incoming,
    fingerprint: &str,
    meter: &mut Meter<'_>,
) -> Result<(), Error> {
    meter.swapping();
    let mut patience = Patience::default();
    loop {
        let error = match try_swap(owner, job, incoming, fingerprint).await {
            Ok(()) => return Ok(()),
            Err(Error::Database(error)) => busy(error),
            Err(error) => error,
        };
        if job.is_done_despite(&error, &mut patience).await? {
            return Ok(());
        }
        let mut trouble = error.to_string();
        if matches!(error, Error::Busy) {
            let holders = holders(owner, job).await;
            trouble = format!("{trouble}: {}", holders.unwrap_or_else(|error| error.to_string()));
        }
        meter.trouble(trouble);
        patience.after(error, &job.cancelled).await?;
    }
}

/// Whose sessions hold what the swap has to lock, workers that are in the middle of a batch among them.
async fn holders(owner: &PgPool, job: &Job) -> sqlx::Result<String> {
    let mut connection = owner.acquire().await?;
    let tables = tables_of(&mut connection, job).await?;
    let who: Option<String> = sqlx::query_scalar(
        "SELECT string_agg(DISTINCT format('%s (process %s)', s.usename, s.pid), ', ')
         FROM unnest($1::text[]) AS it, to_regclass(it) AS name
         LEFT JOIN pg_inherits AS i ON i.inhparent = name
         JOIN pg_locks AS l ON l.relation IN (name, i.inhrelid) AND l.granted AND l.pid <> pg_backend_pid()
         JOIN pg_stat_activity AS s ON s.pid = l.pid",
    )
    .bind(tables)
    .fetch_one(&mut *connection)
    .await?;
    Ok(who.unwrap_or_else(|| "nobody any more".to_owned()))
}

async fn try_swap(
    owner: &PgPool,
    job: &Job,
    incoming: &mut dyn Incoming,
    fingerprint: &str,
) -> Result<(), Error> {
    let preparing = prepare(owner, job, incoming);
    let prepared = job.cancelled.run_until_cancelled(preparing).await.ok_or(Error::Cancelled)?;
    // From here on it is a matter of milliseconds.
    let (mut transaction, live) = prepared?;
    for table in job.registration.tables() {
        exchange(&mut transaction, &table, &versioned(&table, job.version)).await?;
    }
    keep_instead(&mut transaction, job, live).await?;
    activate(&mut transaction, job, live, fingerprint).await?;
    job.done(&mut transaction).await?;
    transaction.commit().await?;
    Ok(())
}

/// A transaction that holds everything that the swap changes, with the version that was live. Can be given up.
async fn prepare(
    owner: &PgPool,
    job: &Job,
    incoming: &mut dyn Incoming,
) -> Result<(Transaction<'static, Postgres>, i32), Error> {
    let mut transaction = owner.begin().await?;
    hold_vacuum(&mut transaction, job).await?;
    let (live, goals) = hold_workers(&mut transaction, job.registration).await?;
    // An earlier attempt whose commit was still under way is over now.
    job.hold(&mut transaction).await?;
    let reached = tokio::time::timeout(REACHED_WITHIN, incoming.reach(&mut transaction, &goals)).await;
    reached.map_err(|_elapsed| Error::Busy)??;
    incoming.hand_over(&mut transaction).await?;
    // From here on queries wait, too.
    set_limit(&mut transaction, "lock_timeout", READERS_WITHIN).await?;
    for table in job.registration.tables() {
        let lock = format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE");
        sqlx::query(AssertSqlSafe(lock)).execute(&mut *transaction).await?;
    }
    Ok((transaction, live))
}

/// Until the end of the transaction nobody vacuums or analyses a table that the swap changes: it would outlast the
/// patience of the swap with readers. Readers and workers do not notice.
async fn hold_vacuum(connection: &mut PgConnection, job: &Job) -> sqlx::Result<()> {
    set_limit(connection, "lock_timeout", VACUUM_WITHIN).await?;
    let present = tables_of(&mut *connection, job).await?;
    let lock = format!("LOCK TABLE {} IN SHARE UPDATE EXCLUSIVE MODE", present.join(", "));
    sqlx::query(AssertSqlSafe(lock)).execute(connection).await.map(|_| ())
}

/// The tables that the swap changes: parents with their partitions, the version that comes, and the one that is kept.
async fn tables_of(connection: &mut PgConnection, job: &Job) -> sqlx::Result<Vec<String>> {
    let mut tables = job.registration.tables();
    tables.extend(job.registration.tables().iter().map(|it| versioned(it, job.version)));
    if let Some(kept) = versions::kept(&mut *connection, job.registration.name).await? {
        tables.extend(kept.tables.iter().map(|it| versioned(it, kept.version)));
    }
    sqlx::query_scalar("SELECT DISTINCT it FROM unnest($1::text[]) AS it WHERE to_regclass(it) IS NOT NULL")
        .bind(tables)
        .fetch_all(connection)
        .await
}

/// Until the end of the transaction nobody folds into the live version, which stands at these offsets.
pub(crate) async fn hold_workers(
    connection: &mut PgConnection,
    registration: &Registration,
) -> Result<(i32, Offsets), Error> {
    set_limit(connection, "idle_in_transaction_session_timeout", IDLE_WITHIN).await?;
    set_limit(connection, "lock_timeout", WORKERS_WITHIN).await?;
    let live = lock_live_version(connection, registration).await.map_err(busy)?;
    let goals = lock_checkpoints(connection, registration, live).await.map_err(busy)?;
    Ok((live, goals))
}

async fn set_limit(connection: &mut PgConnection, setting: &str, limit: Duration) -> sqlx::Result<()> {
    let set = format!("SET LOCAL {setting} = {}", limit.as_millis());
    sqlx::query(AssertSqlSafe(set)).execute(connection).await.map(|_| ())
}

/// Somebody else holds what was to be locked: SQLSTATE lock not available, deadlock detected.
fn busy(error: sqlx::Error) -> Error {
    let code = error.as_database_error().and_then(|it| it.code());
    if code.is_some_and(|it| matches!(&*it, "55P03" | "40P01")) { Error::Busy } else { error.into() }
}

async fn lock_live_version(connection: &mut PgConnection, registration: &Registration) -> sqlx::Result<i32> {
    checkpoint::begin(&mut *connection, registration).await?;
    sqlx::query_scalar("SELECT version FROM projection.active WHERE projection = $1 FOR UPDATE")
        .bind(registration.name)
        .fetch_one(connection)
        .await
}

async fn lock_checkpoints(
    connection: &mut PgConnection,
    registration: &Registration,
    version: i32,
) -> sqlx::Result<Offsets> {
    let rows: Vec<(String, i32, i64)> = sqlx::query_as(
        "SELECT topic, partition, next_offset FROM projection.checkpoints
         WHERE projection = $1 AND version = $2 ORDER BY topic, partition FOR UPDATE",
    )
    .bind(registration.name)
    .bind(version)
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(topic, partition, next)| (TopicPartition::new(topic, partition), next))
        .collect())
}

/// Replaces the one partition of `parent`.
async fn exchange(connection: &mut PgConnection, parent: &str, target: &str) -> sqlx::Result<()> {
    let live: String =
        sqlx::query_scalar("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = $1::regclass")
            .bind(parent)
            .fetch_one(&mut *connection)
            .await?;
    for sql in [
        format!("ALTER TABLE {parent} DETACH PARTITION {live}"),
        format!("ALTER TABLE {parent} ATTACH PARTITION {target} DEFAULT"),
    ] {
        sqlx::query(AssertSqlSafe(sql)).execute(&mut *connection).await?;
    }
    Ok(())
}

/// The version that was live is kept now, and what was kept before, unless it is the one that comes back, goes.
async fn keep_instead(connection: &mut PgConnection, job: &Job, live: i32) -> sqlx::Result<()> {
    let projection = job.registration.name;
    if let Some(before) = versions::kept(&mut *connection, projection).await? {
        if before.version != job.version {
            versions::drop_version(connection, projection, before.version, &before.tables).await?;
        }
        versions::forget_kept(connection, projection).await?;
    }
    sqlx::query(
        "INSERT INTO projection.kept (projection, version, fingerprint, tables)
         SELECT projection, version, fingerprint, $3 FROM projection.active WHERE projection = $1 AND version = $2",
    )
    .bind(projection)
    .bind(live)
    .bind(job.registration.tables())
    .execute(connection)
    .await?;
    Ok(())
}

/// Queries and workers find the job's version from now on; the claims on the one before end.
async fn activate(
    connection: &mut PgConnection,
    job: &Job,
    live: i32,
    fingerprint: &str,
) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE projection.checkpoints SET owner_epoch = owner_epoch + 1 WHERE projection = $1 AND version = $2",
    )
    .bind(job.registration.name)
    .bind(live)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "UPDATE projection.active SET version = $2, fingerprint = $3, tables = $4, switched_at = now()
         WHERE projection = $1",
    )
    .bind(job.registration.name)
    .bind(job.version)
    .bind(fingerprint)
    .bind(job.registration.tables())
    .execute(connection)
    .await?;
    Ok(())
}

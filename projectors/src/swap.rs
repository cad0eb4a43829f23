//! Putting a rebuilt version in place: DETACH the live partition, ATTACH the new one, take its checkpoints over.

use event_log::TopicPartition;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, PgPool, Postgres, Transaction};
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::checkpoint::Claim;
use crate::parking;
use crate::projection::Registration;
use crate::rebuild::Error;
use crate::replay::{Offsets, Replay, Source};

/// Longest wait for one lock. Queries that began before hold the tables, and later ones queue up behind the wait.
const LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '1s'";

/// Attempts to get all locks; with the waits between them, a minute or two.
const ATTEMPTS: u32 = 10;

/// The partition of `table` that holds this version.
pub(crate) fn versioned(table: &str, version: i32) -> String {
    format!("{table}_v{version}")
}

/// The number of the version to build.
pub(crate) async fn next_version(
    connection: &mut PgConnection,
    registration: &Registration,
) -> sqlx::Result<i32> {
    sqlx::query_scalar(
        "SELECT 1 + GREATEST(
             1,
             (SELECT max(version) FROM projection.active WHERE projection = $1),
             (SELECT max(version) FROM projection.checkpoints WHERE projection = $1)
         )",
    )
    .bind(registration.name)
    .fetch_one(connection)
    .await
}

pub(crate) async fn drop_table(connection: &mut PgConnection, table: &str) -> sqlx::Result<()> {
    sqlx::query(AssertSqlSafe(format!("DROP TABLE IF EXISTS {table}"))).execute(connection).await.map(|_| ())
}

/// Gives `target` the constraints and indexes of the live partition of `parent`, those of the partition alone included.
pub(crate) async fn copy_indexes(
    connection: &mut PgConnection,
    parent: &str,
    target: &str,
) -> sqlx::Result<()> {
    let definitions: Vec<(Option<String>, String)> = sqlx::query_as(
        "SELECT pg_get_constraintdef(c.oid), pg_get_indexdef(i.indexrelid)
         FROM pg_inherits AS p
         JOIN pg_index AS i ON i.indrelid = p.inhrelid
         LEFT JOIN pg_constraint AS c ON c.conindid = i.indexrelid AND c.conrelid = i.indrelid
         WHERE p.inhparent = $1::regclass
         ORDER BY i.indexrelid",
    )
    .bind(parent)
    .fetch_all(&mut *connection)
    .await?;
    for (constraint, index) in definitions {
        let sql = match constraint {
            Some(constraint) => format!("ALTER TABLE {target} ADD {constraint}"),
            None => index_on(&index, target),
        };
        sqlx::query(AssertSqlSafe(sql)).execute(&mut *connection).await?;
    }
    Ok(())
}

/// `CREATE [UNIQUE] INDEX name ON table USING …` for another table, with a name that the server chooses.
fn index_on(definition: &str, target: &str) -> String {
    let unique = if definition.starts_with("CREATE UNIQUE") { "UNIQUE " } else { "" };
    let using = definition.find(" USING ").map_or("", |at| &definition[at..]);
    format!("CREATE {unique}INDEX ON {target}{using}")
}

/// Writes what was folded since the tables were filled.
pub(crate) async fn write_changes(
    connection: &mut PgConnection,
    replay: &mut Replay,
    version: i32,
) -> sqlx::Result<()> {
    for table in replay.projection.tables() {
        let target = versioned(table.name(), version);
        table.write_changes(connection, &target).await?;
    }
    Ok(())
}

/// Makes the new version the live one, at least as far folded as the old one is.
///
/// Locks in the order of the workers (live version, checkpoints, tables). A batch in flight commits first; one that
/// comes later finds its claim gone, claims the new version and folds there.
pub(crate) async fn swap_in(
    source: &Source,
    owner: &PgPool,
    replay: &mut Replay,
    registration: &'static Registration,
    version: i32,
) -> Result<(), Error> {
    // Nothing is folded or written before all locks are there, so that an attempt can be given up.
    let (mut transaction, live, goals) = lock(owner, registration).await?;
    replay.fold_to(source, &goals, |_| {}).await?;
    write_changes(&mut transaction, replay, version).await?;
    for table in (registration.new)().tables() {
        exchange(&mut transaction, table.name(), &versioned(table.name(), version)).await?;
    }
    take_over(&mut transaction, replay, registration, live, version).await?;
    forget_before(&mut transaction, registration, live).await?;
    transaction.commit().await?;
    Ok(())
}

/// A transaction that holds everything that a swap changes, with the live version and its checkpoints.
async fn lock(
    owner: &PgPool,
    registration: &Registration,
) -> sqlx::Result<(Transaction<'static, Postgres>, i32, Offsets)> {
    let mut backoff = Backoff::default();
    loop {
        let mut transaction = owner.begin().await?;
        match lock_all(&mut transaction, registration).await {
            Ok((live, goals)) => return Ok((transaction, live, goals)),
            Err(error) if is_in_the_way(&error) && backoff.attempts() < ATTEMPTS => {
                transaction.rollback().await?;
                backoff.wait(&CancellationToken::new()).await;
            }
            Err(error) => return Err(error),
        }
    }
}

async fn lock_all(
    connection: &mut PgConnection,
    registration: &Registration,
) -> sqlx::Result<(i32, Offsets)> {
    sqlx::query(LOCK_TIMEOUT).execute(&mut *connection).await?;
    let live = lock_live_version(connection, registration).await?;
    let goals = lock_checkpoints(connection, registration, live).await?;
    for table in (registration.new)().tables() {
        let lock = format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", table.name());
        sqlx::query(AssertSqlSafe(lock)).execute(&mut *connection).await?;
    }
    Ok((live, goals))
}

/// Whether somebody else holds what was to be locked: SQLSTATE lock not available, deadlock detected.
fn is_in_the_way(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|it| it.code()).is_some_and(|it| matches!(&*it, "55P03" | "40P01"))
}

async fn lock_live_version(connection: &mut PgConnection, registration: &Registration) -> sqlx::Result<i32> {
    sqlx::query(
        "INSERT INTO projection.active (projection, version, fingerprint) VALUES ($1, 1, $2) ON CONFLICT DO NOTHING",
    )
    .bind(registration.name)
    .bind(registration.fingerprint())
    .execute(&mut *connection)
    .await?;
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

/// Checkpoints and parked records of the new version; the claims on the old one end.
async fn take_over(
    connection: &mut PgConnection,
    replay: &Replay,
    registration: &'static Registration,
    live: i32,
    version: i32,
) -> sqlx::Result<()> {
    for (of, &next_offset) in &replay.next {
        sqlx::query(
            "INSERT INTO projection.checkpoints (projection, version, topic, partition, next_offset, owner_epoch)
             VALUES ($1, $2, $3, $4, $5, 0)",
        )
        .bind(registration.name)
        .bind(version)
        .bind(&*of.topic)
        .bind(of.partition)
        .bind(next_offset)
        .execute(&mut *connection)
        .await?;
    }
    for (record, cause) in &replay.parked {
        let of = record.position.of.clone();
        let claim = Claim { projection: registration.name, version, of, epoch: 0, next_offset: 0 };
        parking::park(&mut *connection, &claim, record, cause).await?;
    }
    sqlx::query(
        "UPDATE projection.checkpoints SET owner_epoch = owner_epoch + 1 WHERE projection = $1 AND version = $2",
    )
    .bind(registration.name)
    .bind(live)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "UPDATE projection.active SET version = $2, fingerprint = $3, switched_at = now() WHERE projection = $1",
    )
    .bind(registration.name)
    .bind(version)
    .bind(registration.fingerprint())
    .execute(connection)
    .await?;
    Ok(())
}

/// Drops what is older than the version that is now the previous one.
async fn forget_before(
    connection: &mut PgConnection,
    registration: &Registration,
    previous: i32,
) -> sqlx::Result<()> {
    let old: Vec<i32> = sqlx::query_scalar(
        "DELETE FROM projection.checkpoints WHERE projection = $1 AND version < $2 RETURNING version",
    )
    .bind(registration.name)
    .bind(previous)
    .fetch_all(&mut *connection)
    .await?;
    sqlx::query("DELETE FROM projection.parked WHERE projection = $1 AND version < $2")
        .bind(registration.name)
        .bind(previous)
        .execute(&mut *connection)
        .await?;
    for table in (registration.new)().tables() {
        for version in &old {
            drop_table(connection, &versioned(table.name(), *version)).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::index_on;

    #[test]
    fn an_index_is_copied_with_everything_but_name_and_table() {
        assert_eq!(
            index_on("CREATE UNIQUE INDEX once ON a.b_v1 USING btree (x, y) WHERE (NOT read)", "a.b_v2"),
            "CREATE UNIQUE INDEX ON a.b_v2 USING btree (x, y) WHERE (NOT read)"
        );
        assert_eq!(
            index_on("CREATE INDEX i ON a.b_v1 USING gin (x)", "a.b_v2"),
            "CREATE INDEX ON a.b_v2 USING gin (x)"
        );
    }
}

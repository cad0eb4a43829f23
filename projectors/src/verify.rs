//! Verify: the live rows against a replay of exactly what they have folded, by checksum.

use event_log::TopicPartition;
use serde::Serialize;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, PgPool};

use crate::known::Known;
use crate::projection::Registration;
use crate::rebuild::Error;
use crate::registry;
use crate::replay::{Offsets, Replay, Source};

/// Number of rows, and a hash of them that does not depend on their order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Checksum {
    /// Rows of the table.
    pub rows: i64,
    /// Sum of the 64-bit hashes of the rows, decimal.
    pub hash: String,
}

/// One table, live and replayed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// `schema.name`.
    pub table: &'static str,
    /// What queries see.
    pub live: Checksum,
    /// What the log says.
    pub replayed: Checksum,
}

impl Comparison {
    /// Whether the rows are what the log says.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.live == self.replayed
    }
}

/// The checksums of the live tables of a projection.
///
/// # Errors
/// When there is no such projection, or the database fails.
pub async fn checksums(pool: &PgPool, name: &str) -> Result<Vec<(&'static str, Checksum)>, Error> {
    let registration = registry::named(name).ok_or_else(|| Error::Unknown(name.to_owned()))?;
    live_checksums(&mut *pool.acquire().await?, registration).await.map_err(Error::from)
}

/// Replays what the live version has folded and compares. `owner` connects as the owner of the tables.
///
/// # Errors
/// When there is no such projection, or log or database fail. A difference is no error.
pub async fn verify(source: &Source, owner: &PgPool, name: &str) -> Result<Vec<Comparison>, Error> {
    let registration = registry::named(name).ok_or_else(|| Error::Unknown(name.to_owned()))?;
    let (goals, live) = snapshot(owner, registration).await?;
    let mut replay = Replay::new(registration, Known::of(owner, registration).await?);
    replay.fold_to(source, &goals, |_| {}).await?;
    let mut connection = owner.acquire().await?;
    let mut transaction = connection.begin().await?;
    let mut comparisons = Vec::new();
    for (table, (name, live)) in replay.projection.tables().into_iter().zip(live) {
        let target = "pg_temp.replayed";
        let create = format!("CREATE TEMP TABLE replayed (LIKE {name} INCLUDING DEFAULTS)");
        sqlx::query(AssertSqlSafe(create)).execute(&mut *transaction).await?;
        table.copy_all(&mut transaction, target).await?;
        let replayed = checksum(&mut transaction, table.checksum_sql(target)).await?;
        sqlx::query("DROP TABLE pg_temp.replayed").execute(&mut *transaction).await?;
        comparisons.push(Comparison { table: name, live, replayed });
    }
    transaction.rollback().await?;
    Ok(comparisons)
}

/// Checkpoints and checksums of one and the same moment.
async fn snapshot(
    pool: &PgPool,
    registration: &Registration,
) -> Result<(Offsets, Vec<(&'static str, Checksum)>), Error> {
    let mut transaction = pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let checkpoints: Vec<(String, i32, i64)> = sqlx::query_as(
        "SELECT c.topic, c.partition, c.next_offset
         FROM projection.active AS a JOIN projection.checkpoints AS c USING (projection, version)
         WHERE a.projection = $1",
    )
    .bind(registration.name)
    .fetch_all(&mut *transaction)
    .await?;
    let goals =
        checkpoints.into_iter().map(|(topic, partition, next)| (TopicPartition::new(topic, partition), next));
    let live = live_checksums(&mut transaction, registration).await?;
    transaction.commit().await?;
    Ok((goals.collect(), live))
}

async fn live_checksums(
    connection: &mut PgConnection,
    registration: &Registration,
) -> sqlx::Result<Vec<(&'static str, Checksum)>> {
    let mut checksums = Vec::new();
    for table in (registration.new)().tables() {
        checksums.push((table.name(), checksum(connection, table.checksum_sql(table.name())).await?));
    }
    Ok(checksums)
}

async fn checksum(connection: &mut PgConnection, sql: String) -> sqlx::Result<Checksum> {
    sqlx::query_as(AssertSqlSafe(sql)).fetch_one(connection).await
}

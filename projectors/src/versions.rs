//! The versions of a projection: their numbers, their tables and indexes, and the one that is kept.

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use crate::projection::Registration;
use crate::rebuild::Error;

/// The version before the live one.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Kept {
    /// Its number.
    pub(crate) version: i32,
    /// Of the code that built its rows.
    pub(crate) fingerprint: String,
    /// Its tables, by the names of their parents.
    pub(crate) tables: Vec<String>,
}

impl Kept {
    /// This version, if it is the one that somebody means; without a number it is.
    pub(crate) fn meant(self, projection: &'static str, version: Option<i32>) -> Result<Self, Error> {
        match version {
            Some(meant) if meant != self.version => Err(Error::OtherKept(projection, meant)),
            _ => Ok(self),
        }
    }
}

/// The table that holds this version of `table`, live or not.
pub(crate) fn versioned(table: &str, version: i32) -> String {
    format!("{table}_v{version}")
}

/// The version that queries see now; none before anything was folded.
pub(crate) async fn live_version(
    connection: &mut PgConnection,
    projection: &str,
) -> sqlx::Result<Option<i32>> {
    sqlx::query_scalar("SELECT version FROM projection.active WHERE projection = $1")
        .bind(projection)
        .fetch_optional(connection)
        .await
}

/// The number of the version to build. Numbers are not used twice, not even after a failure.
pub(crate) async fn next_version(
    connection: &mut PgConnection,
    registration: &Registration,
) -> sqlx::Result<i32> {
    sqlx::query_scalar(
        "SELECT 1 + GREATEST(
             1,
             (SELECT max(version) FROM projection.active WHERE projection = $1),
             (SELECT max(version) FROM projection.checkpoints WHERE projection = $1),
             (SELECT max(version) FROM projection.rebuilds WHERE projection = $1)
         )",
    )
    .bind(registration.name)
    .fetch_one(connection)
    .await
}

/// The version that is kept for going back.
pub(crate) async fn kept(connection: &mut PgConnection, projection: &str) -> sqlx::Result<Option<Kept>> {
    sqlx::query_as("SELECT version, fingerprint, tables FROM projection.kept WHERE projection = $1")
        .bind(projection)
        .fetch_optional(connection)
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

/// Drops the tables of a version that is not live, with its checkpoints and parked records.
pub(crate) async fn drop_version(
    connection: &mut PgConnection,
    projection: &str,
    version: i32,
    tables: &[String],
) -> sqlx::Result<()> {
    for table in tables {
        drop_table(connection, &versioned(table, version)).await?;
    }
    for table in ["checkpoints", "parked"] {
        let delete = format!("DELETE FROM projection.{table} WHERE projection = $1 AND version = $2");
        sqlx::query(AssertSqlSafe(delete)).bind(projection).bind(version).execute(&mut *connection).await?;
    }
    Ok(())
}

/// No version of this projection is kept any more.
pub(crate) async fn forget_kept(connection: &mut PgConnection, projection: &str) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM projection.kept WHERE projection = $1")
        .bind(projection)
        .execute(connection)
        .await
        .map(|_| ())
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

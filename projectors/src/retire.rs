//! Retiring a projection whose code is gone: its tables, checkpoints and everything else that bears its name.

use sqlx::{AssertSqlSafe, Connection as _, PgPool};
use tracing::info;

use crate::rebuild::{self, Error};
use crate::{registry, swap};

/// Tables of bookkeeping that name projections.
const BOOKKEEPING: [&str; 7] =
    ["checkpoints", "parked", "discarded", "troubles", "rebuilds", "kept", "active"];

/// Drops everything that PostgreSQL has of a projection; the names of its tables. Its consumer group is deleted before, by
/// whoever can reach Kafka: as long as somebody still runs it, that is refused.
///
/// # Errors
/// When this code still has the projection, nobody has ever heard of it, somebody works on it, something else (a view, a
/// function) depends on its tables, or the database fails.
pub async fn retire(owner: &PgPool, name: &str) -> Result<Vec<String>, Error> {
    may_be_retired(name)?;
    let mut alone = rebuild::lock(owner, name).await?;
    let mut transaction = alone.begin().await?;
    let tables: Option<Vec<String>> =
        sqlx::query_scalar("SELECT tables FROM projection.active WHERE projection = $1 FOR UPDATE")
            .bind(name)
            .fetch_optional(&mut *transaction)
            .await?;
    let tables = tables.ok_or_else(|| Error::Unknown(name.to_owned()))?;
    if let Some(kept) = swap::kept(&mut transaction, name).await? {
        swap::drop_tables(&mut transaction, name, &kept).await?;
    }
    for table in &tables {
        swap::drop_table(&mut transaction, table).await?;
    }
    for table in BOOKKEEPING {
        let delete = format!("DELETE FROM projection.{table} WHERE projection = $1");
        sqlx::query(AssertSqlSafe(delete)).bind(name).execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    info!(projection = name, tables = tables.join(", "), "retired a projection");
    Ok(tables)
}

/// Whether this code does without the projection.
///
/// # Errors
/// [`Error::InUse`].
pub fn may_be_retired(name: &str) -> Result<(), Error> {
    registry::named(name).map_or(Ok(()), |it| Err(Error::InUse(it.name)))
}

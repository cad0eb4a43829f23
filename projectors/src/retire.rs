//! Retiring a projection whose code is gone: its tables, checkpoints and everything else that bears its name.

use event_log::EventLog;
use sqlx::{AssertSqlSafe, Connection as _, PgPool};
use tracing::info;

use crate::projection::group;
use crate::rebuild::{self, Error};
use crate::{registry, versions};

/// Tables of bookkeeping that name projections.
const BOOKKEEPING: [&str; 7] =
    ["checkpoints", "parked", "discarded", "troubles", "rebuilds", "kept", "active"];

/// Deletes the consumer group of a projection and drops everything that PostgreSQL has of it; the names of its tables.
///
/// # Errors
/// When this code still has the projection, nobody has ever heard of it, somebody still runs it or works on it, something else
/// (a view, a function) depends on its tables, or log or database fail.
pub async fn retire(log: &dyn EventLog, owner: &PgPool, name: &str) -> Result<Vec<String>, Error> {
    registry::named(name).map_or(Ok(()), |it| Err(Error::InUse(it.name)))?;
    let mut alone = rebuild::lock(owner, name).await?;
    let mut transaction = alone.begin().await?;
    let tables: Option<Vec<String>> =
        sqlx::query_scalar("SELECT tables FROM projection.active WHERE projection = $1 FOR UPDATE")
            .bind(name)
            .fetch_optional(&mut *transaction)
            .await?;
    let tables = tables.ok_or_else(|| Error::Unknown(name.to_owned()))?;
    log.delete_group(&group(name)).await.map_err(|error| Error::Group(name.to_owned(), error))?;
    if let Some(kept) = versions::kept(&mut transaction, name).await? {
        versions::drop_version(&mut transaction, name, kept.version, &kept.tables).await?;
    }
    for table in &tables {
        versions::drop_table(&mut transaction, table).await?;
    }
    for table in BOOKKEEPING {
        let delete = format!("DELETE FROM projection.{table} WHERE projection = $1");
        sqlx::query(AssertSqlSafe(delete)).bind(name).execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    info!(projection = name, tables = tables.join(", "), "retired a projection");
    Ok(tables)
}

//! PostgreSQL as the rivals share it.

use anyhow::{Context, Result};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

/// The server that everything is on.
#[derive(Clone, Debug)]
pub struct Server {
    pool: PgPool,
}

impl Server {
    /// The server behind this pool.
    #[must_use]
    pub const fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Tells the planner about the accounts, as autovacuum would have done in a database that lives longer.
    pub(crate) async fn analyze(&self) -> Result<()> {
        sqlx::raw_sql("VACUUM ANALYZE").execute(&self.pool).await?;
        Ok(())
    }

    /// What the server says about when a commit is on disk.
    pub(crate) async fn durability(&self) -> Result<String> {
        let sql = "SELECT format('PostgreSQL: fsync=%s, synchronous_commit=%s', \
                   current_setting('fsync'), current_setting('synchronous_commit'))";
        Ok(sqlx::query_scalar(sql).fetch_one(&self.pool).await?)
    }
}

/// The database of this rival, which is empty.
///
/// # Errors
///
/// If `PEERS_DATABASE_URL` is not set.
pub fn database_url() -> Result<String> {
    std::env::var("PEERS_DATABASE_URL").context("PEERS_DATABASE_URL is not set")
}

/// A pool that is full from the start.
///
/// # Errors
///
/// If the server cannot be reached.
pub async fn pool(connections: u32) -> Result<PgPool> {
    let options = PgPoolOptions::new().min_connections(connections).max_connections(connections);
    Ok(options.connect(&database_url()?).await?)
}

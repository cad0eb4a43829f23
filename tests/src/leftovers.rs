//! What rebuilds must not leave behind.

use sqlx::PgPool;

/// Tables of versions of read models that are neither live nor kept, as somebody sees them who may read the catalog.
///
/// # Errors
/// When the database fails.
pub async fn leftovers(database: &PgPool) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar(
        "SELECT c.oid::regclass::text FROM pg_class AS c
         WHERE c.relkind = 'r' AND c.relname ~ '_v[0-9]+$'
           AND NOT EXISTS (SELECT FROM pg_inherits AS i WHERE i.inhrelid = c.oid)
           AND c.oid::regclass::text <> ALL (
               SELECT name || '_v' || version FROM projection.kept, unnest(tables) AS name)",
    )
    .fetch_all(database)
    .await
}

//! A table of any rows, as the engine sees it.

use std::collections::HashSet;
use std::sync::atomic::AtomicU64;

use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::pace::Pace;

/// What the engine does with a table, whatever its rows are.
#[async_trait::async_trait]
pub trait AnyTable: Send + Sync {
    /// `schema.name`.
    fn name(&self) -> &'static str;
    /// From now on the rows of this version are meant, which is not live.
    fn detach(&mut self, version: i32);
    /// Where rows are loaded from.
    fn target(&self) -> String;
    /// Its columns with their types, for fingerprints.
    fn columns(&self) -> String;
    /// From now on what is not here does not exist: for folding everything from the start.
    fn hold_everything(&mut self);
    /// The number of rows that are here.
    fn row_count(&self) -> usize;
    /// Whether the fold asked for rows that were not loaded.
    fn lacks_rows(&self) -> bool;
    /// The fact is folded: what it did stays.
    fn keep(&mut self);
    /// The fact could not be folded: as if it had never been tried, whatever it had done before it failed.
    fn undo(&mut self);
    /// Back to what the database holds.
    fn reset(&mut self);
    /// Loads what was missing.
    async fn load_missing(&mut self, connection: &mut PgConnection) -> sqlx::Result<()>;
    /// Writes what changed into `target`; the number of rows. It counts as changed until [`Self::settle`].
    async fn write_changes(&mut self, connection: &mut PgConnection, target: &str) -> sqlx::Result<u64>;
    /// What was changed or copied is committed.
    fn settle(&mut self);
    /// Copies all rows into the empty table `target` at a pace, and counts them while it goes on.
    async fn copy_all(
        &mut self,
        connection: &mut PgConnection,
        target: &str,
        written: &AtomicU64,
        pace: &Pace,
    ) -> sqlx::Result<()>;
    /// The ids in the keys of the rows that bear one of these, stored or here, but for those of people.
    async fn ids_beside(
        &mut self,
        connection: &mut PgConnection,
        ids: &HashSet<Uuid>,
    ) -> sqlx::Result<HashSet<Uuid>>;
    /// Makes the rows that bear one of these ids, stored or here, what they are here, where all are; how many there are, and
    /// how many were different.
    async fn heal(&mut self, connection: &mut PgConnection, ids: &HashSet<Uuid>) -> sqlx::Result<(u64, u64)>;
    /// The columns of its key.
    fn key_columns(&self) -> Vec<&'static str>;
    /// See [`crate::statements::checksums`].
    fn checksums_sql(&self, target: &str) -> String;
    /// See [`crate::statements::differences`].
    fn differences_sql(&self, live: &str, replayed: &str) -> String;
}

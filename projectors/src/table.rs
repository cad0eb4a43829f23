//! A table in memory while a batch is folded, or all of it while a projection is rebuilt.
//!
//! Folding is pure and needs no list of the rows that it will want: a row that is asked for but not here yet is noted
//! as missing and reads as absent. The engine loads what is missing, all at once, and folds the batch again from the
//! start, until nothing is missing; mostly that is once.

mod any;
mod healing;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::pool::PoolConnection;
use sqlx::postgres::PgConnection;
use sqlx::{PgPool, Postgres};
use uuid::Uuid;

pub use self::any::AnyTable;
use crate::pace::Pace;
use crate::row::Row;
use crate::{statements, versions};

/// Bytes of COPY data sent at once.
const COPY_CHUNK: usize = 1 << 20;

/// The rows of one table that a fold has touched.
pub struct Table<R: Row> {
    slots: HashMap<R::Key, Slot<R>>,
    groups: HashMap<Uuid, Group<R::Key>>,
    missing: HashSet<R::Key>,
    missing_groups: HashSet<Uuid>,
    /// Nothing is ever missing: what is not here does not exist.
    complete: bool,
    /// The version whose rows are meant; the live one without.
    detached: Option<i32>,
    /// What the fact that is being folded has touched, as it was before; none where nothing was known of the row.
    touched: Vec<(R::Key, Option<Before<R>>)>,
}

/// A row as it was before a fact, and whether it had been changed.
struct Before<R> {
    row: Option<R>,
    changed: bool,
}

/// A row, or the knowledge that there is none.
struct Slot<R> {
    row: Option<R>,
    /// What the database holds, once that was looked up.
    stored: Option<Option<R>>,
    changed: bool,
}

/// The keys of a group that are known.
struct Group<K> {
    keys: Vec<K>,
    /// All rows that the database has of it are here.
    loaded: bool,
}

impl<R: Row> Default for Table<R> {
    fn default() -> Self {
        Self {
            slots: HashMap::new(),
            groups: HashMap::new(),
            missing: HashSet::new(),
            missing_groups: HashSet::new(),
            complete: false,
            touched: Vec::new(),
            detached: None,
        }
    }
}

/// What a fold does with rows.
impl<R: Row> Table<R> {
    /// The row with this key, to change.
    pub fn get(&mut self, key: &R::Key) -> Option<&mut R> {
        if !self.complete && !self.slots.contains_key(key) {
            self.missing.insert(key.clone());
        }
        let slot = self.slots.get_mut(key)?;
        self.touched.push((key.clone(), Some(Before::of(slot))));
        slot.changed = true;
        slot.row.as_mut()
    }

    /// Adds the row, in place of the one with its key.
    pub fn put(&mut self, row: R) {
        let key = row.key();
        if let Some(group) = row.group() {
            self.join_group(group, &key);
        }
        self.replace(key, Some(row));
    }

    /// Removes the row with this key, if there is one.
    pub fn remove(&mut self, key: &R::Key) {
        self.replace(key.clone(), None);
    }

    /// Changes every row of a group that meets its condition, see [`Row::GROUP_CONDITION`], and perhaps others.
    pub fn each_of(&mut self, group: Uuid, mut change: impl FnMut(&mut R)) {
        for key in self.keys_of(group) {
            if let Some(row) = self.get(&key) {
                change(row);
            }
        }
    }

    /// Removes every row of a group.
    pub fn remove_all_of(&mut self, group: Uuid) {
        for key in self.keys_of(group) {
            self.remove(&key);
        }
    }

    fn replace(&mut self, key: R::Key, row: Option<R>) {
        self.touched.push((key.clone(), self.slots.get(&key).map(Before::of)));
        let slot = self.slots.entry(key).or_insert(Slot { row: None, stored: None, changed: true });
        slot.row = row;
        slot.changed = true;
    }

    fn keys_of(&mut self, group: Uuid) -> Vec<R::Key> {
        let known = self.groups.get(&group);
        if !self.complete && known.is_none_or(|it| !it.loaded) {
            self.missing_groups.insert(group);
        }
        known.map(|it| it.keys.clone()).unwrap_or_default()
    }

    fn join_group(&mut self, group: Uuid, key: &R::Key) {
        let members = self.groups.entry(group).or_insert(Group { keys: Vec::new(), loaded: false });
        if !self.slots.contains_key(key) || !members.keys.contains(key) {
            members.keys.push(key.clone());
        }
    }
}

impl<R: Row> Before<R> {
    fn of(slot: &Slot<R>) -> Self {
        Self { row: slot.row.clone(), changed: slot.changed }
    }
}

#[async_trait::async_trait]
impl<R: Row> AnyTable for Table<R> {
    fn name(&self) -> &'static str {
        R::TABLE
    }

    fn detach(&mut self, version: i32) {
        self.detached = Some(version);
    }

    fn target(&self) -> String {
        self.detached.map_or_else(|| R::TABLE.to_owned(), |version| versions::versioned(R::TABLE, version))
    }

    fn columns(&self) -> String {
        let columns: Vec<_> = R::COLUMNS.iter().map(|it| format!("{} {}", it.name, it.sql)).collect();
        format!("{} ({})", R::TABLE, columns.join(", "))
    }

    fn hold_everything(&mut self) {
        self.complete = true;
    }

    fn row_count(&self) -> usize {
        self.slots.values().filter(|it| it.row.is_some()).count()
    }

    fn lacks_rows(&self) -> bool {
        !self.missing.is_empty() || !self.missing_groups.is_empty()
    }

    fn keep(&mut self) {
        self.touched.clear();
    }

    fn undo(&mut self) {
        while let Some((key, before)) = self.touched.pop() {
            match (before, self.slots.get_mut(&key)) {
                (Some(before), Some(slot)) => {
                    slot.row = before.row;
                    slot.changed = before.changed;
                }
                (Some(_), None) => {}
                (None, _) => self.forget(&key),
            }
        }
    }

    fn reset(&mut self) {
        self.slots.retain(|_, slot| slot.stored.is_some());
        for slot in self.slots.values_mut() {
            slot.row = slot.stored.clone().flatten();
            slot.changed = false;
        }
        for group in self.groups.values_mut() {
            group.keys.retain(|key| self.slots.contains_key(key));
        }
    }

    async fn load_missing(&mut self, connection: &mut PgConnection) -> sqlx::Result<()> {
        let from = self.target();
        let keys: Vec<_> = self.missing.drain().collect();
        if !keys.is_empty() {
            let parameters = statements::key_columns::<R>(&keys);
            for row in fetch(connection, statements::select_by_key::<R>(&from), parameters).await? {
                self.remember(R::read(&row)?);
            }
            for key in keys {
                self.slots.entry(key).or_insert(Slot { row: None, stored: Some(None), changed: false });
            }
        }
        let groups: Vec<_> = self.missing_groups.drain().collect();
        if let (Some(column), false) = (R::GROUP, groups.is_empty()) {
            let sql = sqlx::AssertSqlSafe(statements::select_by_group::<R>(column, &from));
            for row in sqlx::query(sql).bind(&groups).fetch_all(connection).await? {
                self.remember(R::read(&row)?);
            }
            for group in groups {
                self.groups.entry(group).or_insert(Group { keys: Vec::new(), loaded: true }).loaded = true;
            }
        }
        Ok(())
    }

    async fn write_changes(&mut self, connection: &mut PgConnection, target: &str) -> sqlx::Result<u64> {
        let changed =
            || self.slots.iter().filter(|(_, it)| it.changed && it.stored.as_ref() != Some(&it.row));
        let upserts = statements::row_columns(changed().filter_map(|(_, it)| it.row.as_ref()));
        let deletes =
            statements::key_columns::<R>(changed().filter(|(_, it)| it.row.is_none()).map(|(key, _)| key));
        let mut written = 0;
        if !upserts.is_empty() {
            written += execute(connection, statements::upsert::<R>(target), upserts).await?;
        }
        if !deletes.is_empty() {
            written += execute(connection, statements::delete::<R>(target), deletes).await?;
        }
        Ok(written)
    }

    fn settle(&mut self) {
        self.slots.retain(|_, slot| slot.row.is_some());
        for slot in self.slots.values_mut() {
            slot.changed = false;
        }
    }

    async fn copy_all(
        &mut self,
        connection: &mut PgConnection,
        target: &str,
        written: &AtomicU64,
        pace: &Pace,
    ) -> sqlx::Result<()> {
        let mut copy = connection.copy_in_raw(&statements::copy::<R>(target)).await?;
        let mut chunk = Vec::with_capacity(COPY_CHUNK + 4096);
        chunk.extend_from_slice(statements::COPY_START);
        let at_once = pace.at_once(usize::MAX) as u64;
        let (mut rows, mut sent) = (0, 0);
        for row in self.slots.values().filter_map(|it| it.row.as_ref()) {
            statements::write_copy_row(row, &mut chunk);
            rows += 1;
            if chunk.len() >= COPY_CHUNK || rows - sent >= at_once {
                copy.send(chunk.as_slice()).await?;
                chunk.clear();
                written.store(rows, Ordering::Relaxed);
                pace.keep(usize::try_from(rows - sent).unwrap_or(usize::MAX)).await;
                sent = rows;
            }
        }
        chunk.extend_from_slice(statements::COPY_END);
        copy.send(chunk.as_slice()).await?;
        copy.finish().await?;
        written.store(rows, Ordering::Relaxed);
        Ok(())
    }

    async fn ids_beside(
        &mut self,
        connection: &mut PgConnection,
        ids: &HashSet<Uuid>,
    ) -> sqlx::Result<HashSet<Uuid>> {
        Table::ids_beside(self, connection, ids).await
    }

    async fn heal(&mut self, connection: &mut PgConnection, ids: &HashSet<Uuid>) -> sqlx::Result<(u64, u64)> {
        self.make_so(connection, ids).await
    }

    fn key_columns(&self) -> Vec<&'static str> {
        R::COLUMNS[..R::KEY_COLUMNS].iter().map(|it| it.name).collect()
    }

    fn checksums_sql(&self, target: &str) -> String {
        statements::checksums::<R>(target)
    }

    fn differences_sql(&self, live: &str, replayed: &str) -> String {
        statements::differences::<R>(live, replayed)
    }
}

/// A connection for [`AnyTable::copy_all`], for nobody else afterwards: a COPY that is given up while its last answer is
/// under way leaves that answer on the connection, and whoever used it next would take it for his own.
pub(crate) async fn copying(pool: &PgPool) -> sqlx::Result<PoolConnection<Postgres>> {
    let mut connection = pool.acquire().await?;
    connection.close_on_drop();
    Ok(connection)
}

impl<R: Row> Table<R> {
    /// Nothing is known of this row any more.
    fn forget(&mut self, key: &R::Key) {
        let group = self.slots.remove(key).and_then(|it| it.row).and_then(|it| it.group());
        if let Some(group) = group.and_then(|it| self.groups.get_mut(&it)) {
            group.keys.retain(|it| it != key);
        }
    }

    /// Takes a row that the database holds, unless it is here already and perhaps changed.
    fn remember(&mut self, row: R) {
        let key = row.key();
        if self.slots.contains_key(&key) {
            return;
        }
        if let Some(group) = row.group() {
            self.join_group(group, &key);
        }
        self.slots.insert(key, Slot { row: Some(row.clone()), stored: Some(Some(row)), changed: false });
    }

    /// The rows, for tests of folds.
    #[cfg(test)]
    pub(crate) fn rows(&self) -> Vec<&R> {
        self.slots.values().filter_map(|it| it.row.as_ref()).collect()
    }
}

impl<R: Row> fmt::Debug for Table<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Rows hold personal data: only their number.
        f.debug_struct("Table")
            .field("name", &R::TABLE)
            .field("rows", &self.slots.len())
            .finish_non_exhaustive()
    }
}

async fn fetch(
    connection: &mut PgConnection,
    sql: String,
    parameters: statements::Columns,
) -> sqlx::Result<Vec<sqlx::postgres::PgRow>> {
    bind(sql, parameters).fetch_all(connection).await
}

async fn execute(
    connection: &mut PgConnection,
    sql: String,
    parameters: statements::Columns,
) -> sqlx::Result<u64> {
    Ok(bind(sql, parameters).execute(connection).await?.rows_affected())
}

fn bind(
    sql: String,
    parameters: statements::Columns,
) -> sqlx::query::Query<'static, sqlx::Postgres, sqlx::postgres::PgArguments> {
    parameters
        .into_arrays()
        .into_iter()
        .fold(sqlx::query(sqlx::AssertSqlSafe(sql)), |query, array| query.bind(array))
}

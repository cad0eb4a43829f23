//! Making single rows of a table what they are in memory, where all are.

use std::collections::{HashMap, HashSet};

use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::{Table, execute, fetch};
use crate::row::Row;
use crate::statements;

impl<R: Row> Table<R> {
    /// Writes the rows that bear one of these ids, stored or here; how many there are, and how many were different.
    pub(super) async fn make_so(
        &self,
        connection: &mut PgConnection,
        ids: &HashSet<Uuid>,
    ) -> sqlx::Result<(u64, u64)> {
        let keys = self.bearing(connection, ids).await?;
        let mut stored = HashMap::new();
        let parameters = statements::key_columns::<R>(&keys);
        for row in fetch(connection, statements::select_by_key::<R>(R::TABLE), parameters).await? {
            let row = R::read(&row)?;
            stored.insert(row.key(), row);
        }
        let here = |key: &R::Key| self.slots.get(key).and_then(|it| it.row.as_ref());
        let different: Vec<_> = keys.iter().filter(|it| here(it) != stored.get(it)).collect();
        let upserts = statements::row_columns(different.iter().filter_map(|it| here(it)));
        let deletes = statements::key_columns::<R>(different.iter().copied().filter(|it| here(it).is_none()));
        if !upserts.is_empty() {
            execute(connection, statements::upsert::<R>(R::TABLE), upserts).await?;
        }
        if !deletes.is_empty() {
            execute(connection, statements::delete::<R>(R::TABLE), deletes).await?;
        }
        Ok((keys.len() as u64, different.len() as u64))
    }

    /// The ids in the keys of the rows that bear one of these, but for those of people, who have rows everywhere: what belongs
    /// to a row bears such an id, and perhaps no other (a match knows its request, and only that knows its communities).
    pub(super) async fn ids_beside(
        &self,
        connection: &mut PgConnection,
        ids: &HashSet<Uuid>,
    ) -> sqlx::Result<HashSet<Uuid>> {
        let mut beside = HashSet::new();
        for key in self.bearing(connection, ids).await? {
            let mut columns = R::COLUMNS.iter();
            R::each_key_cell(&key, &mut |cell| {
                let mut text = String::new();
                if columns.next().is_some_and(|it| it.sql == "uuid" && !it.name.ends_with("user_id"))
                    && cell.write_text(&mut text)
                {
                    beside.extend(Uuid::try_parse(&text));
                }
            });
        }
        Ok(beside)
    }

    /// The keys of the rows that bear one of these ids, stored or here.
    async fn bearing(
        &self,
        connection: &mut PgConnection,
        ids: &HashSet<Uuid>,
    ) -> sqlx::Result<HashSet<R::Key>> {
        let mut keys: HashSet<R::Key> = self
            .slots
            .iter()
            .filter(|(_, it)| it.row.as_ref().is_some_and(|it| bears(it, ids)))
            .map(|it| it.0.clone())
            .collect();
        if let Some(sql) = statements::select_by_ids::<R>() {
            let ids: Vec<Uuid> = ids.iter().copied().collect();
            for row in sqlx::query(sqlx::AssertSqlSafe(sql)).bind(ids).fetch_all(&mut *connection).await? {
                keys.insert(R::read(&row)?.key());
            }
        }
        Ok(keys)
    }
}

/// Whether a column of the row is one of these ids, or has one among its values.
fn bears<R: Row>(row: &R, ids: &HashSet<Uuid>) -> bool {
    let is_one = |text: &str| Uuid::try_parse(text).is_ok_and(|it| ids.contains(&it));
    let (mut columns, mut found) = (R::COLUMNS.iter(), false);
    row.each_cell(&mut |cell| {
        let mut text = String::new();
        found |= match columns.next().map(|it| it.sql) {
            Some("uuid") => cell.write_text(&mut text) && is_one(&text),
            // An array literal: whatever stands between quotes is a value.
            Some("uuid[]") => cell.write_text(&mut text) && text.split('"').any(is_one),
            _ => false,
        };
    });
    found
}

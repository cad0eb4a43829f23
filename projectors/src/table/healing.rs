//! Making single rows of a table what they are in memory, where all are.

use std::collections::{HashMap, HashSet};

use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::{Table, execute, fetch};
use crate::row::Row;
use crate::statements;

impl<R: Row> Table<R> {
    /// Writes the rows that bear this id, stored or here; how many there are, and how many were different.
    pub(super) async fn make_so(&self, connection: &mut PgConnection, id: Uuid) -> sqlx::Result<(u64, u64)> {
        let mut keys: HashSet<R::Key> = self
            .slots
            .iter()
            .filter(|(_, it)| it.row.as_ref().is_some_and(|it| bears(it, id)))
            .map(|it| it.0.clone())
            .collect();
        if let Some(sql) = statements::select_by_id::<R>() {
            for row in sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id).fetch_all(&mut *connection).await? {
                keys.insert(R::read(&row)?.key());
            }
        }
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
}

/// Whether a column of the row is this id, or has it among its values.
fn bears<R: Row>(row: &R, id: Uuid) -> bool {
    let (id, mut columns, mut found) = (id.to_string(), R::COLUMNS.iter(), false);
    row.each_cell(&mut |cell| {
        let mut text = String::new();
        found |= match columns.next().map(|it| it.sql) {
            Some("uuid") => cell.write_text(&mut text) && text == id,
            Some("uuid[]") => cell.write_text(&mut text) && text.contains(&id),
            _ => false,
        };
    });
    found
}

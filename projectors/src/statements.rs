//! The SQL of a table, made from its row's description: one statement per table and batch, whatever the number of rows.

use std::fmt::Write as _;

use crate::column::{Cell, write_with_length};
use crate::row::{ColumnSpec, Row};

/// Parameters of an UNNEST: a text array per column.
#[derive(Debug)]
pub(crate) struct Columns(Vec<Vec<Option<String>>>);

impl Columns {
    /// No values yet, for so many columns.
    pub(crate) fn new(count: usize) -> Self {
        Self(vec![Vec::new(); count])
    }

    /// Adds the value of one row to a column.
    pub(crate) fn push(&mut self, column: usize, cell: &dyn Cell) {
        let mut text = String::new();
        let present = cell.write_text(&mut text);
        self.0[column].push(present.then_some(text));
    }

    /// Whether no row was added.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.first().is_none_or(Vec::is_empty)
    }

    /// The arrays, in the order of the columns.
    pub(crate) fn into_arrays(self) -> Vec<Vec<Option<String>>> {
        self.0
    }
}

/// The values of rows, for [`upsert`].
pub(crate) fn row_columns<'a, R: Row>(rows: impl IntoIterator<Item = &'a R>) -> Columns {
    let mut columns = Columns::new(R::COLUMNS.len());
    for row in rows {
        let mut index = 0..;
        row.each_cell(&mut |cell| columns.push(index.next().unwrap_or_default(), cell));
    }
    columns
}

/// The values of keys, for [`select_by_key`] and [`delete`].
pub(crate) fn key_columns<'a, R: Row>(keys: impl IntoIterator<Item = &'a R::Key>) -> Columns {
    let mut columns = Columns::new(R::KEY_COLUMNS);
    for key in keys {
        let mut index = 0..;
        R::each_key_cell(key, &mut |cell| columns.push(index.next().unwrap_or_default(), cell));
    }
    columns
}

/// Selects rows of `table` by key; parameters: the key's columns.
pub(crate) fn select_by_key<R: Row>(table: &str) -> String {
    let columns = list(R::COLUMNS, |it| format!("t.\"{}\"", it.name));
    format!("SELECT {columns} FROM {table} AS t JOIN {} ON {}", unnest(key_of::<R>()), matches_key::<R>())
}

/// Selects the rows of groups from `table`; parameter: the groups as uuid[].
pub(crate) fn select_by_group<R: Row>(group: &str, table: &str) -> String {
    let columns = list(R::COLUMNS, |it| format!("\"{}\"", it.name));
    format!("SELECT {columns} FROM {table} WHERE \"{group}\" = ANY ($1) AND {}", R::GROUP_CONDITION)
}

/// Selects all rows that have one of these ids in one of their columns; parameter: the ids as uuid[]. None when no column has
/// ids.
pub(crate) fn select_by_ids<R: Row>() -> Option<String> {
    let with_ids = |it: &&ColumnSpec| it.sql.starts_with("uuid");
    let condition = |it: &ColumnSpec| match it.sql {
        "uuid" => format!("\"{}\" = ANY ($1)", it.name),
        _ => format!("\"{}\" && $1", it.name),
    };
    let conditions: Vec<_> = R::COLUMNS.iter().filter(with_ids).map(condition).collect();
    let columns = list(R::COLUMNS, |it| format!("\"{}\"", it.name));
    let found = || format!("SELECT {columns} FROM {} WHERE {}", R::TABLE, conditions.join(" OR "));
    (!conditions.is_empty()).then(found)
}

/// Writes rows into `table`, new or not; parameters: all columns.
pub(crate) fn upsert<R: Row>(table: &str) -> String {
    let names = list(R::COLUMNS, |it| format!("\"{}\"", it.name));
    let values = list(R::COLUMNS, |it| format!("k.\"{}\"::{}", it.name, it.sql));
    let key = list(key_of::<R>(), |it| format!("\"{}\"", it.name));
    let others = list(&R::COLUMNS[R::KEY_COLUMNS..], |it| format!("\"{0}\" = excluded.\"{0}\"", it.name));
    let conflict = if others.is_empty() { "NOTHING".to_owned() } else { format!("UPDATE SET {others}") };
    format!(
        "INSERT INTO {table} ({names}) SELECT {values} FROM {} ON CONFLICT ({key}) DO {conflict}",
        unnest(R::COLUMNS)
    )
}

/// Deletes rows of `table` by key; parameters: the key's columns.
pub(crate) fn delete<R: Row>(table: &str) -> String {
    format!("DELETE FROM {table} AS t USING {} WHERE {}", unnest(key_of::<R>()), matches_key::<R>())
}

/// Takes rows in COPY binary format: [`COPY_START`], rows by [`write_copy_row`], [`COPY_END`].
pub(crate) fn copy<R: Row>(table: &str) -> String {
    let names = list(R::COLUMNS, |it| format!("\"{}\"", it.name));
    format!("COPY {table} ({names}) FROM STDIN (FORMAT binary)")
}

/// Signature, no flags, no extension.
pub(crate) const COPY_START: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// A row of -1 columns.
pub(crate) const COPY_END: &[u8] = &[0xff, 0xff];

/// Appends a row in COPY binary format: the number of columns, each with its length.
pub(crate) fn write_copy_row<R: Row>(row: &R, into: &mut Vec<u8>) {
    // Tables have at most 1 600 columns.
    into.extend_from_slice(&(R::COLUMNS.len() as u16).to_be_bytes());
    row.each_cell(&mut |cell| write_with_length(cell, into));
}

/// Ranges that the keys of a table are divided into.
const RANGES: u8 = 16;

/// Per range of keys, and for all of them with a null in place of the range: number of rows, and a sum of row hashes that
/// does not depend on their order.
pub(crate) fn checksums<R: Row>(table: &str) -> String {
    let (range, content) = (range::<R>(), content(R::COLUMNS));
    format!(
        "SELECT range, count(*), COALESCE(sum(hash), 0)::text
         FROM (SELECT {range} AS range, hashtextextended({content}, 0)::numeric AS hash FROM {table}) AS rows
         GROUP BY GROUPING SETS ((range), ()) ORDER BY range"
    )
}

/// Rows of two tables that differ: both of them as JSON, and how many there are; parameters: the ranges of keys to look at,
/// and how many to yield.
pub(crate) fn differences<R: Row>(live: &str, replayed: &str) -> String {
    let (range, id, content) = (range::<R>(), content(key_of::<R>()), content(R::COLUMNS));
    let side = |table| {
        format!(
            "(SELECT {id} AS id, {content} AS content, to_jsonb(t) AS value FROM {table} AS t WHERE {range} = ANY ($1))"
        )
    };
    format!(
        "SELECT l.value, r.value, count(*) OVER ()
         FROM {} AS l FULL JOIN {} AS r USING (id)
         WHERE l.content IS DISTINCT FROM r.content ORDER BY id LIMIT $2",
        side(live),
        side(replayed)
    )
}

/// The range that the key of a row falls into.
fn range<R: Row>() -> String {
    format!("(hashtextextended({}, 0) & {})::integer", content(key_of::<R>()), RANGES - 1)
}

/// Columns of a row as one text.
fn content(columns: &[ColumnSpec]) -> String {
    format!("ROW({})::text", list(columns, |it| format!("\"{}\"", it.name)))
}

/// The key's columns.
fn key_of<R: Row>() -> &'static [ColumnSpec] {
    &R::COLUMNS[..R::KEY_COLUMNS]
}

/// `unnest($1::text[], …) AS k("a", …)`.
fn unnest(columns: &[ColumnSpec]) -> String {
    let mut parameters = String::new();
    for index in 1..=columns.len() {
        let comma = if index > 1 { ", " } else { "" };
        // Writing to a String cannot fail.
        let _ = write!(parameters, "{comma}${index}::text[]");
    }
    format!("unnest({parameters}) AS k({})", list(columns, |it| format!("\"{}\"", it.name)))
}

/// The condition that `t` has the key `k`.
fn matches_key<R: Row>() -> String {
    let conditions = key_of::<R>().iter().map(|it| {
        // `=` can use an index, `IS NOT DISTINCT FROM` cannot: the other columns of the key find the row.
        let operator = if it.nullable { "IS NOT DISTINCT FROM" } else { "=" };
        format!("t.\"{0}\" {operator} k.\"{0}\"::{1}", it.name, it.sql)
    });
    conditions.collect::<Vec<_>>().join(" AND ")
}

/// Columns, comma-separated.
fn list(columns: &[ColumnSpec], show: impl Fn(&ColumnSpec) -> String) -> String {
    columns.iter().map(show).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::{Row as _, delete, select_by_key, upsert};
    use crate::row::row;

    row! {
        /// A row with a key of two columns, one of them nullable.
        struct Switch in "some.switches" (owner: uuid::Uuid, place: Option<String>) { on: bool, }
    }

    #[test]
    fn statements_name_every_column_with_its_type() {
        assert_eq!(
            upsert::<Switch>(Switch::TABLE),
            "INSERT INTO some.switches (\"owner\", \"place\", \"on\") \
             SELECT k.\"owner\"::uuid, k.\"place\"::text, k.\"on\"::boolean \
             FROM unnest($1::text[], $2::text[], $3::text[]) AS k(\"owner\", \"place\", \"on\") \
             ON CONFLICT (\"owner\", \"place\") DO UPDATE SET \"on\" = excluded.\"on\""
        );
        let condition =
            "t.\"owner\" = k.\"owner\"::uuid AND t.\"place\" IS NOT DISTINCT FROM k.\"place\"::text";
        assert!(select_by_key::<Switch>(Switch::TABLE).ends_with(condition));
        assert!(delete::<Switch>(Switch::TABLE).ends_with(condition));
    }
}

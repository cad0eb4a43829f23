//! The SQL of a table, made from its row's description: one statement per table and batch, whatever the number of rows.

use std::fmt::Write as _;

use crate::column::Cell;
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
        let present = cell.write(&mut text);
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

/// Selects rows by key; parameters: the key's columns.
pub(crate) fn select_by_key<R: Row>() -> String {
    let (columns, table) = (list(R::COLUMNS, |it| format!("t.\"{}\"", it.name)), R::TABLE);
    format!("SELECT {columns} FROM {table} AS t JOIN {} ON {}", unnest(key_of::<R>()), matches_key::<R>())
}

/// Selects all rows of groups; parameter: the groups as uuid[].
pub(crate) fn select_by_group<R: Row>(group: &str) -> String {
    let columns = list(R::COLUMNS, |it| format!("\"{}\"", it.name));
    format!("SELECT {columns} FROM {} WHERE \"{group}\" = ANY ($1)", R::TABLE)
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

/// Takes rows in COPY text format, see [`write_copy_line`].
pub(crate) fn copy<R: Row>(table: &str) -> String {
    let names = list(R::COLUMNS, |it| format!("\"{}\"", it.name));
    format!("COPY {table} ({names}) FROM STDIN")
}

/// Number of rows, and a sum of row hashes that does not depend on their order.
pub(crate) fn checksum<R: Row>(table: &str) -> String {
    let values = list(R::COLUMNS, |it| format!("\"{}\"", it.name));
    format!(
        "SELECT count(*) AS rows, COALESCE(sum(hashtextextended(ROW({values})::text, 0)::numeric), 0)::text AS hash FROM {table}"
    )
}

/// Appends a row in COPY text format: tab-separated, `\N` for NULL, newline at the end.
pub(crate) fn write_copy_line<R: Row>(row: &R, into: &mut String) {
    let mut cell_text = String::new();
    let mut first = true;
    row.each_cell(&mut |cell| {
        if !first {
            into.push('\t');
        }
        first = false;
        cell_text.clear();
        if cell.write(&mut cell_text) {
            escape(&cell_text, into);
        } else {
            into.push_str("\\N");
        }
    });
    into.push('\n');
}

/// Appends text with the four characters escaped that mean something to COPY.
fn escape(text: &str, into: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find(['\\', '\t', '\n', '\r']) {
        into.push_str(&rest[..at]);
        into.push_str(match rest.as_bytes()[at] {
            b'\\' => "\\\\",
            b'\t' => "\\t",
            b'\n' => "\\n",
            _ => "\\r",
        });
        rest = &rest[at + 1..];
    }
    into.push_str(rest);
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
    use super::{Row as _, delete, escape, select_by_key, upsert};
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
        assert!(select_by_key::<Switch>().ends_with(condition));
        assert!(delete::<Switch>(Switch::TABLE).ends_with(condition));
    }

    #[test]
    fn copy_text_escapes_what_would_end_a_field_or_a_line() {
        let mut text = String::new();
        escape("a\tb\nc\\d\re", &mut text);
        assert_eq!(text, "a\\tb\\nc\\\\d\\re");
    }
}

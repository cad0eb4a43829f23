//! Rows: one struct per table, which is the one place that says its columns, its key and how it is looked up.

use std::fmt::Debug;
use std::hash::Hash;

use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::column::Cell;

/// A row of a read table; declared with [`row!`].
pub trait Row: Clone + Debug + PartialEq + Send + Sync + 'static {
    /// What identifies it.
    type Key: Clone + Debug + Eq + Hash + Send + Sync;

    /// The table, `schema.name`.
    const TABLE: &'static str;
    /// All columns, the key's first.
    const COLUMNS: &'static [ColumnSpec];
    /// How many of them are the key.
    const KEY_COLUMNS: usize;
    /// The column by which rows are also fetched together.
    const GROUP: Option<&'static str>;
    /// What SQL says of the rows that are fetched so, when others are never asked for; true without.
    const GROUP_CONDITION: &'static str;

    /// Its key.
    fn key(&self) -> Self::Key;
    /// The group that it belongs to, when its table has groups.
    fn group(&self) -> Option<Uuid>;
    /// Visits its values in the order of the columns.
    fn each_cell(&self, visit: &mut dyn FnMut(&dyn Cell));
    /// Visits the values of a key in the order of the columns.
    fn each_key_cell(key: &Self::Key, visit: &mut dyn FnMut(&dyn Cell));
    /// Reads it from a result that has all columns in order.
    ///
    /// # Errors
    /// When a column is missing or has another type.
    fn read(row: &PgRow) -> sqlx::Result<Self>;
}

/// A column as SQL sees it.
#[derive(Debug)]
pub struct ColumnSpec {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub sql: &'static str,
    /// Whether it takes NULL.
    pub nullable: bool,
}

/// Declares a row: `row! { struct Name in "schema.table" (key: Type, …) [by group_column [where "condition"]] { column: Type,
/// … } }`. With a condition, a change of a whole group must leave rows as they are that do not meet it: they may be absent.
/// Columns with a default that no event changes may stay out.
#[macro_export]
macro_rules! row {
    (
        $(#[$doc:meta])*
        struct $name:ident in $table:literal ($($key:ident: $key_type:ty),+) $(by $group:ident $(where $condition:literal)?)? {
            $($column:ident: $type:ty,)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub(crate) struct $name {
            $(pub(crate) $key: $key_type,)+
            $(pub(crate) $column: $type,)*
        }

        impl $crate::row::Row for $name {
            type Key = $crate::key_type!($($key_type),+);

            const TABLE: &'static str = $table;
            const COLUMNS: &'static [$crate::row::ColumnSpec] = &[
                $($crate::row::column::<$key_type>(stringify!($key)),)+
                $($crate::row::column::<$type>(stringify!($column)),)*
            ];
            const KEY_COLUMNS: usize = [$(stringify!($key)),+].len();
            const GROUP: Option<&'static str> = $crate::row::group_column(&[$(stringify!($group))?]);
            const GROUP_CONDITION: &'static str = concat!("true" $($(, " AND ", $condition)?)?);

            fn key(&self) -> Self::Key {
                ($(self.$key.clone()),+)
            }

            fn group(&self) -> Option<uuid::Uuid> {
                None $(.or(Some(self.$group.uuid())))?
            }

            fn each_cell(&self, visit: &mut dyn FnMut(&dyn $crate::column::Cell)) {
                $(visit(&self.$key);)+
                $(visit(&self.$column);)*
            }

            fn each_key_cell(key: &Self::Key, visit: &mut dyn FnMut(&dyn $crate::column::Cell)) {
                let $crate::key_pattern!($($key),+) = key;
                $(visit($key);)+
            }

            fn read(row: &sqlx::postgres::PgRow) -> sqlx::Result<Self> {
                Ok(Self {
                    $($key: $crate::row::get(row, stringify!($key))?,)+
                    $($column: $crate::row::get(row, stringify!($column))?,)*
                })
            }
        }
    };
}
pub(crate) use row;

/// The type of a key: that of its only column, or a tuple.
#[doc(hidden)]
#[macro_export]
macro_rules! key_type {
    ($only:ty) => { $only };
    ($($column:ty),+) => { ($($column),+) };
}

/// The pattern that takes a key apart.
#[doc(hidden)]
#[macro_export]
macro_rules! key_pattern {
    ($only:ident) => { $only };
    ($($column:ident),+) => { ($($column),+) };
}

/// The description of a column of type `C`.
#[must_use]
pub const fn column<C: crate::column::Column>(name: &'static str) -> ColumnSpec {
    ColumnSpec { name: plain(name), sql: C::SQL, nullable: C::NULLABLE }
}

/// The name of a field without the `r#` that a keyword needs.
const fn plain(name: &str) -> &str {
    match name.as_bytes() {
        [b'r', b'#', ..] => name.split_at(2).1,
        _ => name,
    }
}

/// The group column of a declaration that names at most one.
#[must_use]
pub const fn group_column(named: &[&'static str]) -> Option<&'static str> {
    match named {
        [name, ..] => Some(name),
        [] => None,
    }
}

/// The value of a column.
///
/// # Errors
/// When there is none, or it has another type.
pub fn get<C: crate::column::Column>(row: &PgRow, name: &str) -> sqlx::Result<C> {
    use sqlx::Row as _;
    row.try_get(plain(name)).map(C::from_native)
}

//! Column types: how a Rust value looks in PostgreSQL.
//!
//! Values travel to the server as text, in UNNEST and in COPY alike: one encoder, and a cast to the column's type there.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use event_schemas::{CommunityId, EventId, MatchId, NotificationId, RequestId, Timestamp, UserId};
use serde_json::Value;
use sqlx::Postgres;
use sqlx::postgres::{PgHasArrayType, PgTypeInfo};
use sqlx::types::Json;
use uuid::Uuid;

/// A value that can be written as text.
pub(crate) trait Cell {
    /// Appends the text form; false for NULL, which appends nothing.
    fn write(&self, into: &mut String) -> bool;
}

/// The type of a column.
pub(crate) trait Column: Cell + Sized {
    /// Its name in SQL.
    const SQL: &'static str;
    /// Whether it takes NULL.
    const NULLABLE: bool = false;
    /// What the driver reads.
    type Native: for<'row> sqlx::Decode<'row, Postgres> + sqlx::Type<Postgres>;
    /// The value of what was read.
    fn from_native(native: Self::Native) -> Self;
}

impl<T: Cell> Cell for Option<T> {
    fn write(&self, into: &mut String) -> bool {
        self.as_ref().is_some_and(|it| it.write(into))
    }
}

impl<T: Column> Column for Option<T> {
    const SQL: &'static str = T::SQL;
    const NULLABLE: bool = true;
    type Native = Option<T::Native>;

    fn from_native(native: Self::Native) -> Self {
        native.map(T::from_native)
    }
}

/// Columns whose text form is their `Display` and whose value the driver reads as it is.
macro_rules! plain_columns {
    ($($type:ty => $sql:literal,)*) => {$(
        impl Cell for $type {
            fn write(&self, into: &mut String) -> bool {
                write!(into, "{self}").is_ok()
            }
        }

        impl Column for $type {
            const SQL: &'static str = $sql;
            type Native = $type;

            fn from_native(native: Self::Native) -> Self {
                native
            }
        }
    )*};
}

plain_columns! {
    Uuid => "uuid",
    String => "text",
    bool => "boolean",
    i32 => "integer",
    i64 => "bigint",
    f64 => "double precision",
}

/// Columns that hold a typed id.
macro_rules! id_columns {
    ($($id:ident,)*) => {$(
        impl Cell for $id {
            fn write(&self, into: &mut String) -> bool {
                self.uuid().write(into)
            }
        }

        impl Column for $id {
            const SQL: &'static str = "uuid";
            type Native = Uuid;

            fn from_native(native: Self::Native) -> Self {
                Self::new(native)
            }
        }
    )*};
}

id_columns! { CommunityId, EventId, MatchId, NotificationId, RequestId, UserId, }

impl Cell for Timestamp {
    fn write(&self, into: &mut String) -> bool {
        write!(into, "{self}").is_ok()
    }
}

impl Column for Timestamp {
    const SQL: &'static str = "timestamptz";
    type Native = DateTime<Utc>;

    fn from_native(native: Self::Native) -> Self {
        native.into()
    }
}

impl Cell for Value {
    fn write(&self, into: &mut String) -> bool {
        write!(into, "{self}").is_ok()
    }
}

impl Column for Value {
    const SQL: &'static str = "jsonb";
    type Native = Json<Self>;

    fn from_native(native: Self::Native) -> Self {
        native.0
    }
}

/// Array literals: every element quoted, so that commas, braces and the word NULL in it mean nothing.
impl<T: Cell> Cell for Vec<T> {
    fn write(&self, into: &mut String) -> bool {
        let mut element = String::new();
        into.push('{');
        for (index, it) in self.iter().enumerate() {
            if index > 0 {
                into.push(',');
            }
            element.clear();
            it.write(&mut element);
            into.push('"');
            for character in element.chars() {
                if matches!(character, '"' | '\\') {
                    into.push('\\');
                }
                into.push(character);
            }
            into.push('"');
        }
        into.push('}');
        true
    }
}

impl Column for Vec<CommunityId> {
    const SQL: &'static str = "uuid[]";
    type Native = Vec<Uuid>;

    fn from_native(native: Self::Native) -> Self {
        native.into_iter().map(CommunityId::new).collect()
    }
}

/// An array of text.
#[derive(Debug)]
pub(crate) struct TextArray(Vec<String>);

impl sqlx::Type<Postgres> for TextArray {
    fn type_info() -> PgTypeInfo {
        String::array_type_info()
    }
}

impl<'row> sqlx::Decode<'row, Postgres> for TextArray {
    fn decode(value: sqlx::postgres::PgValueRef<'row>) -> Result<Self, sqlx::error::BoxDynError> {
        Vec::decode(value).map(Self)
    }
}

impl Column for Vec<String> {
    const SQL: &'static str = "text[]";
    type Native = TextArray;

    fn from_native(native: Self::Native) -> Self {
        native.0
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Cell;

    fn text(cell: &dyn Cell) -> Option<String> {
        let mut text = String::new();
        cell.write(&mut text).then_some(text)
    }

    #[test]
    fn array_elements_are_quoted_so_that_their_text_means_nothing() {
        let tags: Vec<String> = ["a,b", "NULL", "say \"hi\"", "back\\slash", ""].map(str::to_owned).into();
        assert_eq!(text(&tags).as_deref(), Some(r#"{"a,b","NULL","say \"hi\"","back\\slash",""}"#));
    }

    #[test]
    fn an_absent_value_is_null_and_an_empty_one_is_not() {
        assert_eq!(text(&None::<String>), None);
        assert_eq!(text(&Some(String::new())).as_deref(), Some(""));
        assert_eq!(text(&json!({"a": 1})).as_deref(), Some(r#"{"a":1}"#));
    }
}

//! Column types: how a Rust value looks in PostgreSQL.
//!
//! Two forms: text for UNNEST, which casts it to the column's type on the server, and binary for COPY, where speed counts.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use event_schemas::{CommunityId, EventId, MatchId, NotificationId, RequestId, Timestamp, UserId};
use serde_json::Value;
use sqlx::Postgres;
use sqlx::postgres::{PgHasArrayType, PgTypeInfo};
use sqlx::types::Json;
use uuid::Uuid;

/// 2000-01-01, from which PostgreSQL counts, in microseconds since 1970.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

/// The version byte that jsonb begins with.
const JSONB_VERSION: u8 = 1;

/// A value that can be written.
pub trait Cell {
    /// Appends the text form; false for NULL, which appends nothing.
    fn write_text(&self, into: &mut String) -> bool;
    /// Appends the binary form without its length; false for NULL, which appends nothing.
    fn write_binary(&self, into: &mut Vec<u8>) -> bool;
}

/// The type of a column.
pub trait Column: Cell + Sized {
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
    fn write_text(&self, into: &mut String) -> bool {
        self.as_ref().is_some_and(|it| it.write_text(into))
    }

    fn write_binary(&self, into: &mut Vec<u8>) -> bool {
        self.as_ref().is_some_and(|it| it.write_binary(into))
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

/// Columns whose text form is their `Display`, with their binary form.
macro_rules! columns {
    ($($type:ty: $sql:literal as $native:ty, $from_native:expr, |$it:ident| $binary:expr;)*) => {$(
        impl Cell for $type {
            fn write_text(&self, into: &mut String) -> bool {
                write!(into, "{self}").is_ok()
            }

            fn write_binary(&self, into: &mut Vec<u8>) -> bool {
                let $it = self;
                into.extend_from_slice($binary);
                true
            }
        }

        impl Column for $type {
            const SQL: &'static str = $sql;
            type Native = $native;

            fn from_native(native: Self::Native) -> Self {
                $from_native(native)
            }
        }
    )*};
}

columns! {
    Uuid: "uuid" as Self, std::convert::identity, |it| it.as_bytes();
    CommunityId: "uuid" as Uuid, Self::new, |it| it.uuid().as_bytes();
    EventId: "uuid" as Uuid, Self::new, |it| it.uuid().as_bytes();
    MatchId: "uuid" as Uuid, Self::new, |it| it.uuid().as_bytes();
    NotificationId: "uuid" as Uuid, Self::new, |it| it.uuid().as_bytes();
    RequestId: "uuid" as Uuid, Self::new, |it| it.uuid().as_bytes();
    UserId: "uuid" as Uuid, Self::new, |it| it.uuid().as_bytes();
    String: "text" as Self, std::convert::identity, |it| it.as_bytes();
    bool: "boolean" as Self, std::convert::identity, |it| &[u8::from(*it)];
    i32: "integer" as Self, std::convert::identity, |it| &it.to_be_bytes();
    i64: "bigint" as Self, std::convert::identity, |it| &it.to_be_bytes();
    f64: "double precision" as Self, std::convert::identity, |it| &it.to_be_bytes();
    Timestamp: "timestamptz" as DateTime<Utc>, Self::from, |it| &(it.micros() - POSTGRES_EPOCH).to_be_bytes();
}

impl Cell for Value {
    fn write_text(&self, into: &mut String) -> bool {
        write!(into, "{self}").is_ok()
    }

    fn write_binary(&self, into: &mut Vec<u8>) -> bool {
        into.push(JSONB_VERSION);
        serde_json::to_writer(into, self).is_ok()
    }
}

impl Column for Value {
    const SQL: &'static str = "jsonb";
    type Native = Json<Self>;

    fn from_native(native: Self::Native) -> Self {
        native.0
    }
}

/// The type of an array's elements.
pub trait Element: Cell {
    /// Its number in PostgreSQL's catalog.
    const OID: u32;
}

impl Element for CommunityId {
    const OID: u32 = 2950;
}

impl Element for String {
    const OID: u32 = 25;
}

impl<T: Element> Cell for Vec<T> {
    /// An array literal; every element is quoted, so that commas, braces and the word NULL in it mean nothing.
    fn write_text(&self, into: &mut String) -> bool {
        let mut element = String::new();
        into.push('{');
        for (index, it) in self.iter().enumerate() {
            if index > 0 {
                into.push(',');
            }
            element.clear();
            it.write_text(&mut element);
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

    /// Dimensions, whether there are NULLs, type of the elements; per dimension length and lower bound; the elements.
    fn write_binary(&self, into: &mut Vec<u8>) -> bool {
        let dimensions = u32::from(!self.is_empty());
        for head in [dimensions, 0, T::OID] {
            into.extend_from_slice(&head.to_be_bytes());
        }
        if !self.is_empty() {
            into.extend_from_slice(&length(self.len()).to_be_bytes());
            into.extend_from_slice(&1_i32.to_be_bytes());
        }
        for element in self {
            write_with_length(element, into);
        }
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

impl Column for Vec<String> {
    const SQL: &'static str = "text[]";
    type Native = TextArray;

    fn from_native(native: Self::Native) -> Self {
        native.0
    }
}

/// An array of text, as the driver reads it.
#[derive(Debug)]
pub struct TextArray(Vec<String>);

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

/// Appends the binary form behind its length in bytes, -1 for NULL.
pub(crate) fn write_with_length(cell: &(impl Cell + ?Sized), into: &mut Vec<u8>) {
    let at = into.len();
    into.extend_from_slice(&(-1_i32).to_be_bytes());
    if cell.write_binary(into) {
        let bytes = length(into.len() - at - size_of::<i32>());
        into[at..at + size_of::<i32>()].copy_from_slice(&bytes.to_be_bytes());
    }
}

/// A length in PostgreSQL's protocol. No value comes near 2 GiB: an event has at most 256 KiB.
fn length(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use event_schemas::Timestamp;
    use serde_json::json;

    use super::{Cell, write_with_length};

    fn text(cell: &dyn Cell) -> Option<String> {
        let mut text = String::new();
        cell.write_text(&mut text).then_some(text)
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

    #[test]
    fn binary_values_stand_behind_their_length() {
        let mut bytes = Vec::new();
        write_with_length(&None::<i32>, &mut bytes);
        write_with_length(&Some(7_i32), &mut bytes);
        write_with_length(&Timestamp::from_micros(super::POSTGRES_EPOCH + 1), &mut bytes);
        assert_eq!(bytes, [255, 255, 255, 255, 0, 0, 0, 4, 0, 0, 0, 7, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1]);
    }
}

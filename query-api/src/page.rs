//! Pages of lists: by number, or by an opaque cursor that inserts do not shift.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Datelike, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use service_kit::answer::{Pagination, Problem};
use sqlx::QueryBuilder;
use sqlx::postgres::{PgConnection, Postgres};
use uuid::Uuid;

use crate::params::Params;

/// Items of a page unless the client says otherwise.
const DEFAULT_LIMIT: u32 = 20;

/// A value that a list is sorted by. A cursor comes back from the client, who may have made it up, so what PostgreSQL
/// would refuse is refused before.
pub(crate) trait SortKey: Serialize + DeserializeOwned {
    /// Whether a row can have this value.
    fn is_possible(&self) -> bool;
}

impl SortKey for DateTime<Utc> {
    fn is_possible(&self) -> bool {
        (1970..10_000).contains(&self.year())
    }
}

impl SortKey for String {
    fn is_possible(&self) -> bool {
        !self.contains('\0')
    }
}

/// An instant, then two numbers.
impl SortKey for (DateTime<Utc>, i64, i64) {
    fn is_possible(&self) -> bool {
        self.0.is_possible()
    }
}

/// A flag, then an instant.
impl SortKey for (bool, DateTime<Utc>) {
    fn is_possible(&self) -> bool {
        self.1.is_possible()
    }
}

/// The page that a client asks for. `K` is the value that the list is sorted by; ties are settled by id.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Page<K> {
    number: u32,
    /// Most items.
    pub(crate) limit: u32,
    /// The last item of the page before, when the client goes on by cursor.
    pub(crate) after: Option<(K, Uuid)>,
    order: &'static str,
}

impl<K: SortKey> Page<K> {
    /// Reads `page`, `limit` and `cursor`. A cursor is good only for the order that it was made in.
    pub(crate) fn read(params: &mut Params, order: &'static str) -> Result<Self, Problem> {
        Self::read_with_limit(params, order, DEFAULT_LIMIT)
    }

    /// The same with another default limit.
    pub(crate) fn read_with_limit(
        params: &mut Params,
        order: &'static str,
        default_limit: u32,
    ) -> Result<Self, Problem> {
        let limit = params.integer("limit", 1..=100).unwrap_or(default_limit);
        let number = params.integer("page", 1..=1_000_000).unwrap_or(1);
        let after = params.text("cursor").map(|it| decode(&it, order)).transpose()?;
        Ok(Self { number, limit, after, order })
    }

    /// For `LIMIT`: one more than shown, to know whether there is a next page.
    pub(crate) fn fetch(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// For `OFFSET`.
    pub(crate) fn offset(&self) -> i64 {
        if self.after.is_some() { 0 } else { i64::from(self.number - 1) * i64::from(self.limit) }
    }

    /// The sort value of the last item before; none starts from the beginning.
    pub(crate) fn after_key(&self) -> Option<&K> {
        self.after.as_ref().map(|(key, _)| key)
    }

    /// The id of the last item before.
    pub(crate) fn after_id(&self) -> Option<Uuid> {
        self.after.as_ref().map(|(_, id)| *id)
    }

    /// Cuts the rows to the page and says where it is. `key` gives the sort value and the id of a row.
    pub(crate) fn cut<R>(&self, rows: &mut Vec<R>, total: i64, key: impl Fn(&R) -> (K, Uuid)) -> Pagination {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = if more { rows.last().map(|it| encode(self.order, &key(it))) } else { None };
        let total = u64::try_from(total).unwrap_or_default();
        Pagination {
            page: self.after.is_none().then_some(self.number),
            limit: self.limit,
            total,
            pages: total.div_ceil(u64::from(self.limit)),
            next_cursor,
        }
    }
}

impl Page<DateTime<Utc>> {
    /// Of what a query of [`finding`] finds: how many there are, and the ids of the page, newest first, one more than
    /// shown. Of both at once, because who may see a thing is decided for each of them, and costs more than anything else.
    pub(crate) async fn found(
        &self,
        db: &mut PgConnection,
        mut finding: QueryBuilder<Postgres>,
    ) -> sqlx::Result<(i64, Vec<Uuid>)> {
        finding.push(") SELECT (SELECT count(*) FROM found), ARRAY(SELECT id FROM found");
        if let Some((key, id)) = &self.after {
            finding.push(" WHERE (created_at, id) < (").push_bind(*key).push(", ").push_bind(*id).push(")");
        }
        finding.push(" ORDER BY created_at DESC, id DESC LIMIT ").push_bind(self.fetch());
        finding.push(" OFFSET ").push_bind(self.offset()).push(")");
        finding.build_query_as().fetch_one(db).await
    }
}

/// A query for [`Page::found`]; it begins with `select`, which names columns `id` and `created_at`.
pub(crate) fn finding(select: &str) -> QueryBuilder<Postgres> {
    QueryBuilder::new(format!("WITH found AS MATERIALIZED ({select}"))
}

/// The page that holds everything: for lists that are short by nature.
pub(crate) fn whole(items: usize) -> Pagination {
    let limit = u32::try_from(items).unwrap_or(u32::MAX).max(1);
    Pagination { page: Some(1), limit, total: items as u64, pages: u64::from(items > 0), next_cursor: None }
}

fn encode<K: Serialize>(order: &str, key: &(K, Uuid)) -> String {
    // Strings, numbers and ids always have a JSON form.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&(order, &key.0, key.1)).unwrap_or_default())
}

fn decode<K: SortKey>(cursor: &str, order: &str) -> Result<(K, Uuid), Problem> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    let parts = bytes.and_then(|it| serde_json::from_slice::<(String, K, Uuid)>(&it).ok());
    match parts {
        Some((made_in, key, id)) if made_in == order && key.is_possible() => Ok((key, id)),
        _ => Err(Problem::bad_request("INVALID_CURSOR", "the cursor is none of this list and order")),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::Page;
    use crate::params::Params;

    fn page(query: &str) -> Page<String> {
        Page::read(&mut Params::of_query(Some(query)), "newest").expect("the parameters are good")
    }

    #[test]
    fn a_cursor_leads_on_from_the_last_item() {
        let mut rows: Vec<_> = ["c", "b", "a"].map(str::to_owned).to_vec();
        let first = page("limit=2").cut(&mut rows, 3, |it| (it.clone(), Uuid::nil()));
        assert_eq!((rows.len(), first.page, first.pages), (2, Some(1), 2));
        let cursor = first.next_cursor.expect("there is more");
        let next = page(&format!("limit=2&page=7&cursor={cursor}"));
        assert_eq!((next.after_key().map(String::as_str), next.offset()), (Some("b"), 0));
        let last = next.cut(&mut vec!["a".to_owned()], 3, |it| (it.clone(), Uuid::nil()));
        assert_eq!((last.page, last.next_cursor), (None, None));
    }

    #[test]
    fn a_cursor_of_another_order_or_of_nobody_is_refused() {
        let [elsewhere, impossible] =
            [("oldest", "a"), ("newest", "\0")].map(|(order, key)| super::encode(order, &(key, Uuid::nil())));
        for cursor in [elsewhere.as_str(), &impossible, "x", "e30"] {
            let query = format!("cursor={cursor}");
            let refused = Page::<String>::read(&mut Params::of_query(Some(&query)), "newest");
            assert_eq!(refused.map_err(|it| it.code().to_owned()), Err("INVALID_CURSOR".to_owned()));
        }
    }
}

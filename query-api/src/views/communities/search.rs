//! How communities are searched for: filters, orders, and the SQL of both.

use chrono::{DateTime, SecondsFormat};
use service_kit::answer::Problem;
use sqlx::QueryBuilder;
use sqlx::postgres::{PgConnection, Postgres};
use uuid::Uuid;

use super::{COLUMNS, Row};
use crate::at::At;
use crate::page::{Page, SortKey};
use crate::params::Params;

/// What a list is narrowed to.
#[derive(Debug)]
pub(super) struct Filter {
    status: &'static str,
    search: Option<String>,
    location: Option<String>,
    category: Option<String>,
    has_space: bool,
    tags: Vec<String>,
    /// Latitude and longitude that distances are measured from.
    from: Option<(f64, f64)>,
}

impl Filter {
    pub(super) fn read(params: &mut Params) -> Self {
        let mode = params.one_of("mode", &["geography", "interests"]);
        let from = (mode == Some("geography")).then(|| {
            let at = (params.number("lat", -90.0..=90.0), params.number("lng", -180.0..=180.0));
            for name in ["lat", "lng"] {
                if params.text(name).is_none() {
                    params.fault(name, "REQUIRED", format!("mode=geography needs {name}"));
                }
            }
            (at.0.unwrap_or_default(), at.1.unwrap_or_default())
        });
        let tags = params.short_text("tags", 1_100).filter(|_| mode == Some("interests")).unwrap_or_default();
        Self {
            status: params.one_of("status", &["active", "archived"]).unwrap_or("active"),
            search: params.short_text("search", 200),
            location: params.short_text("location", 255),
            category: params.short_text("category", 100),
            has_space: params.flag("has_space").unwrap_or(false),
            tags: tags.split(',').map(|it| it.trim().to_lowercase()).filter(|it| !it.is_empty()).collect(),
            from,
        }
    }

    /// Whether communities near a place are wanted.
    pub(super) const fn is_by_place(&self) -> bool {
        self.from.is_some()
    }

    fn push(&self, sql: &mut QueryBuilder<Postgres>) {
        sql.push(" FROM community.communities AS c WHERE c.status = ").push_bind(self.status);
        if let Some(search) = &self.search {
            let pattern = contains(search);
            sql.push(" AND (c.name ILIKE ").push_bind(pattern.clone());
            sql.push(" OR c.description ILIKE ").push_bind(pattern).push(")");
        }
        if let Some(location) = &self.location {
            sql.push(" AND c.location ILIKE ").push_bind(contains(location));
        }
        if let Some(category) = &self.category {
            sql.push(" AND lower(c.category) = lower(").push_bind(category.clone()).push(")");
        }
        if self.has_space {
            sql.push(" AND c.current_members < c.max_members");
        }
        if !self.tags.is_empty() {
            sql.push(" AND c.tags && ").push_bind(self.tags.clone());
        }
    }

    /// Kilometres on a sphere of 6371 km; null without coordinates.
    fn push_distance(&self, sql: &mut QueryBuilder<Postgres>) {
        let Some((lat, lng)) = self.from else {
            sql.push("NULL::double precision");
            return;
        };
        // Without the test, least(1, NULL) would put them on the other side of the globe.
        sql.push("CASE WHEN c.lat IS NOT NULL AND c.lng IS NOT NULL THEN 2 * 6371 * asin(least(1, sqrt(power(sin(radians(c.lat - ").push_bind(lat);
        sql.push(") / 2), 2) + cos(radians(").push_bind(lat);
        sql.push(")) * cos(radians(c.lat)) * power(sin(radians(c.lng - ").push_bind(lng);
        sql.push(") / 2), 2)))) END");
    }
}

/// A pattern for ILIKE that means "has this text".
fn contains(text: &str) -> String {
    format!("%{}%", text.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_"))
}

/// Between a distance and the sort value after it.
const BESIDE: char = '|';

/// The last community of the page before.
#[derive(Debug)]
pub(super) struct After<'a> {
    /// In kilometres; infinite without coordinates.
    distance: f64,
    key: &'a str,
    id: Uuid,
}

/// How a list is ordered: name, name when distances come first, expression, its type, direction.
#[derive(Debug)]
pub(super) struct Order {
    name: &'static str,
    nearest: &'static str,
    expression: &'static str,
    cast: &'static str,
    descending: bool,
}

const ORDERS: [Order; 4] = [
    Order {
        name: "activity",
        nearest: "nearest-activity",
        expression: "c.last_activity_at",
        cast: "timestamptz",
        descending: true,
    },
    Order {
        name: "newest",
        nearest: "nearest-newest",
        expression: "c.created_at",
        cast: "timestamptz",
        descending: true,
    },
    Order {
        name: "members",
        nearest: "nearest-members",
        expression: "c.current_members",
        cast: "integer",
        descending: true,
    },
    Order {
        name: "alphabetical",
        nearest: "nearest-alphabetical",
        expression: "lower(c.name)",
        cast: "text",
        descending: false,
    },
];

impl Order {
    /// The order that a client asks for.
    pub(super) fn read(params: &mut Params) -> &'static Self {
        let name = params.one_of("sort", &ORDERS.map(|it| it.name));
        ORDERS.iter().find(|it| name == Some(it.name)).unwrap_or(&ORDERS[0])
    }

    /// The name that cursors have.
    pub(super) const fn of_cursors(&self, filter: &Filter) -> &'static str {
        if filter.is_by_place() { self.nearest } else { self.name }
    }

    /// Reads the cursor of the page; refuses one whose value is none of this order.
    pub(super) fn after<'a>(
        &self,
        filter: &Filter,
        page: &'a Page<String>,
    ) -> Result<Option<After<'a>>, Problem> {
        let Some((key, id)) = &page.after else { return Ok(None) };
        let parts = match filter.is_by_place() {
            true => key.split_once(BESIDE).and_then(|(distance, key)| Some((distance.parse().ok()?, key))),
            false => Some((f64::INFINITY, key.as_str())),
        };
        match parts {
            Some((distance, key)) if self.accepts(key) => Ok(Some(After { distance, key, id: *id })),
            _ => Err(Problem::bad_request("INVALID_CURSOR", "the cursor is none of this list and order")),
        }
    }

    /// The sort value of a row, as text that PostgreSQL reads back; with its distance before it where that comes first.
    pub(super) fn key(&self, filter: &Filter, row: &Row) -> String {
        let key = self.own_key(row);
        match filter.is_by_place() {
            true => format!("{:?}{BESIDE}{key}", row.distance_km.unwrap_or(f64::INFINITY)),
            false => key,
        }
    }

    fn own_key(&self, row: &Row) -> String {
        let instant = |at: At| at.0.to_rfc3339_opts(SecondsFormat::Micros, true);
        match self.name {
            "activity" => instant(row.last_activity_at),
            "newest" => instant(row.created_at),
            "members" => row.current_members.to_string(),
            _ => row.name_key.clone(),
        }
    }

    /// Whether a client's cursor holds a value of the right type.
    fn accepts(&self, key: &str) -> bool {
        match self.cast {
            "timestamptz" => DateTime::parse_from_rfc3339(key).is_ok_and(|it| it.to_utc().is_possible()),
            "integer" => key.parse::<i32>().is_ok(),
            _ => !key.contains('\0'),
        }
    }
}

/// How many communities fit.
pub(super) async fn count(db: &mut PgConnection, filter: &Filter) -> sqlx::Result<i64> {
    let mut sql = QueryBuilder::new("SELECT count(*)");
    filter.push(&mut sql);
    sql.build_query_scalar().fetch_one(db).await
}

/// Whether any that fits has coordinates.
pub(super) async fn any_located(db: &mut PgConnection, filter: &Filter) -> sqlx::Result<bool> {
    let mut sql = QueryBuilder::new("SELECT EXISTS (SELECT");
    filter.push(&mut sql);
    sql.push(" AND c.lat IS NOT NULL AND c.lng IS NOT NULL)");
    sql.build_query_scalar().fetch_one(db).await
}

/// A page of those that fit; by distance first when some are located.
pub(super) async fn rows(
    db: &mut PgConnection,
    filter: &Filter,
    order: &Order,
    page: &Page<String>,
    after: Option<After<'_>>,
    located: bool,
) -> sqlx::Result<Vec<Row>> {
    let mut sql = QueryBuilder::new(format!("SELECT {COLUMNS}, "));
    filter.push_distance(&mut sql);
    sql.push(" AS distance_km");
    filter.push(&mut sql);
    let (comparison, direction) = if order.descending { ("<", "DESC") } else { (">", "ASC") };
    if let Some(After { distance, key, id }) = after {
        sql.push(" AND (");
        if located {
            sql.push("COALESCE(");
            filter.push_distance(&mut sql);
            sql.push(", 'Infinity') > ").push_bind(distance).push(" OR COALESCE(");
            filter.push_distance(&mut sql);
            sql.push(", 'Infinity') = ").push_bind(distance).push(" AND ");
        }
        sql.push(format!("({}, c.id) {comparison} (", order.expression)).push_bind(key.to_owned());
        sql.push(format!("::{}, ", order.cast)).push_bind(id).push("))");
    }
    sql.push(" ORDER BY ");
    if located {
        sql.push("distance_km ASC NULLS LAST, ");
    }
    sql.push(format!("{} {direction}, c.id {direction} LIMIT ", order.expression)).push_bind(page.fetch());
    sql.push(" OFFSET ").push_bind(page.offset());
    sql.build_query_as().fetch_all(db).await
}

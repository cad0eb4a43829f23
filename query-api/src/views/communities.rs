//! GET /communities, /communities/tags, /communities/my/communities.

use std::collections::HashMap;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Serialize;
use serde_json::json;
use service_kit::answer::{Answer, Problem};
use sqlx::postgres::{PgConnection, Postgres};
use sqlx::{FromRow, QueryBuilder};
use uuid::Uuid;

use super::Answered;
use crate::at::At;
use crate::community_rules::{Layer, size_alert};
use crate::page::{self, Page};
use crate::params::Params;
use crate::reading::{Reading, Who};

/// A community as this caller may see it.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Community {
    Profile(Box<Profile>),
    Card(Box<Card>),
}

/// For members, and for everybody where the visibility says so.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Profile {
    id: Uuid,
    name: String,
    description: Option<String>,
    location: Option<String>,
    category: Option<String>,
    community_type: String,
    access_type: String,
    max_members: i32,
    current_members: i32,
    creator_id: Uuid,
    status: String,
    lat: Option<f64>,
    lng: Option<f64>,
    tags: Vec<String>,
    visibility_mode: String,
    outsider_response_allowed: bool,
    last_activity_at: At,
    created_at: At,
    updated_at: At,
    my_role: Option<String>,
    size_alert: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    distance_km: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cohorts: Option<Cohorts>,
}

/// What `members_only` leaves for others.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Card {
    id: Uuid,
    name: String,
    description: Option<String>,
    location: Option<String>,
    category: Option<String>,
    current_members: i32,
}

/// Members per layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Cohorts {
    inner_circle: u32,
    active_community: u32,
    extended_network: u32,
}

/// A community as it is stored.
#[derive(Debug, FromRow)]
pub(super) struct Row {
    pub(super) id: Uuid,
    pub(super) name: String,
    description: Option<String>,
    location: Option<String>,
    category: Option<String>,
    r#type: String,
    pub(super) access_type: String,
    max_members: i32,
    pub(super) current_members: i32,
    creator_id: Uuid,
    status: String,
    lat: Option<f64>,
    lng: Option<f64>,
    tags: Vec<String>,
    pub(super) visibility_mode: String,
    outsider_response_allowed: bool,
    last_activity_at: At,
    created_at: At,
    updated_at: At,
    pub(super) version: i64,
    distance_km: Option<f64>,
}

/// Columns of [`Row`] without the distance.
pub(super) const COLUMNS: &str = "c.id, c.name, c.description, c.location, c.category, c.type, c.access_type, c.max_members,
    c.current_members, c.creator_id, c.status, c.lat, c.lng, c.tags, c.visibility_mode, c.outsider_response_allowed,
    c.last_activity_at, c.created_at, c.updated_at, c.version";

impl Row {
    /// Whether its profile is for everybody.
    pub(super) fn shows_profile(&self) -> bool {
        self.visibility_mode != "members_only"
    }

    /// Whether its member list is for everybody.
    pub(super) fn shows_members(&self) -> bool {
        self.visibility_mode == "public" && self.access_type == "public"
    }

    /// What this caller may see of it.
    pub(super) fn seen_by(self, who: &Who, cohorts: Option<Cohorts>) -> Community {
        let my_role = who.role_in(self.id).map(str::to_owned);
        if my_role.is_none() && !self.shows_profile() {
            let Self { id, name, description, location, category, current_members, .. } = self;
            return Community::Card(Box::new(Card {
                id,
                name,
                description,
                location,
                category,
                current_members,
            }));
        }
        Community::Profile(Box::new(Profile {
            id: self.id,
            name: self.name,
            description: self.description,
            location: self.location,
            category: self.category,
            community_type: self.r#type,
            access_type: self.access_type,
            max_members: self.max_members,
            current_members: self.current_members,
            creator_id: self.creator_id,
            status: self.status,
            lat: self.lat,
            lng: self.lng,
            tags: self.tags,
            visibility_mode: self.visibility_mode,
            outsider_response_allowed: self.outsider_response_allowed,
            last_activity_at: self.last_activity_at,
            created_at: self.created_at,
            updated_at: self.updated_at,
            my_role,
            size_alert: size_alert(self.current_members),
            distance_km: self.distance_km.map(|it| (it * 100.0).round() / 100.0),
            cohorts,
        }))
    }
}

/// What a list is narrowed to.
#[derive(Debug)]
struct Filter {
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
    fn read(params: &mut Params) -> Self {
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

/// How a list is ordered: name, expression, its type, direction.
struct Order {
    name: &'static str,
    expression: &'static str,
    cast: &'static str,
    descending: bool,
}

const ORDERS: [Order; 4] = [
    Order { name: "activity", expression: "c.last_activity_at", cast: "timestamptz", descending: true },
    Order { name: "newest", expression: "c.created_at", cast: "timestamptz", descending: true },
    Order { name: "members", expression: "c.current_members", cast: "integer", descending: true },
    Order { name: "alphabetical", expression: "lower(c.name)", cast: "text", descending: false },
];

impl Order {
    /// The sort value of a row, as text that PostgreSQL reads back.
    fn key(&self, row: &Row) -> String {
        let instant = |at: At| at.0.to_rfc3339_opts(SecondsFormat::Micros, true);
        match self.name {
            "activity" => instant(row.last_activity_at),
            "newest" => instant(row.created_at),
            "members" => row.current_members.to_string(),
            _ => row.name.to_lowercase(),
        }
    }

    /// Whether a client's cursor holds a value of the right type.
    fn accepts(&self, key: &str) -> bool {
        match self.cast {
            "timestamptz" => DateTime::parse_from_rfc3339(key).is_ok(),
            "integer" => key.parse::<i32>().is_ok(),
            _ => !key.contains('\0'),
        }
    }
}

/// Communities that anybody may find.
pub(crate) async fn list(mut reading: Reading, mut params: Params) -> Answered<Vec<Community>> {
    let filter = Filter::read(&mut params);
    let with_cohorts = params.one_of("include", &["cohorts"]).is_some();
    let sort =
        params.one_of("sort", &["activity", "newest", "members", "alphabetical"]).unwrap_or("activity");
    let order = ORDERS.iter().find(|it| it.name == sort).unwrap_or(&ORDERS[0]);
    let page = Page::<String>::read(&mut params, order.name)?;
    params.finish()?;
    if page.after_key().is_some_and(|key| !order.accepts(key)) {
        return Err(Problem::bad_request("INVALID_CURSOR", "the cursor is none of this list and order"));
    }
    let (db, who) = reading.parts();
    let total = count(db, &filter).await?;
    let located = match filter.from {
        Some(_) => any_located(db, &filter).await?,
        None => false,
    };
    let mut rows = rows(db, &filter, order, &page, located).await?;
    let mut pagination = page.cut(&mut rows, total, |it| (order.key(it), it.id));
    if located {
        // Ordered by distance, which no cursor of ours holds: pages go by number.
        pagination.next_cursor = None;
    }
    let ids: Vec<_> = rows.iter().map(|it| it.id).collect();
    let mut cohorts = if with_cohorts { cohorts(db, who, &ids).await? } else { HashMap::new() };
    let communities = rows.into_iter().map(|it| {
        let cohorts = cohorts.remove(&it.id);
        it.seen_by(who, cohorts)
    });
    let answer = Answer::ok(communities.collect()).pagination(pagination);
    Ok(if filter.from.is_some() && !located { answer.meta(json!({"fallback": true})) } else { answer })
}

async fn count(db: &mut PgConnection, filter: &Filter) -> sqlx::Result<i64> {
    let mut sql = QueryBuilder::new("SELECT count(*)");
    filter.push(&mut sql);
    sql.build_query_scalar().fetch_one(db).await
}

async fn any_located(db: &mut PgConnection, filter: &Filter) -> sqlx::Result<bool> {
    let mut sql = QueryBuilder::new("SELECT EXISTS (SELECT");
    filter.push(&mut sql);
    sql.push(" AND c.lat IS NOT NULL AND c.lng IS NOT NULL)");
    sql.build_query_scalar().fetch_one(db).await
}

async fn rows(
    db: &mut PgConnection,
    filter: &Filter,
    order: &Order,
    page: &Page<String>,
    located: bool,
) -> sqlx::Result<Vec<Row>> {
    let mut sql = QueryBuilder::new(format!("SELECT {COLUMNS}, "));
    filter.push_distance(&mut sql);
    sql.push(" AS distance_km");
    filter.push(&mut sql);
    let (comparison, direction) = if order.descending { ("<", "DESC") } else { (">", "ASC") };
    if let Some((key, id)) = &page.after {
        sql.push(format!(" AND ({}, c.id) {comparison} (", order.expression)).push_bind(key.clone());
        sql.push(format!("::{}, ", order.cast)).push_bind(*id).push(")");
    }
    sql.push(" ORDER BY ");
    if located {
        sql.push("distance_km ASC NULLS LAST, ");
    }
    sql.push(format!("{} {direction}, c.id {direction} LIMIT ", order.expression)).push_bind(page.fetch());
    sql.push(" OFFSET ").push_bind(page.offset());
    sql.build_query_as().fetch_all(db).await
}

/// Layers of the members of those communities that the caller is in.
async fn cohorts(db: &mut PgConnection, who: &Who, ids: &[Uuid]) -> sqlx::Result<HashMap<Uuid, Cohorts>> {
    let own: Vec<_> = ids.iter().copied().filter(|it| who.role_in(*it).is_some()).collect();
    let mut cohorts = HashMap::<_, Cohorts>::new();
    for ((community, _), layer) in layers(db, &own, who.now).await? {
        let cohort = cohorts.entry(community).or_default();
        match layer {
            Layer::InnerCircle => cohort.inner_circle += 1,
            Layer::ActiveCommunity => cohort.active_community += 1,
            Layer::ExtendedNetwork => cohort.extended_network += 1,
        }
    }
    Ok(cohorts)
}

/// The layer of each active member, by community and person: what they posted there in 180 days.
pub(super) async fn layers(
    db: &mut PgConnection,
    communities: &[Uuid],
    now: DateTime<Utc>,
) -> sqlx::Result<HashMap<(Uuid, Uuid), Layer>> {
    let counts: Vec<(Uuid, Uuid, i64)> = sqlx::query_as(
        "SELECT m.community_id, m.user_id, count(a.id)
         FROM community.memberships AS m
         LEFT JOIN feed.activities AS a ON a.community_id = m.community_id AND a.user_id = m.user_id
              AND a.type IN ('request_created', 'offer_created') AND a.created_at > $2
         WHERE m.community_id = ANY ($1) AND m.status = 'active'
         GROUP BY m.community_id, m.user_id",
    )
    .bind(communities)
    .bind(now - TimeDelta::days(180))
    .fetch_all(db)
    .await?;
    Ok(counts.into_iter().map(|(community, user, count)| ((community, user), Layer::of(count))).collect())
}

/// Tags of active communities, in alphabetical order.
pub(crate) async fn tags(mut reading: Reading) -> Answered<Vec<String>> {
    let tags: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT tag FROM community.communities AS c, unnest(c.tags) AS tag WHERE c.status = 'active' ORDER BY tag",
    )
    .fetch_all(reading.db())
    .await?;
    let pagination = page::whole(tags.len());
    Ok(Answer::ok(tags).pagination(pagination))
}

/// A community of the caller's.
#[derive(Debug, FromRow, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Mine {
    id: Uuid,
    /// The same as `id`.
    #[sqlx(skip)]
    community_id: Uuid,
    name: String,
    role: String,
    joined_at: At,
}

/// The caller's communities, in joining order.
pub(crate) async fn mine(mut reading: Reading) -> Answered<Vec<Mine>> {
    let (db, who) = reading.parts();
    let mine = mine_of(db, who).await?;
    let pagination = page::whole(mine.len());
    Ok(Answer::ok(mine).pagination(pagination))
}

pub(super) async fn mine_of(db: &mut PgConnection, who: &Who) -> sqlx::Result<Vec<Mine>> {
    let mut mine: Vec<Mine> = sqlx::query_as(
        "SELECT c.id, c.name, m.role, m.joined_at
         FROM community.memberships AS m JOIN community.communities AS c ON c.id = m.community_id
         WHERE m.user_id = $1 AND m.status = 'active'
         ORDER BY m.joined_at, c.id",
    )
    .bind(who.user_id)
    .fetch_all(db)
    .await?;
    for it in &mut mine {
        it.community_id = it.id;
    }
    Ok(mine)
}

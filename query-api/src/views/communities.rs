//! GET /communities, /communities/tags, /communities/my/communities.

mod search;

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::json;
use service_kit::answer::Answer;
use sqlx::FromRow;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::Answered;
use crate::at::At;
use crate::community_rules::{Layer, size_alert};
use crate::page::{self, Page};
use crate::params::Params;
use crate::reading::{Reading, Who};
use search::{Filter, Order};

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
    /// The name as the alphabetical order compares it.
    name_key: String,
    distance_km: Option<f64>,
}

/// Columns of [`Row`] without the distance.
pub(super) const COLUMNS: &str = "c.id, c.name, c.description, c.location, c.category, c.type, c.access_type, c.max_members,
    c.current_members, c.creator_id, c.status, c.lat, c.lng, c.tags, c.visibility_mode, c.outsider_response_allowed,
    c.last_activity_at, c.created_at, c.updated_at, c.version,
    lower(c.name) AS name_key";

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

/// Communities that anybody may find.
pub(crate) async fn list(mut reading: Reading, mut params: Params) -> Answered<Vec<Community>> {
    let filter = Filter::read(&mut params);
    let with_cohorts = params.one_of("include", &["cohorts"]).is_some();
    let order = Order::read(&mut params);
    let page = Page::<String>::read(&mut params, order.of_cursors(&filter))?;
    params.finish()?;
    let after = order.after(&filter, &page)?;
    let (db, who) = reading.parts();
    let total = search::count(db, &filter).await?;
    let located = filter.is_by_place() && search::any_located(db, &filter).await?;
    let mut rows = search::rows(db, &filter, order, &page, after, located).await?;
    let pagination = page.cut(&mut rows, total, |it| (order.key(&filter, it), it.id));
    let ids: Vec<_> = rows.iter().map(|it| it.id).collect();
    let mut cohorts = if with_cohorts { cohorts(db, who, &ids).await? } else { HashMap::new() };
    let communities = rows.into_iter().map(|it| {
        let cohorts = cohorts.remove(&it.id);
        it.seen_by(who, cohorts)
    });
    let answer = Answer::ok(communities.collect()).pagination(pagination);
    Ok(if filter.is_by_place() && !located { answer.meta(json!({"fallback": true})) } else { answer })
}

/// Layers of the members of those communities that the caller is in.
async fn cohorts(db: &mut PgConnection, who: &Who, ids: &[Uuid]) -> sqlx::Result<HashMap<Uuid, Cohorts>> {
    let own: Vec<_> = ids.iter().copied().filter(|it| who.role_in(*it).is_some()).collect();
    let mut cohorts = HashMap::<_, Cohorts>::new();
    for ((community, _), layer) in layers(db, &own, None, who.now).await? {
        let cohort = cohorts.entry(community).or_default();
        match layer {
            Layer::InnerCircle => cohort.inner_circle += 1,
            Layer::ActiveCommunity => cohort.active_community += 1,
            Layer::ExtendedNetwork => cohort.extended_network += 1,
        }
    }
    Ok(cohorts)
}

/// The layer of each active member, by community and person: what they posted there in 180 days. Of these people, or of
/// all.
pub(super) async fn layers(
    db: &mut PgConnection,
    communities: &[Uuid],
    people: Option<&[Uuid]>,
    now: DateTime<Utc>,
) -> sqlx::Result<HashMap<(Uuid, Uuid), Layer>> {
    let counts: Vec<(Uuid, Uuid, i64)> = sqlx::query_as(
        "SELECT m.community_id, m.user_id, count(a.id)
         FROM community.memberships AS m
         LEFT JOIN feed.activities AS a ON a.community_id = m.community_id AND a.user_id = m.user_id
              AND a.type IN ('request_created', 'offer_created') AND a.created_at > $2
         WHERE m.community_id = ANY ($1) AND m.status = 'active' AND ($3::uuid[] IS NULL OR m.user_id = ANY ($3))
         GROUP BY m.community_id, m.user_id",
    )
    .bind(communities)
    .bind(now - TimeDelta::days(180))
    .bind(people)
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

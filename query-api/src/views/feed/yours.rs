//! The first part of a feed: what goes on in the reader's communities.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::json;
use sqlx::postgres::PgConnection;
use sqlx::{FromRow, QueryBuilder};
use uuid::Uuid;

use super::Item;
use crate::at::At;
use crate::people::People;
use crate::reading::Who;
use crate::views::feed_preferences::Preferences;
use crate::views::requests::{self, Request};

/// How far back a card of a community looks.
const WEEK: TimeDelta = TimeDelta::days(7);
/// Open requests shown per community.
const PER_COMMUNITY: usize = 2;
/// Newest open requests that are looked at.
const CANDIDATES: i64 = 500;
/// Helpers named on a card.
const TOP_HELPERS: usize = 3;

/// Cards and open requests of the communities that the call spans.
pub(super) async fn items(
    db: &mut PgConnection,
    who: &Who,
    preferences: &Preferences,
) -> sqlx::Result<Vec<Item>> {
    let mut items = Vec::new();
    if preferences.show_community_activity {
        items.extend(cards(db, who).await?);
    }
    if preferences.show_open_requests {
        items.extend(open_requests(db, who).await?);
    }
    Ok(items)
}

#[derive(Debug, FromRow)]
struct Activity {
    id: Uuid,
    name: String,
    last_activity_at: At,
    exchanges: i64,
    new_members: i64,
    open_asks: i64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Helper {
    user_id: Uuid,
    name: Option<String>,
    count: i64,
}

async fn cards(db: &mut PgConnection, who: &Who) -> sqlx::Result<Vec<Item>> {
    let since = who.now - WEEK;
    let activities: Vec<Activity> = sqlx::query_as(
        "SELECT c.id, c.name, c.last_activity_at,
                count(*) FILTER (WHERE a.type = 'match_completed') AS exchanges,
                count(DISTINCT a.user_id) FILTER (WHERE a.type = 'user_joined_community') AS new_members,
                (SELECT count(*) FROM requests.posted_in(ARRAY[c.id], 'open') AS posted (id)
                 -- OFFSET keeps PostgreSQL from looking at all asks of the week instead.
                 CROSS JOIN LATERAL (SELECT created_at, expires_at FROM requests.help_requests
                                     WHERE id = posted.id OFFSET 0) AS r
                 WHERE r.created_at > $2 AND r.expires_at > $3) AS open_asks
         FROM community.communities AS c
         LEFT JOIN feed.activities AS a ON a.community_id = c.id AND a.created_at > $2
         WHERE c.id = ANY ($1) AND c.status = 'active'
         GROUP BY c.id, c.name, c.last_activity_at",
    )
    .bind(who.spanned())
    .bind(since)
    .bind(who.now)
    .fetch_all(&mut *db)
    .await?;
    let mut helpers = top_helpers(db, who, since).await?;
    let card = |it: Activity| {
        let data = json!({
            "communityName": it.name, "exchanges": it.exchanges, "newMembers": it.new_members,
            "openAsks": it.open_asks, "topHelpers": helpers.remove(&it.id).unwrap_or_default(),
        });
        let card = Item::new("community_activity", it.id, 100.0, it.last_activity_at, data).of(Some(it.id));
        card.because(format!("You are a member of {}", it.name))
    };
    Ok(activities.into_iter().map(card).collect())
}

async fn top_helpers(
    db: &mut PgConnection,
    who: &Who,
    since: DateTime<Utc>,
) -> sqlx::Result<HashMap<Uuid, Vec<Helper>>> {
    let counts: Vec<(Uuid, Uuid, i64)> = sqlx::query_as(
        "SELECT community_id, user_id, count(*) FROM feed.activities
         WHERE community_id = ANY ($1) AND type = 'match_completed' AND created_at > $2 AND user_id IS NOT NULL
         GROUP BY community_id, user_id ORDER BY count(*) DESC, user_id",
    )
    .bind(who.spanned())
    .bind(since)
    .fetch_all(&mut *db)
    .await?;
    let people = People::find(db, counts.iter().map(|(_, user_id, _)| *user_id)).await?;
    let mut helpers = HashMap::<_, Vec<Helper>>::new();
    for (community, user_id, count) in counts {
        let top = helpers.entry(community).or_default();
        if top.len() < TOP_HELPERS {
            top.push(Helper { user_id, name: people.name(user_id), count });
        }
    }
    Ok(helpers)
}

async fn open_requests(db: &mut PgConnection, who: &Who) -> sqlx::Result<Vec<Item>> {
    let mut sql = QueryBuilder::new(format!("SELECT {} FROM requests.help_requests AS r", requests::COLUMNS));
    sql.push(" WHERE r.status = 'open' AND r.expires_at > now() AND r.id IN (SELECT requests.posted_in(");
    sql.push_bind(who.spanned()).push(", 'open')) AND r.requester_id <> ").push_bind(who.user_id);
    requests::push_without_own_matches(&mut sql, who.user_id);
    sql.push(" ORDER BY r.created_at DESC, r.id DESC LIMIT ").push_bind(CANDIDATES);
    let rows = sql.build_query_as().fetch_all(&mut *db).await?;
    let mut ranked: Vec<_> = requests::with_people(db, who, rows)
        .await?
        .into_iter()
        .map(|it| (priority(&it, who.now), it))
        .collect();
    ranked.sort_by(|(a, first), (b, second)| b.total_cmp(a).then(second.created_at.cmp(&first.created_at)));
    let mut shown = HashMap::<_, usize>::new();
    ranked.retain(|(_, it)| {
        let count = shown.entry(it.community_id).or_default();
        *count += 1;
        *count <= PER_COMMUNITY
    });
    let item = |(priority, it): (f64, Request)| {
        Item::new("open_request", it.id, priority, it.created_at, json!({"request": it}))
            .of(it.community_id)
            .because("A neighbour of one of your communities asks for help")
    };
    Ok(ranked.into_iter().map(item).collect())
}

fn priority(request: &Request, now: DateTime<Utc>) -> f64 {
    let boosted = request.boosted_until.is_some_and(|it| it.0 > now);
    of_open_request(&request.urgency, request.proposal_count, now - request.created_at.0, boosted)
}

/// 80 and more: the more urgent, the less helped, the newer.
fn of_open_request(urgency: &str, proposals: i32, age: TimeDelta, boosted: bool) -> f64 {
    let urgency = match urgency {
        "urgent" => 20.0,
        "high" => 10.0,
        "medium" => 5.0,
        _ => 0.0,
    };
    let alone = match proposals {
        ..=0 => 15.0,
        1 => 5.0,
        _ => 0.0,
    };
    let fresh = if age < TimeDelta::hours(2) {
        10.0
    } else if age < TimeDelta::hours(24) {
        5.0
    } else {
        0.0
    };
    80.0 + urgency + alone + fresh + if boosted { 30.0 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::of_open_request;

    #[test]
    fn urgent_lonely_and_new_asks_come_first() {
        assert_eq!(of_open_request("urgent", 0, TimeDelta::hours(1), false), 125.0);
        assert_eq!(of_open_request("urgent", 0, TimeDelta::hours(1), true), 155.0);
        assert_eq!(of_open_request("low", 2, TimeDelta::days(3), false), 80.0);
    }
}

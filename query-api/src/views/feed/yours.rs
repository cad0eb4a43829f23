//! The first part of a feed: what goes on in the reader's communities.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::json;
use sqlx::FromRow;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::Item;
use super::asks::{self, Ask};
use crate::at::At;
use crate::people::People;
use crate::reading::Who;
use crate::views::feed_preferences::Preferences;
use crate::views::requests;

/// How far back a card of a community looks.
const WEEK: TimeDelta = TimeDelta::days(7);
/// Helpers named on a card.
const TOP_HELPERS: usize = 3;

/// Cards and open requests of the communities that the call spans.
pub(super) async fn items(
    db: &mut PgConnection,
    who: &Who,
    preferences: &Preferences,
) -> sqlx::Result<Vec<Item>> {
    let asks = asks::posted_in(db, who, who.spanned()).await?;
    let mut items = Vec::new();
    if preferences.show_community_activity {
        items.extend(cards(db, who, &asks).await?);
    }
    if preferences.show_open_requests {
        items.extend(open_requests(db, who, &asks).await?);
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
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Helper {
    user_id: Uuid,
    name: Option<String>,
    count: i64,
}

async fn cards(db: &mut PgConnection, who: &Who, asks: &[Ask]) -> sqlx::Result<Vec<Item>> {
    let since = who.now - WEEK;
    let activities: Vec<Activity> = sqlx::query_as(
        "SELECT c.id, c.name, c.last_activity_at,
                count(*) FILTER (WHERE a.type = 'match_completed') AS exchanges,
                count(DISTINCT a.user_id) FILTER (WHERE a.type = 'user_joined_community') AS new_members
         FROM community.communities AS c
         LEFT JOIN feed.activities AS a ON a.community_id = c.id AND a.created_at > $2
         WHERE c.id = ANY ($1) AND c.status = 'active'
         GROUP BY c.id, c.name, c.last_activity_at",
    )
    .bind(who.spanned())
    .bind(since)
    .fetch_all(&mut *db)
    .await?;
    let asked = |community: Uuid| {
        let recent = asks.iter().filter(|it| it.created_at.0 > since);
        recent.filter(|it| it.community_ids.contains(&community)).count()
    };
    let mut helpers = top_helpers(db, who, since).await?;
    let card = |it: Activity| {
        let data = json!({
            "communityName": it.name, "exchanges": it.exchanges, "newMembers": it.new_members,
            "openAsks": asked(it.id), "topHelpers": helpers.remove(&it.id).unwrap_or_default(),
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

async fn open_requests(db: &mut PgConnection, who: &Who, asks: &[Ask]) -> sqlx::Result<Vec<Item>> {
    let best =
        asks::best(asks.iter(), |it| (requests::shown_under(&it.community_ids, who), priority(it, who.now)));
    let because = "A neighbour of one of your communities asks for help";
    asks::cards(db, who, ("open_request", because), best).await
}

fn priority(ask: &Ask, now: DateTime<Utc>) -> f64 {
    let boosted = ask.boosted_until.is_some_and(|it| it.0 > now);
    of_open_request(&ask.urgency, ask.proposal_count, now - ask.created_at.0, boosted)
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

//! The second part of a feed: communities that the reader is not in, and asks of theirs that the reader may see.

use serde_json::json;
use sqlx::FromRow;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::Item;
use super::asks;
use crate::at::At;
use crate::reading::Who;
use crate::skills;
use crate::views::feed_preferences::Preferences;
use crate::views::users;

/// Communities suggested at once.
const COMMUNITIES: i32 = 5;
/// An ask with so many live proposals needs no further helper.
const ENOUGH_PROPOSALS: i32 = 3;
/// Every suggestion starts with it.
const PRIORITY: f64 = 50.0;

#[derive(Debug, FromRow)]
struct Community {
    id: Uuid,
    name: String,
    description: Option<String>,
    current_members: i32,
    max_members: i32,
    access_type: String,
    visibility_mode: String,
    last_activity_at: At,
    shared_members: i64,
}

/// Suggestions; none when the call is about one community.
pub(super) async fn items(
    db: &mut PgConnection,
    who: &Who,
    preferences: &Preferences,
) -> sqlx::Result<Vec<Item>> {
    if who.community.is_some() || !preferences.suggest_adjacent_requests {
        return Ok(Vec::new());
    }
    let communities = nearest(db).await?;
    let mut items = asks(db, who, &communities).await?;
    let joinable = communities.iter().filter(|it| {
        it.access_type == "public"
            && it.visibility_mode != "members_only"
            && it.current_members < it.max_members
    });
    items.extend(joinable.map(suggestion));
    Ok(items)
}

/// The order is that of (shared × 2 + 5) × exploration, too; then the liveliest.
async fn nearest(db: &mut PgConnection) -> sqlx::Result<Vec<Community>> {
    sqlx::query_as(
        "SELECT c.id, c.name, c.description, c.current_members, c.max_members, c.access_type, c.visibility_mode,
                c.last_activity_at, n.shared_members
         FROM community.nearest($1) AS n JOIN community.communities AS c ON c.id = n.id
         ORDER BY n.shared_members DESC, c.last_activity_at DESC, c.id DESC",
    )
    .bind(COMMUNITIES)
    .fetch_all(db)
    .await
}

fn suggestion(community: &Community) -> Item {
    let data = json!({
        "communityName": community.name, "description": community.description,
        "currentMembers": community.current_members, "sharedMembers": community.shared_members,
    });
    let item = Item::new("suggested_community", community.id, PRIORITY, community.last_activity_at, data);
    item.of(Some(community.id)).because(match community.shared_members {
        0 => "A community that you could join".to_owned(),
        shared => format!("{shared} people of your communities are in it"),
    })
}

async fn asks(db: &mut PgConnection, who: &Who, communities: &[Community]) -> sqlx::Result<Vec<Item>> {
    let ids: Vec<_> = communities.iter().map(|it| it.id).collect();
    let slugs = users::own_slugs(db, who.user_id).await?;
    let asks = asks::posted_in(db, who, ids.clone()).await?;
    let own = who.spanned();
    // What is also posted in a community of the reader's stands in the first part.
    let suggested = asks.iter().filter(|it| {
        it.proposal_count < ENOUGH_PROPOSALS && !it.community_ids.iter().any(|posted| own.contains(posted))
    });
    let best = asks::best(suggested, |it| {
        let place = ids.iter().copied().find(|id| it.community_ids.contains(id));
        (place, PRIORITY + skills::part(&it.category, &slugs) / 2.0)
    });
    let because = "Somebody outside of your communities asks for help";
    asks::cards(db, who, ("suggested_request", because), best).await
}

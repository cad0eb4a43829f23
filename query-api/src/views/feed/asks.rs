//! Open asks as a feed weighs them: of all that the reader may see the little that their rank takes. Only those that make
//! it are read whole.

use std::collections::HashMap;

use serde_json::json;
use sqlx::postgres::PgConnection;
use sqlx::{FromRow, QueryBuilder};
use uuid::Uuid;

use super::Item;
use crate::at::At;
use crate::reading::Who;
use crate::views::requests;

/// Asks shown per community.
const PER_COMMUNITY: usize = 2;

/// An open ask.
#[derive(Clone, Debug, FromRow)]
pub(super) struct Ask {
    pub(super) id: Uuid,
    pub(super) community_ids: Vec<Uuid>,
    pub(super) category: String,
    pub(super) urgency: String,
    pub(super) proposal_count: i32,
    pub(super) boosted_until: Option<At>,
    pub(super) created_at: At,
    /// It is the reader's own, or has a live match of theirs: counted, never shown.
    pub(super) takes_part: bool,
}

/// The community that an ask is shown under, its priority, its id.
type Placed = (Option<Uuid>, f64, Uuid);

/// All that are posted in these communities.
pub(super) async fn posted_in(
    db: &mut PgConnection,
    who: &Who,
    communities: Vec<Uuid>,
) -> sqlx::Result<Vec<Ask>> {
    let mut sql = QueryBuilder::new(
        "SELECT r.id, r.community_ids, r.category, r.urgency, r.proposal_count, r.boosted_until, r.created_at,
                r.requester_id = ",
    );
    sql.push_bind(who.user_id).push(" OR r.id IN ");
    requests::push_live_matches_of(&mut sql, who.user_id);
    sql.push(" AS takes_part FROM requests.shown_to_caller(").push_bind(communities.clone());
    sql.push(", 'open') AS r WHERE r.expires_at > now() AND r.community_ids && ").push_bind(communities);
    sql.build_query_as().fetch_all(db).await
}

/// The best of each community, newest first among equals. `rank` says under which an ask stands, and its priority.
pub(super) fn best<'a>(
    asks: impl Iterator<Item = &'a Ask>,
    rank: impl Fn(&Ask) -> (Option<Uuid>, f64),
) -> Vec<Placed> {
    let mut ranked: Vec<_> = asks.filter(|it| !it.takes_part).map(|it| (rank(it), it)).collect();
    ranked.sort_by(|((_, a), first), ((_, b), second)| {
        b.total_cmp(a).then_with(|| (second.created_at, second.id).cmp(&(first.created_at, first.id)))
    });
    let mut shown = HashMap::<_, usize>::new();
    ranked.retain(|((place, _), _)| {
        let count = shown.entry(*place).or_default();
        *count += 1;
        *count <= PER_COMMUNITY
    });
    ranked.into_iter().map(|((place, priority), it)| (place, priority, it.id)).collect()
}

/// Cards of this type for them, with the whole asks.
pub(super) async fn cards(
    db: &mut PgConnection,
    who: &Who,
    (r#type, because): (&'static str, &str),
    best: Vec<Placed>,
) -> sqlx::Result<Vec<Item>> {
    let rows = requests::of_ids(db, best.iter().map(|(_, _, id)| *id).collect()).await?;
    let requests = requests::with_people(db, who, rows).await?;
    let mut requests: HashMap<_, _> = requests.into_iter().map(|it| (it.id, it)).collect();
    let card = |(place, priority, id)| {
        let request = requests.remove(&id)?;
        let item = Item::new(r#type, id, priority, request.created_at, json!({"request": request}));
        Some(item.of(place).because(because))
    };
    Ok(best.into_iter().filter_map(card).collect())
}

//! GET /reputation/leaderboard/{communityId}.

use std::collections::HashSet;

use serde::Serialize;
use service_kit::answer::{Answer, PathIds, Problem};
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::{Answered, community, karma, trust};
use crate::page::Page;
use crate::params::Params;
use crate::people::People;
use crate::reading::{Reading, Who};
use crate::reputation::decay;
use crate::reputation::trust::Tier;

const DEFAULT_LIMIT: u32 = 10;

/// A member's place. Null in place of a number that its owner does not share.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Place {
    rank: usize,
    user_id: Uuid,
    name: Option<String>,
    tier: Tier,
    total_karma: Option<i64>,
    current_karma: Option<f64>,
    trust_score: Option<u32>,
    helps_given: Option<i64>,
}

/// What a place is decided by.
struct Standing {
    user_id: Uuid,
    current: f64,
    total: i64,
    helps_given: i64,
    exact: bool,
}

/// Active members by current karma, total karma, then id. For members; 404 where it is switched off.
pub(crate) async fn show(
    mut reading: Reading,
    PathIds(community_id): PathIds<Uuid>,
    mut params: Params,
) -> Answered<Vec<Place>> {
    let page = Page::<u32>::read_with_limit(&mut params, "karma", DEFAULT_LIMIT)?;
    params.finish()?;
    let (db, who) = reading.parts();
    community::members_only(db, who, community_id).await?;
    let enabled: Option<bool> =
        sqlx::query_scalar("SELECT leaderboard_enabled FROM community.settings WHERE community_id = $1")
            .bind(community_id)
            .fetch_optional(&mut *db)
            .await?;
    if enabled == Some(false) {
        return Err(Problem::not_found("LEADERBOARD_DISABLED"));
    }
    let standings = standings(db, who, community_id).await?;
    let total = i64::try_from(standings.len()).unwrap_or(i64::MAX);
    let start = page.after_key().map_or_else(|| page.offset(), |rank| i64::from(*rank));
    let start = usize::try_from(start).unwrap_or(usize::MAX);
    let ranked: Vec<_> = (1..).zip(standings).skip(start).collect();
    let mut places =
        places(db, who, community_id, ranked, usize::try_from(page.fetch()).unwrap_or(usize::MAX)).await?;
    let pagination =
        page.cut(&mut places, total, |it| (u32::try_from(it.rank).unwrap_or(u32::MAX), it.user_id));
    Ok(Answer::ok(places).pagination(pagination))
}

/// All members, best first. At most 150, so their awards fit in memory and decay has one implementation.
async fn standings(db: &mut PgConnection, who: &Who, community_id: Uuid) -> sqlx::Result<Vec<Standing>> {
    let members: Vec<(Uuid, bool, Option<i32>)> = sqlx::query_as(
        "SELECT m.user_id, auth.shares_reputation(m.user_id), s.helps_given
         FROM community.memberships AS m
         LEFT JOIN reputation.standings AS s USING (user_id, community_id)
         WHERE m.community_id = $1 AND m.status = 'active'",
    )
    .bind(community_id)
    .fetch_all(&mut *db)
    .await?;
    let ids: Vec<_> = members.iter().map(|(id, ..)| *id).collect();
    let ledgers = karma::ledgers(db, &ids, Some(&[community_id])).await?;
    let mut standings: Vec<_> = members
        .into_iter()
        .map(|(user_id, shares, helps_given)| {
            let ledger = ledgers.get(&(user_id, community_id));
            Standing {
                user_id,
                current: ledger.map_or(0.0, |it| decay::rounded(it.current(who.now))),
                total: ledger.map_or(0, |it| it.total),
                helps_given: helps_given.unwrap_or(0).into(),
                exact: shares || user_id == who.user_id,
            }
        })
        .collect();
    standings.sort_by(|a, b| {
        b.current.total_cmp(&a.current).then(b.total.cmp(&a.total)).then(a.user_id.cmp(&b.user_id))
    });
    Ok(standings)
}

async fn places(
    db: &mut PgConnection,
    who: &Who,
    community_id: Uuid,
    ranked: Vec<(usize, Standing)>,
    most: usize,
) -> sqlx::Result<Vec<Place>> {
    let ids: HashSet<_> = ranked.iter().take(most).map(|(_, it)| it.user_id).collect();
    let ids: Vec<_> = ids.into_iter().collect();
    let scores = trust::scores(db, &ids, who.now).await?;
    let people = People::find(db, ids).await?;
    let place = |(rank, it): (usize, Standing)| {
        let trust = scores.in_community(it.user_id, community_id);
        Place {
            rank,
            user_id: it.user_id,
            name: people.name(it.user_id),
            tier: Tier::of(trust.score),
            total_karma: it.exact.then_some(it.total),
            current_karma: it.exact.then_some(it.current),
            trust_score: it.exact.then_some(trust.score),
            helps_given: it.exact.then_some(it.helps_given),
        }
    };
    Ok(ranked.into_iter().take(most).map(place).collect())
}

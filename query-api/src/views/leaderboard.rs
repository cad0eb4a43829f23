//! GET /reputation/leaderboard/{communityId}.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};
use serde::Serialize;
use service_kit::answer::{Answer, PathIds, Problem};
use sqlx::FromRow;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::{Answered, community, karma, trust};
use crate::page::Page;
use crate::params::Params;
use crate::people::People;
use crate::reading::{Reading, Who};
use crate::reputation::decay::{self, Award};
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

/// For what instant the list is, then hundredths of current karma and total karma of the last place before. Karma fades
/// while somebody turns pages, so that all pages are for the instant of the first.
type Key = (DateTime<Utc>, i64, i64);

impl Standing {
    #[expect(clippy::cast_possible_truncation, reason = "karma is far from such numbers")]
    fn hundredths(&self) -> i64 {
        (self.current * 100.0).round() as i64
    }

    /// Smaller is better.
    fn order(&self) -> (Reverse<i64>, Reverse<i64>, Uuid) {
        (Reverse(self.hundredths()), Reverse(self.total), self.user_id)
    }
}

/// Active members by current karma, total karma, then id. For members; 404 where it is switched off.
pub(crate) async fn show(
    mut reading: Reading,
    PathIds(community_id): PathIds<Uuid>,
    mut params: Params,
) -> Answered<Vec<Place>> {
    let page = Page::<Key>::read_with_limit(&mut params, "karma", DEFAULT_LIMIT)?;
    params.finish()?;
    let (db, who) = reading.parts();
    community::members_only(db, who, community_id).await?;
    let (enabled, half_life): (Option<bool>, Option<f64>) = sqlx::query_as(
        "SELECT (SELECT leaderboard_enabled FROM community.settings WHERE community_id = $1),
                (SELECT karma_decay_half_life_days FROM community.configs WHERE community_id = $1)",
    )
    .bind(community_id)
    .fetch_one(&mut *db)
    .await?;
    if enabled == Some(false) {
        return Err(Problem::not_found("LEADERBOARD_DISABLED"));
    }
    let half_life = half_life.unwrap_or(karma::DEFAULT_HALF_LIFE_DAYS);
    let as_of = page.after_key().map_or(who.now, |(as_of, ..)| who.now.min(*as_of));
    let standings = standings(db, who, community_id, half_life, as_of).await?;
    let total = i64::try_from(standings.len()).unwrap_or(i64::MAX);
    let after =
        page.after.as_ref().map(|((_, current, total), id)| (Reverse(*current), Reverse(*total), *id));
    let follows = |it: &(usize, Standing)| after.is_none_or(|after| it.1.order() > after);
    let amount = |it: i64| usize::try_from(it).unwrap_or(usize::MAX);
    let ranked = (1..).zip(standings).filter(follows).skip(amount(page.offset())).take(amount(page.fetch()));
    let mut ranked: Vec<_> = ranked.collect();
    let pagination = page.cut(&mut ranked, total, |(_, it)| ((as_of, it.hundredths(), it.total), it.user_id));
    Ok(Answer::ok(places(db, who, community_id, ranked).await?).pagination(pagination))
}

/// A member of the community as the database knows them.
#[derive(Debug, FromRow)]
struct Contender {
    user_id: Uuid,
    shares_reputation: bool,
    helps_given: i32,
    points: Vec<i32>,
    earned_at: Vec<DateTime<Utc>>,
}

/// All members, best first. At most 150, so their awards fit in memory and decay has one implementation.
async fn standings(
    db: &mut PgConnection,
    who: &Who,
    community_id: Uuid,
    half_life_days: f64,
    as_of: DateTime<Utc>,
) -> sqlx::Result<Vec<Standing>> {
    let contenders: Vec<Contender> = sqlx::query_as("SELECT * FROM reputation.contenders($1)")
        .bind(community_id)
        .fetch_all(&mut *db)
        .await?;
    let standing = |it: Contender| {
        let awards = it.points.into_iter().zip(it.earned_at);
        let awards: Vec<_> = awards.map(|(points, earned_at)| Award { points, earned_at }).collect();
        Standing {
            user_id: it.user_id,
            current: decay::rounded(decay::current(&awards, half_life_days, as_of)),
            total: awards.iter().map(|it| i64::from(it.points)).sum(),
            helps_given: it.helps_given.into(),
            exact: it.shares_reputation || it.user_id == who.user_id,
        }
    };
    let mut standings: Vec<_> = contenders.into_iter().map(standing).collect();
    standings.sort_by_key(Standing::order);
    Ok(standings)
}

async fn places(
    db: &mut PgConnection,
    who: &Who,
    community_id: Uuid,
    ranked: Vec<(usize, Standing)>,
) -> sqlx::Result<Vec<Place>> {
    let ids: Vec<_> = ranked.iter().map(|(_, it)| it.user_id).collect();
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
    Ok(ranked.into_iter().map(place).collect())
}

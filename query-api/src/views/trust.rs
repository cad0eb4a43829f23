//! GET /reputation/trust/…: trust of people, computed on read; the scores other views show come from here, too.

use chrono::{DateTime, Utc};
use serde::Serialize;
use service_kit::answer::{Answer, PathIds, Problem};
use sqlx::FromRow;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::Answered;
use crate::at::At;
use crate::reading::{Reading, Who};
use crate::reputation::trust::{self, Inputs, Terms, Tier, Trust};

/// Fewer ratings than this would tell who gave them.
const FEWEST_RATINGS_SHOWN: i64 = 3;

/// Trust of people in all their communities.
#[derive(Debug, Default)]
pub(crate) struct Scores(Vec<Score>);

/// Trust of a person in a community.
#[derive(Clone, Debug)]
pub(crate) struct Score {
    user_id: Uuid,
    /// The community, maybe one that the reader may not know of.
    pub(crate) community_id: Uuid,
    /// Whether the person is an active member there.
    pub(crate) is_member: bool,
    exchanges: u32,
    /// The score.
    pub(crate) trust: Trust,
}

impl Score {
    /// The step that everybody may see.
    pub(crate) const fn tier(&self) -> Tier {
        Tier::of(self.trust.score)
    }
}

impl Scores {
    /// Those of one person.
    pub(crate) fn of(&self, user_id: Uuid) -> impl Iterator<Item = &Score> {
        self.0.iter().filter(move |it| it.user_id == user_id)
    }

    /// That of a person in a community; 0 where nothing is known.
    pub(crate) fn in_community(&self, user_id: Uuid, community_id: Uuid) -> Trust {
        let found = self.of(user_id).find(|it| it.community_id == community_id);
        found.map_or(Trust { score: 0, carried: false }, |it| it.trust)
    }

    /// The mean over all communities.
    fn overall(&self, user_id: Uuid) -> u32 {
        let scores: Vec<_> = self.of(user_id).map(|it| (it.trust.score, it.exchanges)).collect();
        trust::overall(&scores)
    }
}

#[derive(Debug, FromRow)]
struct InputRow {
    user_id: Uuid,
    community_id: Uuid,
    is_member: bool,
    exchanges: i64,
    counterparties: i64,
    repeated: i64,
    rating: Option<f64>,
    depth_weight: f64,
    breadth_weight: f64,
    feedback_threshold: f64,
    min_interactions: i32,
    carry_enabled: bool,
    carry_factor: f64,
    carry_cap: i32,
}

/// Trust of these people at `now`; nothing for people whom the caller shares no community with.
pub(crate) async fn scores(
    db: &mut PgConnection,
    people: &[Uuid],
    now: DateTime<Utc>,
) -> sqlx::Result<Scores> {
    let rows: Vec<InputRow> = sqlx::query_as("SELECT * FROM reputation.trust_inputs($1, $2)")
        .bind(people)
        .bind(now)
        .fetch_all(db)
        .await?;
    let score = |row: &InputRow| {
        let others = rows.iter().filter(|it| it.user_id == row.user_id);
        let communities = others.clone().filter(|it| it.exchanges > 0).count();
        let elsewhere =
            others.filter(|it| it.community_id != row.community_id && it.is_member && it.exchanges > 0);
        let best = elsewhere.map(|it| trust::own(&it.inputs(communities))).max().unwrap_or(0);
        Score {
            user_id: row.user_id,
            community_id: row.community_id,
            is_member: row.is_member,
            exchanges: small(row.exchanges),
            trust: trust::trust(&row.inputs(communities), best),
        }
    };
    Ok(Scores(rows.iter().map(score).collect()))
}

impl InputRow {
    fn inputs(&self, communities: usize) -> Inputs {
        Inputs {
            exchanges: small(self.exchanges),
            people: small(self.counterparties),
            pairs: small(self.repeated),
            communities: u32::try_from(communities).unwrap_or(u32::MAX),
            rating: self.rating,
            terms: Terms {
                depth_weight: self.depth_weight,
                breadth_weight: self.breadth_weight,
                feedback_threshold: self.feedback_threshold,
                min_interactions: small(self.min_interactions.into()),
                carry_enabled: self.carry_enabled,
                carry_factor: self.carry_factor,
                carry_cap: small(self.carry_cap.into()),
            },
        }
    }
}

/// Counts stay far below the bounds of the formula's arithmetic.
fn small(count: i64) -> u32 {
    u32::try_from(count.clamp(0, 1_000_000)).unwrap_or_default()
}

/// Trust of a person over all.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Overall {
    overall: Option<u32>,
    tier: Tier,
    by_community: Vec<InCommunity>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct InCommunity {
    community_id: Uuid,
    score: Option<u32>,
    tier: Tier,
}

/// Over all, and in each shared community. Exact numbers are the owner's, and for others when the owner shares them.
pub(crate) async fn overall(mut reading: Reading, PathIds(user_id): PathIds<Uuid>) -> Answered<Overall> {
    let (db, who) = reading.parts();
    let exact = may_see(db, who, user_id).await?;
    let scores = scores(db, &[user_id], who.now).await?;
    let overall = scores.overall(user_id);
    let spanned = who.spanned();
    let shared = scores.of(user_id).filter(|it| it.is_member && spanned.contains(&it.community_id));
    let by_community = shared.map(|it| InCommunity {
        community_id: it.community_id,
        score: exact.then_some(it.trust.score),
        tier: it.tier(),
    });
    Ok(Answer::ok(Overall {
        overall: exact.then_some(overall),
        tier: Tier::of(overall),
        by_community: by_community.collect(),
    }))
}

/// Trust of a person in one community.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct There {
    score: Option<u32>,
    tier: Tier,
    requests_completed: Option<i64>,
    offers_accepted: Option<i64>,
    average_feedback: Option<f64>,
    interaction_quality: Option<Quality>,
    carried: bool,
    last_updated: Option<At>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Quality {
    helpfulness: Option<f64>,
    responsiveness: Option<f64>,
    clarity: Option<f64>,
    count: i64,
}

/// In a community of the caller; people who are no members of it are not found.
pub(crate) async fn in_community(
    mut reading: Reading,
    PathIds((user_id, community_id)): PathIds<(Uuid, Uuid)>,
) -> Answered<There> {
    let (db, who) = reading.parts();
    let exact = may_see(db, who, user_id).await?;
    let scores = scores(db, &[user_id], who.now).await?;
    let known = scores.of(user_id).find(|it| it.community_id == community_id && it.is_member);
    if known.is_none() || !who.spanned().contains(&community_id) {
        return Err(Problem::not_found("USER_NOT_FOUND"));
    }
    let trust = scores.in_community(user_id, community_id);
    let (requests, offers, last): (i64, i64, Option<At>) = sqlx::query_as(
        "SELECT count(*) FILTER (WHERE role = 'requester'), count(*) FILTER (WHERE role = 'helper'), max(completed_at)
         FROM reputation.exchanges WHERE user_id = $1 AND community_id = $2",
    )
    .bind(user_id)
    .bind(community_id)
    .fetch_one(&mut *db)
    .await?;
    let own = user_id == who.user_id;
    let feedback = if own { feedback(db, who, community_id).await? } else { None };
    let (average_feedback, interaction_quality) = feedback.unzip();
    Ok(Answer::ok(There {
        score: exact.then_some(trust.score),
        tier: Tier::of(trust.score),
        requests_completed: exact.then_some(requests),
        offers_accepted: exact.then_some(offers),
        average_feedback: average_feedback.flatten(),
        interaction_quality,
        carried: trust.carried,
        last_updated: last,
    }))
}

/// Averages of the caller's own ratings there, from three on.
async fn feedback(
    db: &mut PgConnection,
    who: &Who,
    community_id: Uuid,
) -> sqlx::Result<Option<(Option<f64>, Quality)>> {
    type Row = (i64, Option<f64>, Option<f64>, Option<f64>, Option<f64>);
    let row: Option<Row> = sqlx::query_as(
        "SELECT ratings, weighted_rating, helpfulness, responsiveness, clarity
         FROM reputation.rating_averages($1, $2, $3)",
    )
    .bind([who.user_id])
    .bind([community_id])
    .bind(who.now)
    .fetch_optional(db)
    .await?;
    let enough = row.filter(|(count, ..)| *count >= FEWEST_RATINGS_SHOWN);
    let two = |value: Option<f64>| value.map(crate::reputation::decay::rounded);
    Ok(enough.map(|(count, rating, helpfulness, responsiveness, clarity)| {
        let quality = Quality {
            helpfulness: two(helpfulness),
            responsiveness: two(responsiveness),
            clarity: two(clarity),
            count,
        };
        (two(rating), quality)
    }))
}

/// Whether the caller sees exact numbers of this person.
///
/// 404 when they share no active community.
pub(super) async fn may_see(db: &mut PgConnection, who: &Who, user_id: Uuid) -> Result<bool, Problem> {
    if user_id == who.user_id {
        return Ok(true);
    }
    let shares: Option<bool> = sqlx::query_scalar(
        "SELECT auth.shares_reputation($1) FROM community.memberships
         WHERE user_id = $1 AND status = 'active' AND community_id = ANY ($2) LIMIT 1",
    )
    .bind(user_id)
    .bind(who.spanned())
    .fetch_optional(db)
    .await?;
    shares.ok_or_else(|| Problem::not_found("USER_NOT_FOUND"))
}

//! GET /reputation/karma/{userId}, /reputation/me/karma and badges.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use service_kit::answer::{Answer, PathIds};
use sqlx::FromRow;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::{Answered, trust};
use crate::at::At;
use crate::page;
use crate::reading::{Reading, Who};
use crate::reputation::decay::{self, Award, Trend};

/// How far back helps and requests count as recent.
const RECENT: TimeDelta = TimeDelta::days(30);
/// Half-life of a community that the directory does not know yet, in days.
pub(super) const DEFAULT_HALF_LIFE_DAYS: f64 = 180.0;

/// The awards of one person in one community.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    pub(super) awards: Vec<Award>,
    pub(super) total: i64,
    giving: i64,
    receiving: i64,
    pub(super) half_life_days: f64,
}

impl Ledger {
    /// Decayed karma, unrounded.
    pub(super) fn current(&self, now: DateTime<Utc>) -> f64 {
        decay::current(&self.awards, self.half_life_days, now)
    }
}

#[derive(Debug, FromRow)]
struct Record {
    community_id: Uuid,
    points: i32,
    reason: String,
    created_at: DateTime<Utc>,
    half_life_days: Option<f64>,
}

/// The ledgers of a person by community; of `communities`, or of all that the caller may see.
async fn ledgers(
    db: &mut PgConnection,
    user_id: Uuid,
    communities: Option<&[Uuid]>,
) -> sqlx::Result<BTreeMap<Uuid, Ledger>> {
    let records: Vec<Record> = sqlx::query_as(
        "SELECT k.community_id, k.points, k.reason, k.created_at,
                c.karma_decay_half_life_days AS half_life_days
         FROM reputation.karma_records AS k
         LEFT JOIN community.configs AS c ON c.community_id = k.community_id
         WHERE k.user_id = $1 AND ($2::uuid[] IS NULL OR k.community_id = ANY ($2))",
    )
    .bind(user_id)
    .bind(communities)
    .fetch_all(db)
    .await?;
    let mut ledgers = BTreeMap::<_, Ledger>::new();
    for record in records {
        let ledger = ledgers.entry(record.community_id).or_default();
        ledger.half_life_days = record.half_life_days.unwrap_or(DEFAULT_HALF_LIFE_DAYS);
        ledger.awards.push(Award { points: record.points, earned_at: record.created_at });
        ledger.total += i64::from(record.points);
        match record.reason.as_str() {
            "helped_with_request" => ledger.giving += i64::from(record.points),
            "received_help" => ledger.receiving += i64::from(record.points),
            _ => {}
        }
    }
    Ok(ledgers)
}

/// Karma of a person. Null in place of a number that its owner does not share.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Karma {
    user_id: Uuid,
    total_karma: Option<i64>,
    current_karma: Option<f64>,
    karma_from_giving: Option<i64>,
    karma_from_receiving: Option<i64>,
    bonuses: Option<i64>,
    by_community: Vec<InCommunity>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct InCommunity {
    community_id: Uuid,
    total_karma: Option<i64>,
    current_karma: Option<f64>,
    transaction_count: Option<usize>,
}

/// Of oneself everywhere, of others in shared communities; of the named community when there is one.
pub(crate) async fn show(mut reading: Reading, PathIds(user_id): PathIds<Uuid>) -> Answered<Karma> {
    let (db, who) = reading.parts();
    let exact = trust::may_see(db, who, user_id).await?;
    let communities = match (user_id == who.user_id, who.community) {
        (true, None) => None,
        (true, Some(named)) => Some(vec![named]),
        (false, _) => Some(shared_with(db, who, user_id).await?),
    };
    let mut ledgers = ledgers(db, user_id, communities.as_deref()).await?;
    for &community in communities.iter().flatten() {
        ledgers.entry(community).or_default();
    }
    let sum = |part: fn(&Ledger) -> i64| exact.then(|| ledgers.values().map(part).sum::<i64>());
    let current: f64 = ledgers.values().map(|it| it.current(who.now)).sum();
    let by_community = ledgers.iter().map(|(community_id, ledger)| InCommunity {
        community_id: *community_id,
        total_karma: exact.then_some(ledger.total),
        current_karma: exact.then(|| decay::rounded(ledger.current(who.now))),
        transaction_count: exact.then_some(ledger.awards.len()),
    });
    Ok(Answer::ok(Karma {
        user_id,
        total_karma: sum(|it| it.total),
        current_karma: exact.then(|| decay::rounded(current)),
        karma_from_giving: sum(|it| it.giving),
        karma_from_receiving: sum(|it| it.receiving),
        bonuses: sum(|it| it.total - it.giving - it.receiving),
        by_community: by_community.collect(),
    }))
}

/// The caller's karma in the community of the call.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Own {
    karma: f64,
    trend: Trend,
    recent_helps: i64,
    recent_requests: i64,
    last_updated: Option<At>,
}

/// Decayed, with its trend.
pub(crate) async fn own(mut reading: Reading) -> Answered<Own> {
    let community = reading.who.needed_community()?;
    let (db, who) = reading.parts();
    let ledger = ledger_of(db, who.user_id, community).await?;
    let (recent_helps, recent_requests, last_updated) = recent(db, who, community).await?;
    Ok(Answer::ok(Own {
        karma: decay::rounded(ledger.current(who.now)),
        trend: decay::trend(&ledger.awards, ledger.half_life_days, who.now),
        recent_helps,
        recent_requests,
        last_updated,
    }))
}

/// The ledger of one person in one community; empty without awards.
pub(super) async fn ledger_of(db: &mut PgConnection, user_id: Uuid, community: Uuid) -> sqlx::Result<Ledger> {
    let mut ledgers = ledgers(db, user_id, Some(&[community])).await?;
    Ok(ledgers.remove(&community).unwrap_or_default())
}

/// Helps and requests of the last 30 days, and when the standing last changed.
pub(super) async fn recent(
    db: &mut PgConnection,
    who: &Who,
    community: Uuid,
) -> sqlx::Result<(i64, i64, Option<At>)> {
    sqlx::query_as(
        "SELECT count(*) FILTER (WHERE e.role = 'helper'), count(*) FILTER (WHERE e.role = 'requester'),
                (SELECT last_activity_at FROM reputation.standings WHERE user_id = $1 AND community_id = $2)
         FROM reputation.exchanges AS e
         WHERE e.user_id = $1 AND e.community_id = $2 AND e.completed_at > $3",
    )
    .bind(who.user_id)
    .bind(community)
    .bind(who.now - RECENT)
    .fetch_one(db)
    .await
}

async fn shared_with(db: &mut PgConnection, who: &Who, user_id: Uuid) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(
        "SELECT community_id FROM community.memberships
         WHERE user_id = $1 AND status = 'active' AND community_id = ANY ($2)",
    )
    .bind(user_id)
    .bind(who.spanned())
    .fetch_all(db)
    .await
}

/// Something earned for good.
#[derive(Debug, FromRow, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Badge {
    badge_type: String,
    earned_at: At,
}

/// Badges of somebody who shares a community, oldest first.
pub(crate) async fn badges(mut reading: Reading, PathIds(user_id): PathIds<Uuid>) -> Answered<Vec<Badge>> {
    let (db, who) = reading.parts();
    trust::may_see(db, who, user_id).await?;
    let badges = badges_of(db, user_id).await?;
    let pagination = page::whole(badges.len());
    Ok(Answer::ok(badges).pagination(pagination))
}

pub(super) async fn badges_of(db: &mut PgConnection, user_id: Uuid) -> sqlx::Result<Vec<Badge>> {
    sqlx::query_as(
        "SELECT badge_type, earned_at FROM reputation.badges WHERE user_id = $1 ORDER BY earned_at, badge_type",
    )
    .bind(user_id)
    .fetch_all(db)
    .await
}

//! GET /reputation/me/community-summary: the one source of every view of one's own standing in a community.

use serde::Serialize;
use service_kit::answer::Answer;
use uuid::Uuid;

use super::karma::{self, Badge};
use super::{Answered, trust};
use crate::at::At;
use crate::reading::Reading;
use crate::reputation::decay::{self, Trend};
use crate::reputation::trust::Tier;

/// The caller's standing in the community of the call.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Summary {
    community_id: Uuid,
    /// Decayed.
    karma: f64,
    total_karma: i64,
    trend: Trend,
    /// 0-100.
    trust: u32,
    tier: Tier,
    carried: bool,
    badges: Vec<Badge>,
    helps_given: i64,
    helps_received: i64,
    recent_helps: i64,
    recent_requests: i64,
    transaction_count: usize,
    last_updated: Option<At>,
}

/// Karma, trend, trust, badges and counts, all for the same instant.
pub(crate) async fn show(mut reading: Reading) -> Answered<Summary> {
    let community_id = reading.who.needed_community()?;
    let (db, who) = reading.parts();
    let ledger = karma::ledger_of(db, who.user_id, community_id).await?;
    let (recent_helps, recent_requests, last_updated) = karma::recent(db, who, community_id).await?;
    let (helps_given, helps_received): (i64, i64) = sqlx::query_as(
        "SELECT count(*) FILTER (WHERE role = 'helper'), count(*) FILTER (WHERE role = 'requester')
         FROM reputation.exchanges WHERE user_id = $1 AND community_id = $2",
    )
    .bind(who.user_id)
    .bind(community_id)
    .fetch_one(&mut *db)
    .await?;
    let trust = trust::scores(db, &[who.user_id], who.now).await?.in_community(who.user_id, community_id);
    Ok(Answer::ok(Summary {
        community_id,
        karma: decay::rounded(ledger.current(who.now)),
        total_karma: ledger.total,
        trend: decay::trend(&ledger.awards, ledger.half_life_days, who.now),
        trust: trust.score,
        tier: Tier::of(trust.score),
        carried: trust.carried,
        badges: karma::badges_of(db, who.user_id).await?,
        helps_given,
        helps_received,
        recent_helps,
        recent_requests,
        transaction_count: ledger.awards.len(),
        last_updated,
    }))
}

//! GET /feed/community-health: how alive a community is, of the last 30 days.

use serde::Serialize;
use service_kit::answer::Answer;
use uuid::Uuid;

use super::{Answered, community};
use crate::reading::Reading;
use crate::reputation::health::{self, Direction, Facts};

/// The health of a community.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Health {
    community_id: Uuid,
    community_name: String,
    network_strength: f64,
    network_strength_label: &'static str,
    total_matches: u32,
    active_helpers: u32,
    growth_rate: f64,
    trend_direction: Direction,
}

/// Of the community of the call, for its members.
pub(crate) async fn show(mut reading: Reading) -> Answered<Health> {
    let community_id = reading.who.needed_community()?;
    let (db, who) = reading.parts();
    let community = community::find(db, community_id).await?;
    type Counts = (i64, i64, i64, i64, i64, Option<f64>);
    let counts: Counts = sqlx::query_as(
        "SELECT count(DISTINCT match_id), count(DISTINCT user_id), count(DISTINCT user_id) FILTER (WHERE role = 'helper'),
                count(DISTINCT match_id) FILTER (WHERE completed_at > $2 - interval '7 days'),
                count(DISTINCT match_id) FILTER (WHERE completed_at > $2 - interval '14 days'
                                                   AND completed_at <= $2 - interval '7 days'),
                reputation.community_quality($1, $2 - interval '30 days')
         FROM reputation.exchanges WHERE community_id = $1 AND completed_at > $2 - interval '30 days'",
    )
    .bind(community_id)
    .bind(who.now)
    .fetch_one(&mut *db)
    .await?;
    let (matches, participants, helpers, this_week, week_before, mean_quality) = counts;
    let small = |count: i64| u32::try_from(count).unwrap_or(u32::MAX);
    let facts = Facts {
        matches: small(matches),
        participants: small(participants),
        members: u32::try_from(community.current_members).unwrap_or_default(),
        mean_quality,
    };
    let strength = health::strength(&facts);
    let growth = health::growth(small(week_before), small(this_week));
    Ok(Answer::ok(Health {
        community_id,
        community_name: community.name,
        network_strength: strength,
        network_strength_label: health::label(strength),
        total_matches: facts.matches,
        active_helpers: small(helpers),
        growth_rate: growth,
        trend_direction: health::direction(growth),
    }))
}

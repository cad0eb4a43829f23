//! Standings: sums, and a row per side of an exchange.

use event_schemas::reputation::{ExchangeCredited, ExchangeReceived, KarmaAwarded, ReputationEvent};
use event_schemas::{CommunityId, MatchId, RequestId};
use serde_json::json;

use super::{Event, given, id, payload, user};
use crate::projections::reputation::Reputation;

fn event(event: impl Into<ReputationEvent>) -> Event {
    event.into().into()
}

fn awarded(points: i32, reason: &str) -> Event {
    event(payload::<KarmaAwarded>(json!({
        "userId": user(1), "communityId": CommunityId::new(id(1)), "points": points, "reason": reason,
        "matchId": MatchId::new(id(1)), "requestId": RequestId::new(id(1)), "earnedAt": 7, "communityKarma": 0,
        "totalKarma": 0, "details": {"pool": 100, "multiplierHundredths": 100, "sharePercent": 60, "communities": 1},
    })))
}

#[test]
fn a_standing_sums_karma_and_tells_bonuses_apart() {
    let reputation: Reputation = given([
        awarded(60, "helped_with_request"),
        awarded(15, "first_help_bonus"),
        awarded(-7, "received_help"),
    ]);
    let [standing] = reputation.standings.rows()[..] else { panic!("one standing") };
    assert_eq!((standing.total_karma, standing.bonus_karma, standing.version), (68, 15, 3));
    assert_eq!(reputation.karma_records.rows().len(), 3);
}

#[test]
fn an_exchange_is_a_row_per_side_and_community() {
    let both = [CommunityId::new(id(1)), CommunityId::new(id(2))];
    let credit = |community| {
        json!({"communityId": community, "helperPoints": 30, "requesterPoints": 20, "bonusPoints": 0, "pool": 100,
               "multiplierHundredths": 100, "requesterSharePercent": 40})
    };
    let credited: ExchangeCredited = payload(json!({
        "matchId": MatchId::new(id(1)), "requestId": RequestId::new(id(1)), "helperId": user(1), "requesterId": user(2),
        "requestType": "ride", "completedAt": 7, "credits": both.map(credit),
    }));
    let received: ExchangeReceived = payload(json!({
        "matchId": MatchId::new(id(1)), "requestId": RequestId::new(id(1)), "helperId": user(1), "requesterId": user(2),
        "completedAt": 7, "communityIds": both, "points": 40,
    }));
    let reputation: Reputation = given([event(credited), event(received)]);
    assert_eq!(reputation.exchanges.rows().len(), 4);
    let helps: (i32, i32) = reputation
        .standings
        .rows()
        .iter()
        .fold((0, 0), |sum, it| (sum.0 + it.helps_given, sum.1 + it.helps_received));
    assert_eq!(helps, (2, 2));
}

//! Counting exchanges and their quality.

use event_schemas::MatchId;
use event_schemas::community::{CountExchange, CountQuality, ExchangeCounted, QualityCounted};

use super::*;

const fn exchange(n: u128) -> MatchId {
    MatchId::new(Uuid::from_u128(n))
}

fn count(n: u128, helper_id: UserId, requester_id: UserId) -> Command {
    let count = CountExchange {
        community_id: GARDEN,
        match_id: exchange(n),
        helper_id,
        requester_id,
        completed_at: day(1),
    };
    Command::CountExchange(count)
}

fn counted(
    n: u128,
    (helper_id, requester_id): (UserId, UserId),
    exchanges: i32,
    participants: i32,
) -> CommunityEvent {
    let counted = ExchangeCounted {
        community_id: GARDEN,
        match_id: exchange(n),
        helper_id,
        requester_id,
        exchanges,
        participants,
        at: day(1),
    };
    counted.into()
}

fn rate(n: u128, giver_id: UserId, quality: f64) -> Command {
    Command::CountQuality(CountQuality { community_id: GARDEN, match_id: exchange(n), giver_id, quality })
}

#[test]
fn an_exchange_is_counted_once() {
    garden([]).when(count(1, BEN, CLEO)).then([counted(1, (BEN, CLEO), 1, 2)]);
}

#[test]
fn participants_are_distinct_people() {
    let once = garden([counted(1, (BEN, CLEO), 1, 2)]);
    once.when(count(2, CLEO, BEN)).then([counted(2, (CLEO, BEN), 2, 2)]);
    once.when(count(3, DORA, BEN)).then([counted(3, (DORA, BEN), 2, 3)]);
}

#[test]
fn qualities_add_up() {
    let rated = |sum, count| {
        let quality = QualityCounted {
            community_id: GARDEN,
            match_id: exchange(1),
            quality_sum: sum,
            quality_count: count,
        };
        CommunityEvent::from(quality)
    };
    garden([]).when(rate(1, BEN, 4.5)).then_adding([rated(4.5, 1)]);
    garden([rated(4.5, 1)]).when(rate(1, CLEO, 3.0)).then([rated(7.5, 2)]);
}

#[test]
fn a_closed_community_counts_nothing() {
    garden([archived()]).when(count(1, BEN, CLEO)).then_nothing();
    garden([archived()]).when(rate(1, BEN, 5.0)).then_nothing();
}

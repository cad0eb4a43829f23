//! Sentences about standing. Ben has helped Ana; Elm, Oak, Ash and Fir are communities, in id order.

mod crediting;
mod receiving;
mod split;

use event_schemas::reputation::{Credit, ExchangeReceived};
use event_schemas::{EventId, RequestId};
use uuid::Uuid;

use super::*;

const ANA: UserId = UserId::new(Uuid::from_u128(0xa));
const BEN: UserId = UserId::new(Uuid::from_u128(0xb));
const ELM: CommunityId = CommunityId::new(Uuid::from_u128(0xe1));
const OAK: CommunityId = CommunityId::new(Uuid::from_u128(0xe2));
const ASH: CommunityId = CommunityId::new(Uuid::from_u128(0xe3));
const FIR: CommunityId = CommunityId::new(Uuid::from_u128(0xe4));
const REQUEST: RequestId = RequestId::new(Uuid::from_u128(0xf));

/// When the exchange was completed.
fn noon() -> Timestamp {
    Timestamp::parse("2026-01-01T12:00:00Z").expect("a date-time")
}

/// A community in which both are members since long ago, with pool, multiplier in hundredths and split.
fn terms(community: CommunityId, pool: i32, multiplier: i32, split: (i32, i32)) -> Terms {
    let since = Some(Timestamp::from_micros(0));
    Terms {
        community,
        pool,
        multiplier_hundredths: multiplier,
        helper_percent: split.0,
        requester_percent: split.1,
        lockout_days: 0,
        helper_since: since,
        requester_since: since,
    }
}

/// The plain terms: 100 points, 60/40.
fn plain(community: CommunityId) -> Terms {
    terms(community, 100, 100, (60, 40))
}

/// The `n`th exchange in which Ben helps someone.
fn exchange(n: u128, requester: UserId, communities: Vec<Terms>) -> CreditExchange {
    CreditExchange {
        match_id: MatchId::new(Uuid::from_u128(n)),
        request_id: REQUEST,
        helper: BEN,
        requester,
        request_type: "generic".to_owned(),
        category: None,
        completed_at: noon(),
        communities,
    }
}

/// The standing after it has met a command; the events that it answered with.
fn meet(standing: &mut State, command: impl Into<Command>) -> Vec<ReputationEvent> {
    let events = standing.decide(&command.into(), noon()).expect("nothing is refused");
    for event in &events {
        standing.evolve(event, Meta { event_id: EventId::new(Uuid::nil()), at: noon() });
    }
    events
}

/// Ben's standing after so many helps to one person in Elm, each worth the plain points.
fn after_helps(count: u128) -> State {
    let mut standing = State::default();
    for n in 0..count {
        meet(&mut standing, exchange(1000 + n, ANA, vec![plain(ELM)]));
    }
    standing
}

impl From<CreditExchange> for Command {
    fn from(it: CreditExchange) -> Self {
        Self::CreditExchange(Box::new(it))
    }
}

/// Community, points and reason of each award.
fn awards(events: &[ReputationEvent]) -> Vec<(CommunityId, i32, &str)> {
    fn told(it: &ReputationEvent) -> Option<(CommunityId, i32, &str)> {
        match it {
            ReputationEvent::KarmaAwarded(it) => Some((it.community_id, it.points, it.reason.as_str())),
            ReputationEvent::ExchangeCredited(_)
            | ReputationEvent::ExchangeReceived(_)
            | ReputationEvent::BadgeEarned(_)
            | ReputationEvent::KarmaMilestoneReached(_)
            | ReputationEvent::FeedbackRecorded(_) => None,
        }
    }
    events.iter().filter_map(told).collect()
}

/// The names of events, in order.
fn names(events: &[ReputationEvent]) -> Vec<&'static str> {
    use event_schemas::Payload as _;
    events.iter().map(|it| it.entry().name).collect()
}

/// What was credited.
fn credited(events: &[ReputationEvent]) -> &ExchangeCredited {
    match events.last() {
        Some(ReputationEvent::ExchangeCredited(it)) => it,
        other => panic!("{other:?}"),
    }
}

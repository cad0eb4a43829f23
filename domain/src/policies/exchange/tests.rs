//! What a completed exchange and a rating set in motion.

use event_schemas::reputation::Credit;
use event_schemas::{
    AggregateType, CommandId, CommunityId, CorrelationId, Envelope, EventId, MatchId, Metadata, RequestId,
    Timestamp, UserId,
};
use uuid::Uuid;

use super::*;
use crate::known::Known;
use crate::policies::{Reaction, react};

const ANA: UserId = UserId::new(Uuid::from_u128(0xa));
const BEN: UserId = UserId::new(Uuid::from_u128(0xb));
const ELM: CommunityId = CommunityId::new(Uuid::from_u128(0xe1));
const OAK: CommunityId = CommunityId::new(Uuid::from_u128(0xe2));
const MATCH: MatchId = MatchId::new(Uuid::from_u128(1));
const REQUEST: RequestId = RequestId::new(Uuid::from_u128(0xf));

fn noon() -> Timestamp {
    Timestamp::from_micros(43_200_000_000)
}

/// What the policies of this module ask for after an event.
fn reactions(event: impl Into<Event>) -> Vec<(&'static str, String, Command)> {
    let command_id = CommandId::new(Uuid::from_u128(7));
    let envelope = Envelope {
        event_id: EventId::new(Uuid::from_u128(8)),
        timestamp: noon(),
        correlation_id: CorrelationId::from(command_id),
        causation_id: None,
        aggregate_type: AggregateType::HelpRequest,
        aggregate_id: REQUEST.to_string(),
        aggregate_version: 1,
        community_id: None,
        actor: None,
        command_id,
        metadata: Metadata::default(),
    };
    let event = Recorded { envelope, payload: event.into() };
    let state = State::initial(AggregateType::HelpRequest);
    let ours = ["credit_exchange", "count_exchange", "record_feedback"];
    let asked = react(&event, &state, &Known::default()).into_iter().filter(|it| ours.contains(&it.policy));
    asked.map(|Reaction { policy, target, command, .. }| (policy, target, command)).collect()
}

#[test]
fn a_completed_match_is_credited_to_the_helpers_standing() {
    let completed = MatchCompleted {
        request_id: REQUEST,
        match_id: MATCH,
        requester_id: ANA,
        responder_id: BEN,
        community_id: ELM,
        community_ids: vec![ELM, OAK],
        request_type: "ride".to_owned(),
        category: Some("moving".to_owned()),
        offer_id: None,
        completed_at: noon(),
    };
    let expected = CreditExchange {
        user_id: BEN,
        match_id: MATCH,
        request_id: REQUEST,
        requester_id: ANA,
        community_id: ELM,
        community_ids: vec![ELM, OAK],
        request_type: "ride".to_owned(),
        category: Some("moving".to_owned()),
        completed_at: noon(),
    };
    let event = RequestEvent::from(completed);
    let command = ReputationCommand::from(expected).into();
    assert_eq!(reactions(event), [("credit_exchange", BEN.to_string(), command)]);
}

#[test]
fn a_credited_exchange_goes_to_the_requester_and_counts_in_each_credited_community() {
    let credit = |community_id| Credit {
        community_id,
        helper_points: 30,
        requester_points: 20,
        bonus_points: 0,
        pool: 100,
        multiplier_hundredths: 100,
        requester_share_percent: 40,
    };
    let credited = ExchangeCredited {
        match_id: MATCH,
        request_id: REQUEST,
        helper_id: BEN,
        requester_id: ANA,
        request_type: "ride".to_owned(),
        category: None,
        completed_at: noon(),
        credits: vec![credit(ELM), credit(OAK)],
    };
    let received = CreditRequester {
        user_id: ANA,
        match_id: MATCH,
        request_id: REQUEST,
        helper_id: BEN,
        completed_at: noon(),
        credits: credited.credits.clone(),
    };
    let count = |community_id| {
        let count = CountExchange {
            community_id,
            match_id: MATCH,
            helper_id: BEN,
            requester_id: ANA,
            completed_at: noon(),
        };
        Command::from(CommunityCommand::from(count))
    };
    assert_eq!(
        reactions(ReputationEvent::from(credited)),
        [
            ("count_exchange", ANA.to_string(), ReputationCommand::from(received).into()),
            ("count_exchange", ELM.to_string(), count(ELM)),
            ("count_exchange", OAK.to_string(), count(OAK)),
        ]
    );
}

#[test]
fn a_rating_goes_to_the_rated_person_and_its_quality_to_each_community() {
    let given = FeedbackGiven {
        request_id: REQUEST,
        match_id: MATCH,
        requester_id: ANA,
        responder_id: BEN,
        from_user_id: ANA,
        to_user_id: BEN,
        rating: 2.0,
        helpfulness: Some(5),
        responsiveness: None,
        clarity: Some(4),
        comment: None,
        allow_featuring: true,
        show_name: false,
        community_ids: vec![ELM],
        at: noon(),
    };
    let record = RecordFeedback {
        user_id: BEN,
        match_id: MATCH,
        rating: 2.0,
        helpfulness: Some(5),
        responsiveness: None,
        clarity: Some(4),
        given_at: noon(),
    };
    let quality = |quality| {
        let count = CountQuality { community_id: ELM, match_id: MATCH, giver_id: ANA, quality };
        ("record_feedback", ELM.to_string(), Command::from(CommunityCommand::from(count)))
    };
    let expected = ("record_feedback", BEN.to_string(), ReputationCommand::from(record).into());
    assert_eq!(reactions(RequestEvent::from(given.clone())), [expected, quality(4.5)]);

    let rating_only = FeedbackGiven { helpfulness: None, clarity: None, ..given };
    assert_eq!(reactions(RequestEvent::from(rating_only))[1], quality(2.0));
}

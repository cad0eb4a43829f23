//! What an exchange brings its requester, and ratings.

use super::*;
use event_schemas::reputation::{FeedbackRecorded, KarmaDetails};

/// Ana was helped by Ben.
fn helped(credits: Vec<Credit>) -> Command {
    Command::CreditRequester(CreditRequester {
        user_id: ANA,
        match_id: MatchId::new(Uuid::from_u128(1)),
        request_id: REQUEST,
        helper_id: BEN,
        completed_at: noon(),
        credits,
    })
}

fn credit(community_id: CommunityId, requester_points: i32) -> Credit {
    Credit {
        community_id,
        helper_points: 30,
        requester_points,
        bonus_points: 0,
        pool: 100,
        multiplier_hundredths: 100,
        requester_share_percent: 40,
    }
}

#[test]
fn the_requester_gets_what_the_helpers_standing_decided() {
    let award = |community_id, points, total_karma| KarmaAwarded {
        user_id: ANA,
        community_id,
        points,
        reason: "received_help".to_owned(),
        match_id: MatchId::new(Uuid::from_u128(1)),
        request_id: REQUEST,
        earned_at: noon(),
        community_karma: points,
        total_karma,
        details: KarmaDetails { pool: 100, multiplier_hundredths: 100, share_percent: 40, communities: 3 },
    };
    let received = ExchangeReceived {
        match_id: MatchId::new(Uuid::from_u128(1)),
        request_id: REQUEST,
        helper_id: BEN,
        requester_id: ANA,
        completed_at: noon(),
        community_ids: vec![ELM, OAK, ASH],
        points: 9,
    };
    let events = meet(&mut State::default(), helped(vec![credit(ELM, 20), credit(OAK, 0), credit(ASH, -11)]));
    assert_eq!(events, [award(ELM, 20, 20).into(), award(ASH, -11, 9).into(), received.into()]);
}

#[test]
fn help_received_counts_once_and_is_no_help_given() {
    let mut standing = State::default();
    meet(&mut standing, helped(vec![credit(ELM, 20)]));
    assert_eq!(meet(&mut standing, helped(vec![credit(ELM, 20)])), []);
    assert_eq!((standing.karma_in(ELM), standing.helps_in(ELM)), (20, 0));
}

#[test]
fn milestones_of_received_karma_come_before_the_receipt() {
    let events = meet(&mut State::default(), helped(vec![credit(ELM, 60)]));
    assert_eq!(
        names(&events),
        ["KarmaAwarded", "KarmaMilestoneReached", "KarmaMilestoneReached", "ExchangeReceived",]
    );
}

#[test]
fn a_rating_is_recorded_once_per_match() {
    let rating = RecordFeedback {
        user_id: BEN,
        match_id: MatchId::new(Uuid::from_u128(1)),
        rating: 4.33,
        helpfulness: Some(5),
        responsiveness: Some(4),
        clarity: Some(4),
        given_at: noon(),
    };
    let recorded = FeedbackRecorded {
        user_id: BEN,
        match_id: rating.match_id,
        rating: 4.33,
        helpfulness: Some(5),
        responsiveness: Some(4),
        clarity: Some(4),
        given_at: noon(),
    };
    let mut standing = State::default();
    assert_eq!(meet(&mut standing, Command::RecordFeedback(rating.clone())), [recorded.into()]);
    assert_eq!(meet(&mut standing, Command::RecordFeedback(rating)), []);
}

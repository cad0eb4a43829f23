//! Notices about what people earn.

use event_schemas::reputation::{
    BadgeEarned, Credit, ExchangeCredited, ExchangeReceived, KarmaMilestoneReached, ReputationEvent,
};

use super::*;
use crate::community::Role;

fn told(event: impl Into<ReputationEvent>) -> Vec<RaiseNotification> {
    let views = Known::default().member(OAK, BEN, Role::Member, now());
    notices(AggregateType::Standing, [Event::Reputation(event.into())], &views)
}

fn credited(helper_points: i32, bonus_points: i32) -> ExchangeCredited {
    let credit = |community_id, bonus_points| Credit {
        community_id,
        helper_points,
        requester_points: 20,
        bonus_points,
        pool: 50,
        multiplier_hundredths: 100,
        requester_share_percent: 40,
    };
    ExchangeCredited {
        match_id: MATCH,
        request_id: REQUEST,
        helper_id: BEN,
        requester_id: ANA,
        request_type: "generic".to_owned(),
        category: None,
        completed_at: now(),
        credits: vec![credit(ELM, bonus_points), credit(OAK, 0)],
    }
}

#[test]
fn a_helper_hears_of_the_sum_of_an_exchange() {
    let told = told(credited(30, 15));
    assert_eq!(heads(&told), [("karma_awarded", BEN)]);
    assert_eq!(told[0].params["points"], "75");
    assert_eq!(
        (told[0].subject_type.as_str(), told[0].subject_id.as_str()),
        ("match", MATCH.to_string().as_str())
    );
}

#[test]
fn it_belongs_to_the_first_community_that_the_earner_is_in() {
    assert_eq!(told(credited(30, 0))[0].community_id, Some(OAK));
}

#[test]
fn a_requester_hears_of_theirs_unless_it_is_nothing() {
    let received = |points| ExchangeReceived {
        match_id: MATCH,
        request_id: REQUEST,
        helper_id: BEN,
        requester_id: ANA,
        completed_at: now(),
        community_ids: vec![ELM, OAK],
        points,
    };
    let negative = told(received(-10));
    assert_eq!(heads(&negative), [("karma_awarded", ANA)]);
    assert_eq!((negative[0].params["points"].as_str(), negative[0].community_id), ("-10", Some(ELM)));
    assert_eq!(told(received(0)), []);
    assert_eq!(told(credited(0, 0)), []);
}

#[test]
fn marks_and_badges_are_told() {
    let reached = KarmaMilestoneReached { user_id: BEN, milestone: 50, total_karma: 60 };
    assert_eq!(heads(&told(reached.clone())), [("karma_milestone", BEN)]);
    assert_eq!(told(reached)[0].params["milestone"], "50");
    let badge = BadgeEarned {
        user_id: BEN,
        badge_type: "first_helper".to_owned(),
        match_id: MATCH,
        earned_at: now(),
    };
    assert_eq!(heads(&told(badge.clone())), [("badge_earned", BEN)]);
    assert_eq!(told(badge)[0].params["badgeType"], "first_helper");
}

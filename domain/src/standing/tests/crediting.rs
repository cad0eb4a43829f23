//! What a completed exchange brings its helper.

use super::*;
use crate::community::{Config, Role, Settings};
use crate::known::Known;
use crate::views::Lagging;
use event_schemas::reputation::{self, BadgeEarned, KarmaDetails, KarmaMilestoneReached, ReputationCommand};
use proptest::prelude::*;

fn person(n: u128) -> UserId {
    UserId::new(Uuid::from_u128(0x100 + n))
}

fn badges(events: &[ReputationEvent]) -> Vec<&str> {
    events
        .iter()
        .filter_map(|it| {
            if let ReputationEvent::BadgeEarned(it) = it { Some(it.badge_type.as_str()) } else { None }
        })
        .collect()
}

fn milestones(events: &[ReputationEvent]) -> Vec<i32> {
    events
        .iter()
        .filter_map(|it| {
            if let ReputationEvent::KarmaMilestoneReached(it) = it { Some(it.milestone) } else { None }
        })
        .collect()
}

#[test]
fn the_first_help_brings_karma_a_bonus_a_badge_and_milestones_in_this_order() {
    let match_id = MatchId::new(Uuid::from_u128(1));
    let award = |points, reason: &str, karma| KarmaAwarded {
        user_id: BEN,
        community_id: ELM,
        points,
        reason: reason.to_owned(),
        match_id,
        request_id: REQUEST,
        earned_at: noon(),
        community_karma: karma,
        total_karma: karma,
        details: KarmaDetails { pool: 100, multiplier_hundredths: 100, share_percent: 60, communities: 1 },
    };
    let badge =
        BadgeEarned { user_id: BEN, badge_type: "first_helper".to_owned(), match_id, earned_at: noon() };
    let reached = |milestone| KarmaMilestoneReached { user_id: BEN, milestone, total_karma: 75 };
    let exchange_credited = ExchangeCredited {
        match_id,
        request_id: REQUEST,
        helper_id: BEN,
        requester_id: ANA,
        request_type: "generic".to_owned(),
        category: None,
        completed_at: noon(),
        credits: vec![Credit {
            community_id: ELM,
            helper_points: 60,
            requester_points: 40,
            bonus_points: 15,
            pool: 100,
            multiplier_hundredths: 100,
            requester_share_percent: 40,
        }],
    };
    assert_eq!(
        meet(&mut State::default(), exchange(1, ANA, vec![plain(ELM)])),
        [
            award(60, "helped_with_request", 60).into(),
            award(15, "first_help_bonus", 75).into(),
            badge.into(),
            reached(10).into(),
            reached(50).into(),
            exchange_credited.into(),
        ]
    );
}

#[test]
fn an_exchange_counts_once() {
    let mut standing = State::default();
    meet(&mut standing, exchange(1, ANA, vec![plain(ELM)]));
    assert_eq!(meet(&mut standing, exchange(1, ANA, vec![plain(ELM)])), []);
    assert_eq!((standing.karma_in(ELM), standing.helps_in(ELM)), (75, 1));
}

#[test]
fn the_tenth_fiftieth_and_hundredth_help_in_a_community_bring_a_bonus() {
    for (before, reason, points) in
        [(9, "milestone_10_bonus", 25), (49, "milestone_50_bonus", 50), (99, "milestone_100_bonus", 100)]
    {
        let events = meet(&mut after_helps(before), exchange(1, ANA, vec![plain(ELM)]));
        assert_eq!(awards(&events), [(ELM, 60, "helped_with_request"), (ELM, points, reason)]);
    }
    let events = meet(&mut after_helps(1), exchange(1, ANA, vec![plain(ELM)]));
    assert_eq!(awards(&events), [(ELM, 60, "helped_with_request")], "no bonus in between");
}

#[test]
fn bonuses_come_per_community_after_all_shares() {
    let events = meet(&mut after_helps(9), exchange(1, ANA, vec![plain(OAK), plain(ELM)]));
    assert_eq!(
        awards(&events),
        [
            (ELM, 30, "helped_with_request"),
            (OAK, 30, "helped_with_request"),
            (ELM, 25, "milestone_10_bonus"),
            (OAK, 15, "first_help_bonus"),
        ]
    );
}

#[test]
fn only_communities_of_both_sides_honour_an_exchange() {
    let without_ana = Terms { requester_since: None, ..plain(OAK) };
    let without_ben = Terms { helper_since: None, ..plain(ASH) };
    let events = meet(&mut State::default(), exchange(1, ANA, vec![without_ana, plain(FIR), without_ben]));
    assert_eq!(awards(&events), [(FIR, 60, "helped_with_request"), (FIR, 15, "first_help_bonus")]);
}

#[test]
fn without_a_common_community_the_first_one_honours_it() {
    let without_ana = Terms { requester_since: None, ..plain(OAK) };
    let without_both = Terms { helper_since: None, requester_since: None, ..plain(ELM) };
    let events = meet(&mut State::default(), exchange(1, ANA, vec![without_ana, without_both]));
    assert_eq!(awards(&events), [(OAK, 60, "helped_with_request"), (OAK, 15, "first_help_bonus")]);
}

#[test]
fn at_most_three_communities_honour_it_those_with_most_karma_first() {
    let mut standing = State::default();
    meet(&mut standing, exchange(1, ANA, vec![plain(FIR)]));
    meet(&mut standing, exchange(2, ANA, vec![plain(ASH)]));
    meet(&mut standing, exchange(3, ANA, vec![plain(FIR)]));
    let events = meet(&mut standing, exchange(4, ANA, vec![plain(FIR), plain(ASH), plain(OAK), plain(ELM)]));
    let communities: Vec<_> = credited(&events).credits.iter().map(|it| it.community_id).collect();
    assert_eq!(communities, [ELM, ASH, FIR], "the tie of Elm and Oak goes to the lower id");
    assert_eq!(
        awards(&events)[..3],
        [
            (ELM, 20, "helped_with_request"),
            (ASH, 20, "helped_with_request"),
            (FIR, 20, "helped_with_request"),
        ]
    );
}

#[test]
fn whoever_has_just_joined_gets_nothing_there_but_the_help_counts() {
    let joined = |hours| Some(noon() - chrono::TimeDelta::hours(hours));
    let lockout = Terms { lockout_days: 7, ..plain(ELM) };
    let mut standing = State::default();
    let new_helper = Terms { helper_since: joined(7 * 24 - 1), ..lockout };
    let events = meet(&mut standing, exchange(1, ANA, vec![new_helper]));
    assert_eq!(names(&events), ["BadgeEarned", "ExchangeCredited"]);
    let credit = &credited(&events).credits[0];
    assert_eq!((credit.helper_points, credit.bonus_points, credit.requester_points), (0, 0, 40));
    assert_eq!((standing.karma_in(ELM), standing.helps_in(ELM)), (0, 1));

    let new_requester = Terms { requester_since: joined(1), helper_since: joined(7 * 24), ..lockout };
    let events = meet(&mut standing, exchange(2, ANA, vec![new_requester]));
    let credit = &credited(&events).credits[0];
    assert_eq!(
        (credit.helper_points, credit.bonus_points, credit.requester_points),
        (60, 0, 0),
        "the second help"
    );
}

#[test]
fn without_lockout_a_member_of_this_minute_earns() {
    let just_now = Some(noon() + chrono::TimeDelta::seconds(1));
    let events =
        meet(&mut State::default(), exchange(1, ANA, vec![Terms { helper_since: just_now, ..plain(ELM) }]));
    assert_eq!(credited(&events).credits[0].helper_points, 60);
}

#[test]
fn badges_come_with_the_first_tenth_fiftieth_and_hundredth_help() {
    let mut standing = State::default();
    for n in 1..=100 {
        let events = meet(&mut standing, exchange(n, ANA, vec![plain(if n % 2 == 0 { ELM } else { OAK })]));
        let expected: &[&str] = match n {
            1 => &["first_helper"],
            10 => &["milestone_10"],
            50 => &["milestone_50"],
            100 => &["milestone_100"],
            _others => &[],
        };
        assert_eq!(badges(&events), expected, "help {n}");
    }
}

#[test]
fn the_tenth_person_helped_makes_a_connector() {
    let mut standing = State::default();
    for n in 1..=9 {
        meet(&mut standing, exchange(n, person(n), vec![plain(ELM)]));
    }
    assert_eq!(badges(&meet(&mut standing, exchange(20, person(1), vec![plain(ELM)]))), ["milestone_10"]);
    assert_eq!(badges(&meet(&mut standing, exchange(21, person(10), vec![plain(ELM)]))), ["connector"]);
    assert_eq!(badges(&meet(&mut standing, exchange(22, person(11), vec![plain(ELM)]))), [""; 0]);
}

#[test]
fn milestones_are_reached_once_also_when_karma_falls_and_rises_again() {
    let mut standing = State::default();
    assert_eq!(milestones(&meet(&mut standing, exchange(1, ANA, vec![plain(ELM)]))), [10, 50], "75 points");
    let costly = Credit {
        community_id: ELM,
        helper_points: 80,
        requester_points: -30,
        bonus_points: 0,
        pool: 100,
        multiplier_hundredths: 100,
        requester_share_percent: -30,
    };
    let received = CreditRequester {
        user_id: BEN,
        match_id: MatchId::new(Uuid::from_u128(2)),
        request_id: REQUEST,
        helper_id: ANA,
        completed_at: noon(),
        credits: vec![costly],
    };
    assert_eq!(milestones(&meet(&mut standing, Command::CreditRequester(received))), [0; 0], "45 points");
    assert_eq!(milestones(&meet(&mut standing, exchange(3, ANA, vec![plain(ELM)]))), [100], "105 points");
}

#[test]
fn a_share_of_nothing_is_not_written() {
    let events = meet(&mut after_helps(1), exchange(1, ANA, vec![terms(ELM, 100, 100, (0, 100))]));
    assert_eq!(names(&events), ["ExchangeCredited"]);
}

#[test]
fn an_exchange_concerns_a_community_when_only_one_honours_it() {
    let one = meet(&mut State::default(), exchange(1, ANA, vec![plain(ELM)]));
    let two = meet(&mut State::default(), exchange(1, ANA, vec![plain(ELM), plain(OAK)]));
    let standing = State::default();
    assert_eq!(standing.community_of(one.last().expect("credited")), Some(ELM));
    assert_eq!(standing.community_of(two.last().expect("credited")), None);
    assert_eq!(standing.community_of(&two[1]), Some(OAK), "an award");
}

#[test]
fn a_policys_command_is_completed_from_the_views() {
    let wire = reputation::CreditExchange {
        user_id: BEN,
        match_id: MatchId::new(Uuid::from_u128(1)),
        request_id: REQUEST,
        requester_id: ANA,
        community_id: ELM,
        community_ids: vec![ELM, OAK],
        request_type: "ride".to_owned(),
        category: Some("tool_shed".to_owned()),
        completed_at: noon(),
    };
    let wire = ReputationCommand::CreditExchange(wire);
    let labelled = Config {
        enabled_request_types: vec![event_schemas::community::RequestTypeConfig {
            name: "tool_shed".to_owned(),
            description: None,
            karma_multiplier_hundredths: 150,
        }],
        new_member_karma_lockout_days: 7,
        ..Config::default()
    };
    let views = Known::default()
        .community(ELM, Settings::default(), labelled)
        .member(ELM, BEN, Role::Member, Timestamp::from_micros(1))
        .member(ELM, ANA, Role::Admin, Timestamp::from_micros(2));
    assert_eq!(Command::complete(&wire, &views), Err(Lagging::behind("communities")));

    let views = views.community(OAK, Settings::default(), Config::default());
    let Ok(Command::CreditExchange(it)) = Command::complete(&wire, &views) else { panic!("completed") };
    let elm = Terms {
        multiplier_hundredths: 150,
        lockout_days: 7,
        helper_since: Some(Timestamp::from_micros(1)),
        requester_since: Some(Timestamp::from_micros(2)),
        ..plain(ELM)
    };
    let oak = Terms { helper_since: None, requester_since: None, ..plain(OAK) };
    assert_eq!(it.communities, [elm, oak]);
}

proptest! {
    #[test]
    fn the_sums_told_are_the_sums_of_what_was_awarded(
        exchanges in prop::collection::vec((1..30_u128, 0..4_usize, 10..=1000_i32, -50..=100_i32), 1..30),
    ) {
        let mut standing = State::default();
        let mut total = 0;
        for (n, places, pool, requester) in exchanges {
            let communities = [ELM, OAK, ASH, FIR][places..].iter().map(|it| terms(*it, pool, 100, (60, requester)));
            let events = meet(&mut standing, exchange(n, person(n), communities.collect()));
            total += awards(&events).iter().map(|it| it.1).sum::<i32>();
            prop_assert_eq!(standing.total_karma(), total);
            let everywhere: i32 = [ELM, OAK, ASH, FIR].iter().map(|it| standing.karma_in(*it)).sum();
            prop_assert_eq!(everywhere, total);
            prop_assert_eq!(meet(&mut standing, exchange(n, person(n), vec![plain(ELM)])), []);
        }
    }
}

//! Joining, asking to be let in, and the decision on it.

use event_schemas::community::{
    JoinMessageForgotten, JoinRequestApproved, JoinRequestRejected, JoinRequestWithdrawn,
};

use super::*;
use crate::Aggregate as _;
use crate::community::{DecideJoin, ForgetJoinMessage, JoinMessage, Rejection, Role, Verdict, WithdrawJoin};

fn decide(by: UserId, verdict: Verdict) -> Command {
    Command::DecideJoin(DecideJoin { by, applicant: DORA, verdict })
}

fn withdraw(by: UserId) -> Command {
    Command::WithdrawJoin(WithdrawJoin { by })
}

fn approved(by: UserId) -> CommunityEvent {
    JoinRequestApproved { community_id: GARDEN, user_id: DORA, decided_by_id: Some(by) }.into()
}

fn rejected(by: UserId) -> CommunityEvent {
    JoinRequestRejected { community_id: GARDEN, user_id: DORA, decided_by_id: Some(by) }.into()
}

fn withdrawn() -> CommunityEvent {
    JoinRequestWithdrawn { community_id: GARDEN, user_id: DORA, decided_by_id: None }.into()
}

#[test]
fn whoever_joins_a_public_community_is_a_member_at_once() {
    garden([]).when(join(DORA)).then([joined(DORA, "member", "public")]);
}

#[test]
fn a_member_does_not_join_again() {
    garden([]).when(join(ANA)).then_refused(Rejection::AlreadyMember);
}

#[test]
fn joining_a_private_community_asks_for_a_decision() {
    let message = Some(JoinMessage::parse("I live next door").expect("a text"));
    private_garden([])
        .when(Command::JoinCommunity(JoinCommunity { by: DORA, message }))
        .then([applied(DORA, Some("I live next door"))]);
}

#[test]
fn one_request_is_pending_at_a_time() {
    private_garden([applied(DORA, None)]).when(join(DORA)).then_refused(Rejection::JoinRequestPending);
}

#[test]
fn who_was_sent_away_needs_a_decision_to_come_back() {
    let removed = garden([joined(DORA, "member", "public"), left(DORA, "removed", Some(ANA))]);
    removed.when(join(DORA)).then([applied(DORA, None)]);
    let deactivated = garden([joined(DORA, "member", "public"), left(DORA, "deactivated", Some(ANA))]);
    deactivated.when(join(DORA)).then([applied(DORA, None)]);
}

#[test]
fn who_left_comes_back_as_a_plain_member() {
    let garden = garden([joined(DORA, "moderator", "added"), left(DORA, "left", None)]);
    garden.when(join(DORA)).then([joined(DORA, "member", "public")]);
}

#[test]
fn the_last_place_is_taken_once() {
    let garden = garden_of(2, []).after(join(BEN));
    garden.when(join(CLEO)).then_refused(Rejection::CommunityFull);
}

#[test]
fn of_a_hundred_and_fifty_places_the_last_is_taken_once() {
    let crowd = (10..158).map(|n| joined(user(n), "member", "public"));
    let garden = garden(crowd).after(join(BEN));
    garden.when(join(CLEO)).then_refused(Rejection::CommunityFull);
}

#[test]
fn a_full_private_community_may_still_be_asked() {
    let created = CommunityCreated { access_type: "private".to_owned(), max_members: 1, ..created() };
    let full = given::<State>([created.into(), joined(ANA, "admin", "founding")]);
    full.when(join(DORA)).then([applied(DORA, None)]);
}

#[test]
fn a_moderator_lets_an_applicant_in() {
    private_garden([joined(MO, "moderator", "added"), applied(DORA, None)])
        .when(decide(MO, Verdict::Approve))
        .then([approved(MO), joined(DORA, "member", "approval")]);
}

#[test]
fn an_admin_turns_an_applicant_down() {
    private_garden([applied(DORA, None)]).when(decide(ANA, Verdict::Reject)).then([rejected(ANA)]);
}

#[test]
fn a_decision_is_final() {
    let decided = private_garden([applied(DORA, None), rejected(ANA)]);
    decided.when(decide(ANA, Verdict::Approve)).then_refused(Rejection::JoinRequestDecided);
    decided.when(decide(ANA, Verdict::Reject)).then_refused(Rejection::JoinRequestDecided);
}

#[test]
fn who_was_turned_down_may_ask_again() {
    private_garden([applied(DORA, None), rejected(ANA)]).when(join(DORA)).then([applied(DORA, None)]);
}

#[test]
fn nobody_is_let_into_a_full_community() {
    let full = garden_of(2, [joined(BEN, "member", "public"), applied(DORA, None)]);
    full.when(decide(ANA, Verdict::Approve)).then_refused(Rejection::CommunityFull);
    full.when(decide(ANA, Verdict::Reject)).then([rejected(ANA)]);
}

#[test]
fn plain_members_and_strangers_decide_nothing() {
    let asked = private_garden([joined(BEN, "member", "added"), applied(DORA, None)]);
    asked.when(decide(BEN, Verdict::Approve)).then_refused(Rejection::RoleRequired(Role::Moderator));
    asked.when(decide(DORA, Verdict::Approve)).then_refused(Rejection::NotAMember);
}

#[test]
fn who_never_asked_is_not_decided_on() {
    private_garden([]).when(decide(ANA, Verdict::Approve)).then_refused(Rejection::JoinRequestNotFound);
}

#[test]
fn an_applicant_takes_the_request_back() {
    private_garden([applied(DORA, None)]).when(withdraw(DORA)).then([withdrawn()]);
}

#[test]
fn only_a_pending_request_is_taken_back() {
    private_garden([]).when(withdraw(DORA)).then_refused(Rejection::JoinRequestNotFound);
    private_garden([applied(DORA, None), rejected(ANA)])
        .when(withdraw(DORA))
        .then_refused(Rejection::JoinRequestNotFound);
}

#[test]
fn words_are_forgotten_thirty_days_after_the_decision() {
    let decided = private_garden([applied(DORA, Some("hello")), rejected(ANA)]);
    let timer = decided.state().timer().expect("armed");
    assert_eq!((timer.due, timer.kind), (day(30), "join_message"));
    assert_eq!(timer.command, Command::ForgetJoinMessage(ForgetJoinMessage { applicant: DORA }));
    let forgotten = JoinMessageForgotten { community_id: GARDEN, user_id: DORA };
    decided.at(day(30)).when(timer.command).then([forgotten.into()]);
}

#[test]
fn before_that_or_without_words_nothing_is_forgotten() {
    let forget = || Command::ForgetJoinMessage(ForgetJoinMessage { applicant: DORA });
    private_garden([applied(DORA, Some("hello")), rejected(ANA)]).at(day(29)).when(forget()).then_nothing();
    let wordless = private_garden([applied(DORA, None), withdrawn()]);
    assert_eq!(wordless.state().timer(), None);
    wordless.at(day(31)).when(forget()).then_nothing();
}

#[test]
fn asking_again_postpones_the_forgetting() {
    let again = private_garden([applied(DORA, Some("hello")), rejected(ANA), applied(DORA, None)]);
    assert_eq!(again.state().timer(), None);
    let decided = again.at(day(10)).after(decide(ANA, Verdict::Reject));
    assert_eq!(decided.state().timer().expect("armed").due, day(40));
}

#[test]
fn closing_a_community_ends_what_is_pending() {
    let closed = private_garden([applied(DORA, Some("hello"))]).at(day(5)).after(archive(ANA));
    let timer = closed.state().timer().expect("armed");
    assert_eq!(timer.due, day(35));
    let forgotten = JoinMessageForgotten { community_id: GARDEN, user_id: DORA };
    closed.at(day(35)).when(timer.command).then([forgotten.into()]);
}

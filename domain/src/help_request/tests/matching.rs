//! Proposals, acceptance, completion in two steps, cancelled matches: the worked sequences.

use super::*;

#[test]
fn someone_of_the_audience_proposes_to_help() {
    open().when(propose(M1, BEN)).then([proposed(M1, BEN)]);
}

#[test]
fn a_proposal_keeps_its_message_and_whether_it_comes_from_outside() {
    let command = ProposeMatch {
        match_id: M1,
        by: caller(BEN),
        outsider: true,
        offer_id: None,
        message: Some("I have a van".to_owned()),
    };
    open().when(Command::ProposeMatch(command)).then([MatchCreated {
        request_id: REQUEST,
        match_id: M1,
        requester_id: ANA,
        responder_id: BEN,
        offer_id: None,
        via: "proposal".to_owned(),
        message: Some(Sealable::Clear("I have a van".to_owned())),
        community_ids: vec![ELM],
        outsider: true,
    }
    .into()]);
}

#[test]
fn nobody_helps_themselves() {
    open().when(propose(M1, ANA)).then_refused(Rejection::OwnRequest);
}

#[test]
fn whoever_does_not_see_a_request_cannot_propose() {
    let unseen = ProposeMatch { match_id: M1, by: stranger(), outsider: true, offer_id: None, message: None };
    open().when(Command::ProposeMatch(unseen)).then_refused(Rejection::RequestNotFound);
    given::<State>([]).when(propose(M1, BEN)).then_refused(Rejection::RequestNotFound);
}

#[test]
fn an_offer_must_be_ones_own() {
    let command = ProposeMatch {
        match_id: M1,
        by: caller(BEN),
        outsider: false,
        offer_id: Some(Uuid::from_u128(1)),
        message: None,
    };
    open().when(Command::ProposeMatch(command)).then_refused(Rejection::NotYourOffer);
}

#[test]
fn one_proposes_once_as_long_as_the_match_lives() {
    two_proposals().when(propose(M2, BEN)).then_refused(Rejection::DuplicateMatch);
    matched().when(propose(M2, BEN)).then_refused(Rejection::DuplicateMatch);
    let withdrawn = [created().into(), proposed(M1, BEN), rejected(M1, BEN, "withdrawn_by_responder")];
    given::<State>(withdrawn).when(propose(M2, BEN)).then([proposed(M2, BEN)]);
}

#[test]
fn nobody_proposes_to_a_request_that_is_not_open() {
    matched().when(propose(M2, CLEO)).then_refused(Rejection::RequestNotOpen);
    exchanged().when(propose(M2, CLEO)).then_refused(Rejection::RequestNotOpen);
}

#[test]
fn accepting_a_proposal_rejects_the_others() {
    two_proposals().when(accept(M1, ANA)).then([
        accepted(M1, BEN),
        rejected(M2, CLEO, "sibling_accepted"),
        status("open", "matched"),
    ]);
}

#[test]
fn of_two_acceptances_at_the_same_instant_the_second_finds_no_proposal() {
    let first = [
        created().into(),
        proposed(M1, BEN),
        proposed(M2, CLEO),
        accepted(M1, BEN),
        rejected(M2, CLEO, "sibling_accepted"),
    ];
    given::<State>(first).when(accept(M2, ANA)).then_refused(Rejection::MatchNotProposed);
}

#[test]
fn accepting_again_changes_nothing() {
    matched().when(accept(M1, ANA)).then_nothing();
}

#[test]
fn only_the_requester_accepts() {
    two_proposals().when(accept(M1, BEN)).then_refused(Rejection::NotYoursToAccept);
    two_proposals().when(accept(M1, CLEO)).then_refused(Rejection::NotAParticipant);
    two_proposals().when(accept(M1, DORA)).then_refused(Rejection::NotAParticipant);
}

#[test]
fn a_helper_who_has_left_meanwhile_is_not_accepted() {
    let absent = AcceptMatch { match_id: M1, by: ANA, travel_time_minutes: 60, present: vec![CLEO] };
    two_proposals().when(Command::AcceptMatch(absent)).then_refused(Rejection::ResponderLeft(BEN));
}

#[test]
fn a_helper_from_outside_has_nothing_to_leave() {
    let from_outside =
        ProposeMatch { match_id: M1, by: caller(BEN), outsider: true, offer_id: None, message: None };
    let absent = AcceptMatch { match_id: M1, by: ANA, travel_time_minutes: 60, present: vec![] };
    open()
        .after(Command::ProposeMatch(from_outside))
        .when(Command::AcceptMatch(absent))
        .then([accepted(M1, BEN), status("open", "matched")]);
}

#[test]
fn an_unknown_match_is_not_found() {
    for command in [accept(M2, ANA), reject(M2, ANA), cancel_match(M2, ANA)] {
        matched().when(command).then_refused(Rejection::MatchNotFound);
    }
    let feedback = Command::GiveFeedback(GiveFeedback { match_id: M2, ..rate(ANA) });
    exchanged().when(feedback).then_refused(Rejection::MatchNotFound);
    given::<State>([]).when(accept(M1, ANA)).then_refused(Rejection::MatchNotFound);
}

#[test]
fn rejecting_the_only_proposal_leaves_the_request_open() {
    let given = given::<State>([created().into(), proposed(M1, BEN)]);
    given.when(reject(M1, ANA)).then([rejected(M1, BEN, "rejected_by_requester")]);
    given.when(reject(M1, BEN)).then([rejected(M1, BEN, "withdrawn_by_responder")]);
    given.when(reject(M1, CLEO)).then_refused(Rejection::NotAParticipant);
}

#[test]
fn rejecting_again_changes_nothing_for_the_same_side_only() {
    let given =
        given::<State>([created().into(), proposed(M1, BEN), rejected(M1, BEN, "rejected_by_requester")]);
    given.when(reject(M1, ANA)).then_nothing();
    given.when(reject(M1, BEN)).then_refused(Rejection::MatchNotProposed);
}

#[test]
fn an_accepted_match_is_cancelled_and_no_longer_rejected() {
    matched().when(reject(M1, ANA)).then_refused(Rejection::MatchNotProposed);
}

#[test]
fn the_first_mark_waits_for_the_other_side() {
    let now = Timestamp::from_micros(0);
    matched().when(complete(BEN)).then([done("responder", now)]);

    let waiting = given::<State>(matched_events().into_iter().chain([done("responder", now)]));
    let found = waiting.state().find(M1).expect("the match");
    assert_eq!((found.status, found.waiting_for()), (MatchStatus::Matched, Some(Side::Requester)));
    waiting.when(complete(BEN)).then_nothing();
}

#[test]
fn the_second_mark_completes_match_and_request() {
    let now = at("1970-01-02T12:00:00Z");
    let waiting = given::<State>(matched_events().into_iter().chain([done("responder", now)]));
    let [exchange, request] = completed(now);
    waiting.at(now).when(complete(ANA)).then([
        done("requester", now),
        exchange,
        request,
        status("matched", "completed"),
    ]);
}

#[test]
fn completing_again_gives_the_same_answer() {
    exchanged().when(complete(ANA)).then_nothing();
    exchanged().when(complete(BEN)).then_nothing();
    let found = exchanged().state().find(M1).expect("the match");
    assert_eq!(found.status, MatchStatus::Completed);
    assert_eq!((found.waiting_for(), found.completed_at), (None, Some(Timestamp::from_micros(0))));
}

#[test]
fn only_a_match_under_way_is_completed() {
    two_proposals().when(complete(ANA)).then_refused(Rejection::MatchNotMatched);
    two_proposals().when(complete(DORA)).then_refused(Rejection::NotAParticipant);
    let over = matched_events().into_iter().chain([match_cancelled("responder", None)]);
    given::<State>(over).when(complete(ANA)).then_refused(Rejection::MatchNotMatched);
}

#[test]
fn a_cancelled_match_opens_the_request_again_before_its_time_is_over() {
    matched()
        .when(cancel_match(M1, BEN))
        .then([match_cancelled("responder", None), status("matched", "open")]);
    let again = given::<State>(matched_events().into_iter().chain([match_cancelled("responder", None)]));
    assert_eq!(again.state().status(), Some(Status::Open));
}

#[test]
fn a_match_cancelled_after_the_requests_time_leaves_it_expired() {
    let now = end();
    matched().at(now).when(cancel_match(M1, ANA)).then([
        match_cancelled("requester", None),
        expired(now),
        status("matched", "expired"),
    ]);
}

#[test]
fn a_proposal_can_be_cancelled_too() {
    let given = given::<State>([created().into(), proposed(M1, BEN)]);
    given.when(cancel_match(M1, BEN)).then([match_cancelled("responder", None)]);
}

#[test]
fn cancelling_a_match_again_changes_nothing_for_the_same_side_only() {
    let given = given::<State>(matched_events().into_iter().chain([match_cancelled("responder", None)]));
    given.when(cancel_match(M1, BEN)).then_nothing();
    given.when(cancel_match(M1, ANA)).then_refused(Rejection::MatchFinal);
    given.when(cancel_match(M1, DORA)).then_refused(Rejection::NotAParticipant);
}

#[test]
fn what_is_over_cannot_be_cancelled() {
    exchanged().when(cancel_match(M1, ANA)).then_refused(Rejection::MatchFinal);
    let rejected = [created().into(), proposed(M1, BEN), rejected(M1, BEN, "rejected_by_requester")];
    given::<State>(rejected).when(cancel_match(M1, ANA)).then_refused(Rejection::MatchFinal);
}

//! Feedback after completion.

use super::*;
use event_schemas::request::FeedbackGiven;

fn gives(it: GiveFeedback) -> Command {
    Command::GiveFeedback(it)
}

/// What Ana's five points become.
fn given_by_ana() -> FeedbackGiven {
    FeedbackGiven {
        request_id: REQUEST,
        match_id: M1,
        requester_id: ANA,
        responder_id: BEN,
        from_user_id: ANA,
        to_user_id: BEN,
        rating: 5.0,
        helpfulness: None,
        responsiveness: None,
        clarity: None,
        comment: None,
        allow_featuring: false,
        show_name: false,
        community_ids: vec![ELM],
        at: Timestamp::from_micros(0),
    }
}

#[test]
fn each_side_rates_the_other() {
    exchanged().when(gives(rate(ANA))).then([given_by_ana().into()]);
    let by_ben = FeedbackGiven { from_user_id: BEN, to_user_id: ANA, ..given_by_ana() };
    exchanged().when(gives(rate(BEN))).then([by_ben.into()]);
}

#[test]
fn without_a_rating_it_is_the_mean_to_two_decimals() {
    let means = [
        ((Some(5), Some(4), Some(4)), 4.33),
        ((Some(5), Some(5), Some(4)), 4.67),
        ((None, Some(3), Some(4)), 3.5),
    ];
    for ((helpfulness, responsiveness, clarity), rating) in means {
        let command = GiveFeedback { rating: None, helpfulness, responsiveness, clarity, ..rate(ANA) };
        let expected = FeedbackGiven { rating, helpfulness, responsiveness, clarity, ..given_by_ana() };
        exchanged().when(gives(command)).then([expected.into()]);
    }
}

#[test]
fn a_rating_stands_beside_the_other_numbers() {
    let command =
        GiveFeedback { rating: Some(2), clarity: Some(5), comment: Some("Thanks".to_owned()), ..rate(ANA) };
    let expected = FeedbackGiven {
        rating: 2.0,
        clarity: Some(5),
        comment: Some(Sealable::Clear("Thanks".to_owned())),
        ..given_by_ana()
    };
    exchanged().when(gives(command)).then([expected.into()]);
}

#[test]
fn a_number_is_needed() {
    exchanged().when(gives(GiveFeedback { rating: None, ..rate(ANA) })).then_refused(Rejection::NoRating);
}

#[test]
fn a_name_is_shown_as_said_here_else_as_said_with_the_request() {
    let consented = exchanged().after(privacy(caller(ANA), None, Some(true)));
    let shown =
        |it: GiveFeedback| match consented.state().decide(&gives(it), Timestamp::from_micros(0)).as_deref() {
            Ok([RequestEvent::FeedbackGiven(it)]) => it.show_name,
            other => panic!("{other:?}"),
        };
    assert!(shown(rate(ANA)), "consent of the request");
    assert!(!shown(GiveFeedback { show_my_name: Some(false), ..rate(ANA) }), "said otherwise here");
    assert!(!shown(rate(BEN)), "the helper has said nothing");
    assert!(shown(GiveFeedback { show_my_name: Some(true), ..rate(BEN) }), "said here");
}

#[test]
fn only_participants_rate() {
    exchanged().when(gives(rate(DORA))).then_refused(Rejection::NotAParticipant);
}

#[test]
fn what_the_caller_believes_is_checked() {
    let wrong_person = GiveFeedback { to_user: Some(ANA), ..rate(ANA) };
    exchanged().when(gives(wrong_person)).then_refused(Rejection::InvalidRatee);
    let wrong_place = GiveFeedback { community: Some(OAK), ..rate(ANA) };
    exchanged().when(gives(wrong_place)).then_refused(Rejection::InvalidCommunity);
    let right = GiveFeedback { to_user: Some(BEN), community: Some(ELM), ..rate(ANA) };
    exchanged().when(gives(right)).then([given_by_ana().into()]);
}

#[test]
fn only_a_completed_match_is_rated() {
    matched().when(gives(rate(ANA))).then_refused(Rejection::MatchNotCompleted);
    two_proposals().when(gives(rate(ANA))).then_refused(Rejection::MatchNotCompleted);
}

#[test]
fn one_rates_once() {
    let rated = exchanged().after(gives(rate(ANA)));
    rated.when(gives(rate(ANA))).then_refused(Rejection::FeedbackExists);
    let by_ben = FeedbackGiven { from_user_id: BEN, to_user_id: ANA, ..given_by_ana() };
    rated.when(gives(rate(BEN))).then([by_ben.into()]);
}

#[test]
fn feedback_closes_when_the_texts_are_due_to_be_forgotten() {
    let due = Timestamp::from_micros(0) + TimeDelta::days(180);
    exchanged().at(due - TimeDelta::microseconds(1)).when(gives(rate(ANA))).then([FeedbackGiven {
        at: due - TimeDelta::microseconds(1),
        ..given_by_ana()
    }
    .into()]);
    exchanged().at(due).when(gives(rate(ANA))).then_refused(Rejection::FeedbackClosed);
}

//! What becomes due: expiry, the reminder, forgetting; and the dates of the specification.

use super::lifetime::{after_cancellation, reminder};
use super::*;
use crate::given::Given;
use crate::known::Known;
use event_schemas::request::{MatchReminderDue, RequestTextForgotten};

/// A request for six in the evening, whose match was accepted at time 0.
fn scheduled() -> Given<State> {
    let evening = RequestCreated { scheduled_at: Some(at("1970-01-01T18:00:00Z")), ..created() };
    given([evening.into(), proposed(M1, BEN)]).after(accept(M1, ANA))
}

fn remind() -> Command {
    Command::RemindMatch(RemindMatch { match_id: M1 })
}

fn expire() -> Command {
    Command::ExpireRequest(ExpireRequest::default())
}

fn windows(completed_days: i32, expired_days: i32) -> Settings {
    Settings {
        completed_request_window_days: completed_days,
        expired_request_window_days: expired_days,
        ..Settings::default()
    }
}

#[test]
fn an_open_request_expires_at_its_time() {
    let timer = open().state().timer().expect("armed");
    assert_eq!((timer.due, timer.kind, timer.command), (end(), "expiry", expire()));
    open().at(end() - TimeDelta::microseconds(1)).when(expire()).then_nothing();
    open().at(end()).when(expire()).then([expired(end()), status("open", "expired")]);
}

#[test]
fn expiry_ends_every_proposal() {
    two_proposals().at(end()).when(expire()).then([
        rejected(M1, BEN, "request_expired"),
        rejected(M2, CLEO, "request_expired"),
        expired(end()),
        status("open", "expired"),
    ]);
}

#[test]
fn a_matched_request_does_not_expire() {
    assert_eq!(matched().state().timer(), None);
    matched().at(end()).when(expire()).then_nothing();
}

#[test]
fn past_its_time_a_request_counts_as_expired_before_the_timer_has_written_it() {
    let late = two_proposals().at(end());
    late.when(accept(M1, ANA)).then_refused(Rejection::MatchNotProposed);
    late.when(reject(M1, ANA)).then_refused(Rejection::MatchNotProposed);
    late.when(cancel_match(M1, BEN)).then_refused(Rejection::MatchFinal);
    late.when(cancel(ANA)).then_refused(Rejection::RequestFinal);
    late.when(propose(M1, DORA)).then_refused(Rejection::RequestNotFound);
}

#[test]
fn the_smallest_windows_of_all_communities_count_at_the_end() {
    let views = Known::default().community(ELM, windows(30, 9), Config::default()).community(
        OAK,
        windows(90, 3),
        Config::default(),
    );
    assert_eq!(Windows::of(&[ELM, OAK], &views), Windows { completed_days: 30, expired_days: 3 });
    assert_eq!(Windows::of(&[], &views), Windows { completed_days: 180, expired_days: 7 });

    let both = RequestCreated { community_ids: vec![ELM, OAK], ..created() };
    let state = given::<State>([both.into()]).state().clone();
    let informed = expire().informed(&state, &views);
    let forget_at = end() + TimeDelta::days(3);
    let expected = RequestExpired { request_id: REQUEST, at: end(), forget_at };
    assert_eq!(state.decide(&informed, end()).expect("accepted")[0], expected.into());
}

#[test]
fn the_dates_of_the_specification_hold() {
    let windows = Windows::default();
    assert_eq!(windows.after_expiry(at("2026-03-02T00:00:00Z")), at("2026-03-09T00:00:00Z"));
    assert_eq!(windows.after_completion(at("2026-01-01T12:00:00Z")), at("2026-06-30T12:00:00Z"));
    assert_eq!(after_cancellation(at("2026-01-01T00:00:00Z")), at("2026-01-08T00:00:00Z"));
}

#[test]
fn the_reminder_leaves_time_to_travel() {
    let six = Some(at("2026-01-01T18:00:00Z"));
    assert_eq!(reminder(six, 60, at("2026-01-01T09:00:00Z")), Some(at("2026-01-01T16:45:00Z")));
    assert_eq!(reminder(six, 60, at("2026-01-01T17:30:00Z")), Some(at("2026-01-01T17:30:00Z")), "at once");
    assert_eq!(reminder(six, 60, at("2026-01-01T18:00:00Z")), None, "too late");
    assert_eq!(reminder(None, 60, at("2026-01-01T09:00:00Z")), None, "not scheduled");
}

#[test]
fn a_helper_is_reminded_once() {
    let due = at("1970-01-01T16:45:00Z");
    let timer = scheduled().state().timer().expect("armed");
    assert_eq!((timer.due, timer.kind, timer.command), (due, "reminder", remind()));

    let reminded = MatchReminderDue {
        request_id: REQUEST,
        match_id: M1,
        requester_id: ANA,
        responder_id: BEN,
        scheduled_at: at("1970-01-01T18:00:00Z"),
    };
    scheduled().at(at("1970-01-01T16:44:59Z")).when(remind()).then_nothing();
    scheduled().at(due).when(remind()).then([reminded.into()]);

    let reminded = scheduled().at(due).after(remind());
    assert_eq!(reminded.state().timer(), None);
    reminded.when(remind()).then_nothing();
}

#[test]
fn a_reminder_that_comes_too_late_says_nothing() {
    scheduled().at(at("1970-01-01T18:00:00Z")).when(remind()).then_nothing();
}

#[test]
fn nobody_is_reminded_of_a_cancelled_match() {
    let cancelled = scheduled().after(cancel_match(M1, BEN));
    assert_eq!(cancelled.state().timer().map(|it| it.kind), Some("expiry"));
    cancelled.at(at("1970-01-01T16:45:00Z")).when(remind()).then_nothing();
}

#[test]
fn texts_are_forgotten_once_when_their_time_has_come() {
    let due = Timestamp::from_micros(0) + TimeDelta::days(180);
    let timer = exchanged().state().timer().expect("armed");
    assert_eq!((timer.due, timer.kind, timer.command), (due, "forgetting", Command::ForgetText));
    exchanged().at(due - TimeDelta::microseconds(1)).when(Command::ForgetText).then_nothing();
    let forgotten = RequestTextForgotten { request_id: REQUEST, forgotten_at: due };
    exchanged().at(due).when(Command::ForgetText).then([forgotten.clone().into()]);

    let ends: [RequestEvent; 2] =
        [cancelled(Timestamp::from_micros(0), "requester"), expired(Timestamp::from_micros(0))];
    for end in ends {
        let state = given::<State>([created().into(), end.clone()]);
        assert_eq!(state.state().timer().map(|it| it.due), Some(at("1970-01-08T00:00:00Z")));
        let state = given::<State>([created().into(), end, forgotten.clone().into()]);
        assert_eq!(state.state().timer(), None);
        state.at(due).when(Command::ForgetText).then_nothing();
    }
}

#[test]
fn a_timer_names_the_event_that_armed_it() {
    let armed_by = |given: &Given<State>| given.state().timer().map(|it| it.armed_by.uuid().as_u128());
    assert_eq!(armed_by(&open()), Some(1));
    assert_eq!(armed_by(&scheduled()), Some(1001), "MatchAccepted, decided after the given past");
    assert_eq!(armed_by(&exchanged()), Some(8), "RequestCompleted");
}

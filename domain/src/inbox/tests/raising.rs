//! Whether a notice tells anything new.

use super::*;

#[test]
fn a_notice_is_stored_and_thereby_sent() {
    let notice = notice(Kind::MatchAccepted, 5, 9);
    given::<State>([])
        .when(raise(1, notice.clone()))
        .then([raised(1, &notice, &["in_app", "push"]).into(), sent(1, &notice).into()]);
}

#[test]
fn whoever_is_not_active_is_told_nothing() {
    let notice = notice(Kind::MatchAccepted, 5, 9);
    let asleep = Raise { notice, active: false, notification_id: item(1) };
    given::<State>([]).when(Command::RaiseNotification(Box::new(asleep))).then_nothing();
}

#[test]
fn a_type_of_another_version_is_not_told() {
    let odd = RaiseNotification { r#type: "unheard_of".to_owned(), ..notice(Kind::Welcome, 5, 9) };
    given::<State>([]).when(raise(1, odd)).then_nothing();
}

#[test]
fn one_request_is_told_once_whatever_the_communities() {
    let elsewhere = RaiseNotification { community_id: Some(WORKSHOP), ..notice(Kind::NewRequest, 5, 10) };
    told([notice(Kind::NewRequest, 5, 9)]).when(raise(2, elsewhere)).then_nothing();
}

#[test]
fn one_subject_has_a_notice_per_event() {
    let inbox = told([notice(Kind::MatchCancelled, 5, 9)]);
    inbox.when(raise(2, notice(Kind::MatchCancelled, 5, 9))).then_nothing();
    let another = notice(Kind::MatchCancelled, 5, 10);
    inbox
        .when(raise(2, another.clone()))
        .then([raised(2, &another, &["in_app", "push"]).into(), sent(2, &another).into()]);
}

#[test]
fn what_was_deleted_or_is_past_its_life_may_be_told_again() {
    let again = notice(Kind::NewRequest, 5, 9);
    let deleted = told([again.clone()]).after(delete(1));
    deleted
        .when(raise(2, again.clone()))
        .then([raised(2, &again, &["in_app"]).into(), sent(2, &again).into()]);
    let past = told([again.clone()]).at(day(30)).after(raise(2, again.clone()));
    past.when(raise(3, again)).then_nothing();
}

#[test]
fn reading_does_not_make_it_new() {
    let same = notice(Kind::NewRequest, 5, 9);
    told([same.clone()]).after(read(1)).when(raise(2, same)).then_nothing();
}

#[test]
fn messages_of_one_conversation_share_an_unread_item() {
    let first = notice(Kind::MessageReceived, 5, 9);
    let second = notice(Kind::MessageReceived, 5, 10);
    let inbox = told([first]);
    let collapsed =
        NotificationRaised { count: 2, params: BTreeMap::new(), ..raised(1, &second, &["in_app", "push"]) };
    inbox.when(raise(2, second.clone())).then_adding([collapsed.into(), sent(1, &second).into()]);
    let fresh = NotificationRaised { params: BTreeMap::new(), ..raised(2, &second, &["in_app", "push"]) };
    let inbox = inbox.after(read(1));
    inbox.when(raise(2, second.clone())).then_adding([fresh.clone().into(), sent(2, &second).into()]);
    // The read one has not gone; what comes now belongs to the unread one.
    let again = NotificationRaised { count: 2, ..fresh };
    inbox
        .after(raise(2, second.clone()))
        .when(raise(3, second.clone()))
        .then_adding([again.into(), sent(2, &second).into()]);
}

#[test]
fn a_notice_lives_as_long_as_its_community_says() {
    let brief = RaiseNotification { ttl_days: 3, ..notice(Kind::NewRequest, 5, 9) };
    let events = State::default().decide(&raise(1, brief), day(1)).expect("never refused");
    let Some(NotificationEvent::NotificationRaised(raised)) = events.first() else { panic!("raised") };
    assert_eq!(raised.expires_at, day(4));
}

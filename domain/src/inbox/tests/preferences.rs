//! Choosing how to be told.

use super::*;
use crate::Patch;
use crate::inbox::{LocalTime, SetGlobalPreferences, SetPreference, Switches};
use crate::user::Timezone;

pub(super) fn unchanged() -> NotificationPreferencesChanged {
    NotificationPreferencesChanged {
        user_id: ANA,
        r#type: None,
        community_id: None,
        in_app: None,
        push: None,
        email: None,
        email_digest: None,
        quiet_hours_start: None,
        quiet_hours_end: None,
        timezone: None,
        cleared: Vec::new(),
    }
}

pub(super) fn nothing() -> SetGlobalPreferences {
    SetGlobalPreferences {
        user_id: ANA,
        by: ANA,
        switches: Switches::default(),
        email_digest: None,
        quiet_hours_start: Patch::Keep,
        quiet_hours_end: Patch::Keep,
        timezone: None,
    }
}

fn global(set: SetGlobalPreferences) -> Command {
    Command::SetGlobalPreferences(Box::new(set))
}

fn one(kind: Kind) -> SetPreference {
    SetPreference {
        user_id: ANA,
        by: ANA,
        kind,
        community_id: None,
        in_app: Patch::Keep,
        push: Patch::Keep,
        email: Patch::Keep,
    }
}

fn time(text: &str) -> LocalTime {
    LocalTime::parse(text).expect("a time of day")
}

#[test]
fn global_preferences_tell_what_is_new() {
    let set = SetGlobalPreferences {
        switches: Switches { push: Some(false), ..Switches::default() },
        email_digest: Some(false),
        quiet_hours_start: Patch::Set(time("22:00")),
        quiet_hours_end: Patch::Clear,
        timezone: Some(Timezone::parse("UTC").expect("a zone")),
        ..nothing()
    };
    let told = NotificationPreferencesChanged {
        push: Some(false),
        quiet_hours_start: Some("22:00".to_owned()),
        timezone: Some("UTC".to_owned()),
        ..unchanged()
    };
    given::<State>([]).when(global(set)).then([told.into()]);
}

#[test]
fn quiet_hours_are_cleared_once() {
    let quiet = SetGlobalPreferences { quiet_hours_start: Patch::Set(time("22:00")), ..nothing() };
    let loud = SetGlobalPreferences { quiet_hours_start: Patch::Clear, ..nothing() };
    let told = NotificationPreferencesChanged { cleared: vec!["quietHoursStart".to_owned()], ..unchanged() };
    given::<State>([]).after(global(quiet)).when(global(loud)).then([told.into()]);
}

#[test]
fn a_preference_is_for_one_type_and_perhaps_one_community() {
    let set =
        SetPreference { community_id: Some(GARDEN), in_app: Patch::Set(false), ..one(Kind::NewRequest) };
    let told = NotificationPreferencesChanged {
        r#type: Some("new_request".to_owned()),
        community_id: Some(GARDEN),
        in_app: Some(false),
        ..unchanged()
    };
    given::<State>([]).when(Command::SetPreference(set)).then([told.into()]);
}

#[test]
fn null_gives_the_decision_back() {
    let off = SetPreference { push: Patch::Set(false), ..one(Kind::MatchCreated) };
    let back = SetPreference { push: Patch::Clear, ..one(Kind::MatchCreated) };
    let told = NotificationPreferencesChanged {
        r#type: Some("match_created".to_owned()),
        cleared: vec!["push".to_owned()],
        ..unchanged()
    };
    given::<State>([])
        .after(Command::SetPreference(off))
        .when(Command::SetPreference(back))
        .then([told.into()]);
}

#[test]
fn a_required_type_stays_in_the_inbox() {
    let off = SetPreference { in_app: Patch::Set(false), ..one(Kind::SecurityNotice) };
    let refused = Rejection::RequiredType(Kind::SecurityNotice);
    given::<State>([]).when(Command::SetPreference(off)).then_refused(refused);
    let quieter = SetPreference { push: Patch::Set(false), ..one(Kind::SecurityNotice) };
    let told = NotificationPreferencesChanged {
        r#type: Some("security_notice".to_owned()),
        push: Some(false),
        ..unchanged()
    };
    given::<State>([]).when(Command::SetPreference(quieter)).then([told.into()]);
}

#[test]
fn preferences_name_something_and_are_ones_own() {
    let inbox = given::<State>([]);
    inbox.when(global(nothing())).then_refused(Rejection::NothingToChange);
    inbox.when(Command::SetPreference(one(Kind::Welcome))).then_refused(Rejection::NothingToChange);
    let others = SetGlobalPreferences { by: BEN, email_digest: Some(true), ..nothing() };
    inbox.when(global(others)).then_refused(Rejection::NotYourself);
    let others = SetPreference { by: BEN, push: Patch::Set(true), ..one(Kind::Welcome) };
    inbox.when(Command::SetPreference(others)).then_refused(Rejection::NotYourself);
}

#[test]
fn a_time_of_day_has_two_digits_twice() {
    assert_eq!(time("07:05").to_string(), "07:05");
    for text in ["", "7:05", "24:00", "12:60", "12-30", "12:3", "+1:30", "1230"] {
        assert!(LocalTime::parse(text).is_err(), "{text}");
    }
}

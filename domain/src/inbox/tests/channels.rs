//! On which channels a notice goes out: the table of the specification.

use super::*;
use crate::Patch;
use crate::inbox::{Channel, SetGlobalPreferences, SetPreference, Switches};

const NOTHING: Switches = Switches { in_app: None, push: None, email: None };
const IN_APP: &[Channel] = &[Channel::InApp];

fn global(switches: Switches) -> Command {
    Command::SetGlobalPreferences(Box::new(SetGlobalPreferences {
        switches,
        ..super::preferences::nothing()
    }))
}

fn in_app(kind: Kind, community_id: Option<CommunityId>, on: bool) -> Command {
    let set = SetPreference {
        user_id: ANA,
        by: ANA,
        kind,
        community_id,
        in_app: Patch::Set(on),
        push: Patch::Keep,
        email: Patch::Keep,
    };
    Command::SetPreference(set)
}

#[track_caller]
fn expect(
    preferences: impl IntoIterator<Item = Command>,
    kind: Kind,
    community: CommunityId,
    channels: &[Channel],
) {
    let inbox = preferences.into_iter().fold(given::<State>([]), Given::after);
    assert_eq!(inbox.state().preferences.channels(kind, Some(community)), channels);
}

#[test]
fn without_preferences_the_type_decides() {
    expect([], Kind::MatchAccepted, GARDEN, &[Channel::InApp, Channel::Push]);
    expect([], Kind::Welcome, GARDEN, &[Channel::InApp, Channel::Email]);
    expect([], Kind::NewRequest, GARDEN, IN_APP);
    expect([], Kind::SecurityNotice, GARDEN, &[Channel::InApp, Channel::Push, Channel::Email]);
}

#[test]
fn global_push_off_leaves_the_inbox() {
    let off = global(Switches { push: Some(false), ..NOTHING });
    expect([off], Kind::MatchAccepted, GARDEN, IN_APP);
}

#[test]
fn a_type_switched_on_outweighs_the_global_switch() {
    let off = global(Switches { in_app: Some(false), ..NOTHING });
    let on = in_app(Kind::MatchAccepted, None, true);
    expect([off, on], Kind::MatchAccepted, GARDEN, &[Channel::InApp, Channel::Push]);
}

#[test]
fn a_type_switched_off_is_not_stored() {
    let off = in_app(Kind::NewRequest, None, false);
    expect([off], Kind::NewRequest, GARDEN, &[]);
}

#[test]
fn a_switch_for_one_community_outweighs_that_of_the_type() {
    let preferences =
        || [in_app(Kind::NewRequest, Some(GARDEN), false), in_app(Kind::NewRequest, None, true)];
    expect(preferences(), Kind::NewRequest, GARDEN, &[]);
    expect(preferences(), Kind::NewRequest, WORKSHOP, IN_APP);
}

#[test]
fn with_everything_off_a_security_notice_reaches_the_inbox() {
    let off = global(Switches { in_app: Some(false), push: Some(false), email: Some(false) });
    expect([off], Kind::SecurityNotice, GARDEN, IN_APP);
}

#[test]
fn mail_waits_for_its_switch_and_for_a_type_that_offers_it() {
    let on = || global(Switches { email: Some(true), ..NOTHING });
    expect([on()], Kind::Welcome, GARDEN, &[Channel::InApp, Channel::Email]);
    expect([on()], Kind::MatchAccepted, GARDEN, &[Channel::InApp, Channel::Push]);
}

#[test]
fn nothing_is_raised_when_all_channels_are_off() {
    let muted = given::<State>([]).after(in_app(Kind::NewRequest, None, false));
    muted.when(raise(1, notice(Kind::NewRequest, 5, 9))).then_nothing();
}

#[test]
fn what_is_only_pushed_is_neither_counted_nor_read_but_told_once() {
    let pushed = notice(Kind::MatchAccepted, 5, 9);
    let muted = given::<State>([]).after(in_app(Kind::MatchAccepted, None, false));
    muted.when(raise(1, pushed.clone())).then([raised(1, &pushed, &["push"]).into()]);
    let told = muted.after(raise(1, pushed.clone()));
    assert_eq!(told.state().items.unread(day(0)), 0);
    told.when(read(1)).then_refused(Rejection::NotificationNotFound);
    told.when(raise(2, pushed)).then_nothing();
}

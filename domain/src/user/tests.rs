//! What a user's account answers, in sentences.

mod profile;
mod values;

use event_schemas::user::{InviterRecorded, SessionsRevoked, UserEvent, UserRegistered, UserSettingsChanged};
use event_schemas::{CommunityId, InviteId, Sealable, SessionId, Timestamp, UserId};
use proptest::prelude::*;
use uuid::Uuid;

use super::{
    ChangeSettings, Command, DisplayName, EmailAddress, Locale, RecordInviter, RegisterUser, Rejection,
    RevocationReason, RevokeSessions, State, Timezone,
};
use crate::given::{Given, given};
use crate::{Aggregate as _, Meta};

const ANA: UserId = user(1);
const BEN: UserId = user(2);

const fn user(n: u128) -> UserId {
    UserId::new(Uuid::from_u128(n))
}

const fn session(n: u128) -> SessionId {
    SessionId::new(Uuid::from_u128(n))
}

/// So many days after the epoch.
const fn day(n: i64) -> Timestamp {
    Timestamp::from_micros(n * 86_400_000_000)
}

fn registered() -> UserEvent {
    let registered = UserRegistered {
        user_id: ANA,
        email: Some(clear("ana@example.org")),
        name: Some(clear("Ana")),
        created_at: day(0),
        invite: None,
    };
    registered.into()
}

fn clear(text: &str) -> Sealable<String> {
    Sealable::Clear(text.to_owned())
}

/// Ana's account, and what happened since.
fn ana(since: impl IntoIterator<Item = UserEvent>) -> Given<State> {
    given([registered()].into_iter().chain(since))
}

fn register() -> Command {
    Command::RegisterUser(RegisterUser {
        user_id: ANA,
        email: EmailAddress::parse("Ana@Example.org").expect("an address"),
        name: DisplayName::parse("Ana").expect("a name"),
        invite: None,
    })
}

fn unchanged() -> UserSettingsChanged {
    UserSettingsChanged {
        user_id: ANA,
        show_my_karma_to_me: None,
        share_reputation: None,
        show_connection_path: None,
        show_who_invited_me: None,
        show_who_i_invited: None,
        timezone: None,
        locale: None,
    }
}

fn revoke(sessions: &[SessionId], reason: RevocationReason) -> Command {
    Command::RevokeSessions(RevokeSessions { sessions: sessions.to_vec(), reason })
}

fn revoked(sessions: &[SessionId], reason: &str) -> UserEvent {
    SessionsRevoked { user_id: ANA, family_ids: sessions.to_vec(), reason: reason.to_owned() }.into()
}

#[test]
fn registering_creates_the_account() {
    given::<State>([]).when(register()).then([registered()]);
}

#[test]
fn settings_tell_what_is_new() {
    let change = ChangeSettings {
        share_reputation: Some(true),
        show_connection_path: Some(true),
        timezone: Some(Timezone::parse("Europe/Berlin").expect("a zone")),
        locale: Some(Locale::parse("de-AT").expect("a tag")),
        ..ChangeSettings::default()
    };
    let told = UserSettingsChanged {
        share_reputation: Some(true),
        timezone: Some("Europe/Berlin".to_owned()),
        locale: Some("de-AT".to_owned()),
        ..unchanged()
    };
    ana([]).when(Command::ChangeSettings(change)).then([told.into()]);
}

#[test]
fn settings_that_name_nothing_are_refused() {
    let nothing = Command::ChangeSettings(ChangeSettings::default());
    ana([]).when(nothing).then_refused(Rejection::NothingToChange);
}

#[test]
fn ended_sessions_are_told_once_each() {
    let one = session(1);
    let both = [one, session(2)];
    ana([]).when(revoke(&[one], RevocationReason::RefreshReuse)).then([revoked(&[one], "refresh_reuse")]);
    ana([revoked(&[one], "refresh_reuse")])
        .when(revoke(&both, RevocationReason::LogoutAll))
        .then([revoked(&[session(2)], "logout_all")]);
}

#[test]
fn no_session_ended_is_nothing_to_tell() {
    ana([]).when(revoke(&[], RevocationReason::LogoutAll)).then_nothing();
}

#[test]
fn the_first_inviter_wins() {
    let record = |inviter_id| RecordInviter {
        user_id: ANA,
        inviter_id,
        community_id: CommunityId::new(Uuid::from_u128(9)),
        invite_id: InviteId::new(Uuid::from_u128(8)),
        accepted_at: day(1),
    };
    let recorded = InviterRecorded {
        user_id: ANA,
        inviter_id: BEN,
        community_id: CommunityId::new(Uuid::from_u128(9)),
        invite_id: InviteId::new(Uuid::from_u128(8)),
        accepted_at: day(1),
    };
    ana([]).when(Command::RecordInviter(record(BEN))).then([recorded.clone().into()]);
    ana([recorded.into()]).when(Command::RecordInviter(record(user(3)))).then_nothing();
}

#[test]
fn nobody_is_asked_before_registration() {
    let stranger = given::<State>([]);
    stranger.when(Command::ChangeSettings(ChangeSettings::default())).then_refused(Rejection::UserNotFound);
    stranger.when(revoke(&[session(1)], RevocationReason::LogoutAll)).then_refused(Rejection::UserNotFound);
}

fn events() -> impl Strategy<Value = UserEvent> {
    prop_oneof![
        Just(registered()),
        Just(unchanged().into()),
        (0_u128..5).prop_map(|n| revoked(&[session(n)], "unheard of")),
        proptest::sample::subsequence(vec!["bio", "home", "unheard of"], 0..3).prop_map(profile::cleared),
        (0_u128..5, any::<bool>()).prop_map(|(n, known)| profile::skilled(n, known)),
        (0_u128..5).prop_map(profile::unskilled),
        Just(profile::odd_skill()),
    ]
}

proptest! {
    #[test]
    fn any_events_in_any_order_fold_into_some_state(events in proptest::collection::vec(events(), 0..40)) {
        let mut state = State::default();
        for (event, n) in events.iter().zip(0..) {
            let event_id = event_schemas::EventId::new(Uuid::nil());
            state.evolve(event, Meta { event_id, at: day(n * 20) });
            let _ = state.timer();
        }
        prop_assert_eq!(matches!(state, State::Active(_)), events.contains(&registered()));
    }
}

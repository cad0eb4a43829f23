//! Who hears of what: the table of the specification, row by row.

mod communities;
mod karma;
mod requests;

use event_schemas::notification::{NotificationCommand, RaiseNotification};
use event_schemas::user::{SessionsRevoked, UserRegistered};
use event_schemas::{
    AggregateType, CommandId, CorrelationId, Envelope, EventId, MatchId, Metadata, RequestId, SessionId,
    Timestamp,
};
use uuid::Uuid;

use super::*;
use crate::community::Settings;
use crate::known::Known;
use crate::{Internal as _, Meta};

const ANA: UserId = user(1);
const BEN: UserId = user(2);
const CLEO: UserId = user(3);
const ELM: CommunityId = CommunityId::new(Uuid::from_u128(0xe1));
const OAK: CommunityId = CommunityId::new(Uuid::from_u128(0xe2));
const REQUEST: RequestId = RequestId::new(Uuid::from_u128(0xf));
const MATCH: MatchId = MatchId::new(Uuid::from_u128(0x1));
/// The event that causes the notices.
const CAUSE: EventId = EventId::new(Uuid::from_u128(0xca));

const fn user(n: u128) -> UserId {
    UserId::new(Uuid::from_u128(n))
}

/// The time 0.
const fn now() -> Timestamp {
    Timestamp::from_micros(0)
}

fn recorded<P>(payload: P) -> Recorded<P> {
    let command_id = CommandId::new(Uuid::from_u128(7));
    let envelope = Envelope {
        event_id: CAUSE,
        timestamp: now(),
        correlation_id: CorrelationId::from(command_id),
        causation_id: None,
        aggregate_type: AggregateType::User,
        aggregate_id: "of no matter here".to_owned(),
        aggregate_version: 1,
        community_id: None,
        actor: None,
        command_id,
        metadata: Metadata::default(),
    };
    Recorded { envelope, payload }
}

/// What is told when the last of these events happens to an aggregate of this kind.
fn notices(
    of: AggregateType,
    events: impl IntoIterator<Item = Event>,
    views: &Known,
) -> Vec<RaiseNotification> {
    let mut state = State::initial(of);
    let mut last = None;
    for event in events {
        state.evolve(&event, Meta { event_id: CAUSE, at: now() });
        last = Some(event);
    }
    let asked = react(&recorded(last.expect("an event")), &state, views);
    asked
        .into_iter()
        .map(|(target, command)| {
            let Command::Notification(NotificationCommand::RaiseNotification(notice)) = command else {
                panic!("no notice: {command:?}")
            };
            assert_eq!(target, notice.user_id.to_string());
            notice
        })
        .collect()
}

/// Types and recipients of notices.
fn heads(notices: &[RaiseNotification]) -> Vec<(&str, UserId)> {
    notices.iter().map(|it| (it.r#type.as_str(), it.user_id)).collect()
}

fn revoked(reason: &str) -> Event {
    let family_ids = vec![SessionId::new(Uuid::from_u128(4))];
    let revoked = SessionsRevoked { user_id: ANA, family_ids, reason: reason.to_owned() };
    Event::User(revoked.into())
}

#[test]
fn a_new_user_is_welcomed() {
    let registered =
        UserRegistered { user_id: ANA, email: None, name: None, created_at: now(), invite: None };
    let told = notices(AggregateType::User, [Event::User(registered.into())], &Known::default());
    let welcome = RaiseNotification {
        user_id: ANA,
        r#type: "welcome".to_owned(),
        priority: "low".to_owned(),
        subject_type: "user".to_owned(),
        subject_id: ANA.to_string(),
        part: Some(CAUSE.to_string()),
        actor_id: None,
        community_id: None,
        params: BTreeMap::new(),
        action_url: "/".to_owned(),
        ttl_days: 30,
    };
    assert_eq!(told, [welcome]);
}

#[test]
fn a_stolen_token_is_told_and_ones_own_doing_is_not() {
    let told = |reason| notices(AggregateType::User, [revoked(reason)], &Known::default());
    assert_eq!(heads(&told("refresh_reuse")), [("security_notice", ANA)]);
    assert_eq!(heads(&told("erasure")), [("security_notice", ANA)]);
    assert_eq!(told("logout_all"), []);
    assert_eq!(told("password"), []);
}

#[test]
fn who_is_not_known_yet_makes_the_view_catch_up() {
    let registered =
        UserRegistered { user_id: ANA, email: None, name: None, created_at: now(), invite: None };
    let told = notices(AggregateType::User, [Event::User(registered.into())], &Known::default());
    let wire = recorded(Command::Notification(told[0].clone().into()));
    let fresh = Uuid::from_u128(5);
    assert!(crate::Command::complete(&wire, &Known::default().stranger(ANA), fresh).is_err());
    let Ok(crate::Command::Inbox(crate::inbox::Command::RaiseNotification(raise))) =
        crate::Command::complete(&wire, &Known::default(), fresh)
    else {
        panic!("completed")
    };
    assert!(raise.active && raise.notification_id.uuid() == fresh);
}

#[test]
fn every_param_of_an_action_is_filled_in() {
    let params =
        BTreeMap::from([("requestId".to_owned(), "r1".to_owned()), ("matchId".to_owned(), "m1".to_owned())]);
    assert_eq!(filled(Kind::MatchCreated.action(), &params), "/requests/r1");
    assert_eq!(filled(Kind::MatchAccepted.action(), &params), "/matches/m1");
    assert_eq!(filled(Kind::RequestExpired.action(), &params), "/requests");
}

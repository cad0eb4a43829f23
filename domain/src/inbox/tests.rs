//! What an inbox answers, in sentences.

mod channels;
mod preferences;
mod raising;

use std::collections::BTreeMap;

use event_schemas::notification::{
    NotificationDeleted, NotificationEvent, NotificationPreferencesChanged, NotificationRaised,
    NotificationRead, NotificationSent, NotificationsPurged, NotificationsRead, RaiseNotification,
};
use event_schemas::{CommunityId, EventId, NotificationId, Timestamp, UserId};
use proptest::prelude::*;
use uuid::Uuid;

use super::{Command, DeleteNotification, Kind, MarkAllRead, MarkRead, Part, Purge, Raise, Rejection, State};
use crate::given::{Given, given};
use crate::{Aggregate as _, Meta};

const ANA: UserId = UserId::new(Uuid::from_u128(1));
const BEN: UserId = UserId::new(Uuid::from_u128(2));
const GARDEN: CommunityId = CommunityId::new(Uuid::from_u128(0xC1));
const WORKSHOP: CommunityId = CommunityId::new(Uuid::from_u128(0xC2));

const fn item(n: u128) -> NotificationId {
    NotificationId::new(Uuid::from_u128(n))
}

/// So many days after the epoch.
const fn day(n: i64) -> Timestamp {
    Timestamp::from_micros(n * 86_400_000_000)
}

/// A notice to Ana about subject `about`, caused by event `cause`, with a life of 30 days.
fn notice(kind: Kind, about: u128, cause: u128) -> RaiseNotification {
    let part = match kind.part() {
        Part::None => None,
        Part::Event => Some(Uuid::from_u128(cause).to_string()),
    };
    RaiseNotification {
        user_id: ANA,
        r#type: kind.name().to_owned(),
        priority: kind.priority().name().to_owned(),
        subject_type: kind.subject().to_owned(),
        subject_id: Uuid::from_u128(about).to_string(),
        part,
        actor_id: Some(BEN),
        community_id: Some(GARDEN),
        params: BTreeMap::new(),
        action_url: "/".to_owned(),
        ttl_days: 30,
    }
}

/// Raises it as item `id`.
fn raise(id: u128, notice: RaiseNotification) -> Command {
    Command::RaiseNotification(Box::new(Raise { notice, active: true, notification_id: item(id) }))
}

/// What that tells on these channels, at the time 0.
fn raised(id: u128, notice: &RaiseNotification, channels: &[&str]) -> NotificationRaised {
    let mut params = notice.params.clone();
    params.extend(notice.part.clone().map(|part| ("causeId".to_owned(), part)));
    NotificationRaised {
        notification_id: item(id),
        user_id: ANA,
        r#type: notice.r#type.clone(),
        priority: notice.priority.clone(),
        subject_type: notice.subject_type.clone(),
        subject_id: notice.subject_id.clone(),
        actor_id: notice.actor_id,
        community_id: notice.community_id,
        params,
        count: 1,
        channels: channels.iter().map(|it| (*it).to_owned()).collect(),
        action_url: notice.action_url.clone(),
        due_at: None,
        expires_at: day(30),
    }
}

fn sent(id: u128, notice: &RaiseNotification) -> NotificationSent {
    NotificationSent {
        notification_id: item(id),
        user_id: ANA,
        channel: "in_app".to_owned(),
        template: notice.r#type.clone(),
        subject_type: notice.subject_type.clone(),
        subject_id: notice.subject_id.clone(),
        attempt: 1,
        provider_ref: None,
    }
}

/// Ana's inbox after these notices, raised as items 1, 2, … at the time 0.
fn told(notices: impl IntoIterator<Item = RaiseNotification>) -> Given<State> {
    notices.into_iter().zip(1..).fold(given([]), |inbox, (notice, n)| inbox.after(raise(n, notice)))
}

fn read(n: u128) -> Command {
    Command::MarkRead(MarkRead { user_id: ANA, notification_id: item(n) })
}

fn read_all(by: UserId) -> Command {
    Command::MarkAllRead(MarkAllRead { user_id: ANA, by })
}

fn delete(n: u128) -> Command {
    Command::DeleteNotification(DeleteNotification { user_id: ANA, notification_id: item(n) })
}

#[test]
fn an_item_is_read_once() {
    let read_at = day(1);
    told([notice(Kind::MatchAccepted, 5, 9)]).at(read_at).when(read(1)).then([NotificationRead {
        user_id: ANA,
        notification_id: item(1),
        read_at,
    }
    .into()]);
}

#[test]
fn what_is_not_there_is_neither_read_nor_deleted() {
    let inbox = told([notice(Kind::MatchAccepted, 5, 9)]);
    inbox.when(read(2)).then_refused(Rejection::NotificationNotFound);
    inbox.when(delete(2)).then_refused(Rejection::NotificationNotFound);
    let later = inbox.at(day(30));
    later.when(read(1)).then_refused(Rejection::NotificationNotFound);
    later.when(read_all(ANA)).then_nothing();
}

#[test]
fn all_are_read_at_once() {
    told([notice(Kind::MatchAccepted, 5, 9), notice(Kind::NewRequest, 6, 9), notice(Kind::NewRequest, 7, 9)])
        .after(read(2))
        .at(day(1))
        .when(read_all(ANA))
        .then([NotificationsRead { user_id: ANA, up_to_at: day(1), count: 2 }.into()]);
}

#[test]
fn nobody_reads_all_for_another() {
    told([]).when(read_all(BEN)).then_refused(Rejection::NotYourself);
}

#[test]
fn an_item_is_deleted_once() {
    let deleted = NotificationDeleted { user_id: ANA, notification_id: item(1) };
    told([notice(Kind::MatchAccepted, 5, 9)]).when(delete(1)).then([deleted.into()]);
}

#[test]
fn items_are_purged_seven_days_after_their_life() {
    let brief = RaiseNotification { ttl_days: 1, ..notice(Kind::NewRequest, 5, 9) };
    let inbox = told([notice(Kind::NewRequest, 6, 9), brief]);
    let timer = inbox.state().timer().expect("armed");
    assert_eq!((timer.due, timer.kind), (day(8), "purge"));
    let purged = |n| NotificationsPurged { user_id: ANA, ids: vec![item(n)], reason: "expired".to_owned() };
    let inbox = inbox.at(day(8));
    inbox.when(timer.command.clone()).then([purged(2).into()]);
    let inbox = inbox.after(timer.command);
    assert_eq!(inbox.state().timer().expect("armed").due, day(37));
    inbox.at(day(36)).when(Command::Purge(Purge { user_id: ANA })).then_nothing();
}

/// Any event, of items and preferences that may or may not be there.
fn events() -> impl Strategy<Value = NotificationEvent> {
    prop_oneof![
        (1_u128..6, 1_u128..4, any::<bool>()).prop_map(|(n, about, stored)| {
            let channels: &[&str] = if stored { &["in_app", "unheard of"] } else { &["push"] };
            raised(n, &notice(Kind::MatchAccepted, about, 9), channels).into()
        }),
        (1_u128..6).prop_map(|n| sent(n, &notice(Kind::MatchAccepted, 5, 9)).into()),
        (1_u128..6).prop_map(|n| {
            NotificationRead { user_id: ANA, notification_id: item(n), read_at: day(1) }.into()
        }),
        (0_i64..3).prop_map(|n| NotificationsRead { user_id: ANA, up_to_at: day(n), count: 1 }.into()),
        (1_u128..6).prop_map(|n| NotificationDeleted { user_id: ANA, notification_id: item(n) }.into()),
        (1_u128..6).prop_map(|n| {
            NotificationsPurged { user_id: ANA, ids: vec![item(n)], reason: "expired".to_owned() }.into()
        }),
        Just(
            NotificationPreferencesChanged {
                r#type: Some("unheard of".to_owned()),
                ..preferences::unchanged()
            }
            .into()
        ),
    ]
}

proptest! {
    #[test]
    fn any_events_in_any_order_fold_into_some_state(events in proptest::collection::vec(events(), 0..40)) {
        let mut state = State::default();
        for event in &events {
            state.evolve(event, Meta { event_id: EventId::new(Uuid::nil()), at: day(1) });
            let _ = (state.timer(), state.community_of(event), state.items.unread(day(1)));
        }
    }

    #[test]
    fn a_notice_told_twice_is_told_once(
        notices in proptest::collection::vec((0..Kind::ALL.len(), 1_u128..4, 1_u128..4), 0..30),
    ) {
        let mut inbox = given::<State>([]);
        for ((kind, about, cause), n) in notices.into_iter().zip(1..) {
            let notice = notice(Kind::ALL[kind], about, cause);
            inbox = inbox.after(raise(n, notice.clone()));
            if !Kind::ALL[kind].collapses() {
                let again = inbox.state().decide(&raise(n + 1000, notice), day(0)).expect("never refused");
                prop_assert_eq!(again, vec![]);
            }
        }
    }
}

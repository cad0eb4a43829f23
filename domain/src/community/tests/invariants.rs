//! What holds after any commands and any events.

use event_schemas::community::{
    CommunityEvent, JoinMessageForgotten, JoinRequestApproved, JoinRequestRejected, MemberRoleChanged,
};
use event_schemas::{EventId, MatchId};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::community::{
    AddMember, ChangeConfig, ChangeMember, DecideJoin, MemberStatus, RemoveMember, Role, Verdict,
    WithdrawJoin,
};
use crate::{Aggregate as _, Meta};

/// A few people, so that commands meet each other.
fn people() -> impl Strategy<Value = UserId> {
    (1_u128..8).prop_map(user)
}

fn roles() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::Member), Just(Role::Moderator), Just(Role::Admin)]
}

fn statuses() -> impl Strategy<Value = MemberStatus> {
    prop_oneof![Just(MemberStatus::Active), Just(MemberStatus::Inactive)]
}

fn verdicts() -> impl Strategy<Value = Verdict> {
    prop_oneof![Just(Verdict::Approve), Just(Verdict::Reject)]
}

fn commands() -> impl Strategy<Value = Command> {
    let config = |(by, cap): (_, i32)| {
        Command::ChangeConfig(Box::new(ChangeConfig { by, change: config(&json!({ "memberCap": cap })) }))
    };
    prop_oneof![
        4 => people().prop_map(join),
        2 => (people(), people(), roles())
            .prop_map(|(by, user, role)| Command::AddMember(AddMember { by, user, known: true, role })),
        4 => (people(), people(), proptest::option::of(roles()), proptest::option::of(statuses()))
            .prop_map(|(by, user, role, status)| Command::ChangeMember(ChangeMember { by, user, role, status })),
        3 => (people(), people()).prop_map(|(by, user)| Command::RemoveMember(RemoveMember { by, user })),
        2 => (people(), people(), verdicts())
            .prop_map(|(by, applicant, verdict)| Command::DecideJoin(DecideJoin { by, applicant, verdict })),
        1 => people().prop_map(|by| Command::WithdrawJoin(WithdrawJoin { by })),
        2 => (people(), 1..8).prop_map(config),
    ]
}

fn events() -> impl Strategy<Value = CommunityEvent> {
    prop_oneof![
        Just(created().into()),
        Just(archived()),
        people().prop_map(|it| joined(it, "admin", "added")),
        people().prop_map(|it| joined(it, "unheard of", "public")),
        people().prop_map(|it| left(it, "removed", Some(ANA))),
        people().prop_map(|it| applied(it, Some("hello"))),
        people().prop_map(|user_id| {
            JoinRequestApproved { community_id: GARDEN, user_id, decided_by_id: None }.into()
        }),
        people().prop_map(|user_id| {
            JoinRequestRejected { community_id: GARDEN, user_id, decided_by_id: None }.into()
        }),
        people().prop_map(|user_id| JoinMessageForgotten { community_id: GARDEN, user_id }.into()),
        people().prop_map(|user_id| {
            let (from, to) = ("member".to_owned(), "unheard of".to_owned());
            MemberRoleChanged { community_id: GARDEN, user_id, from, to, by_id: None }.into()
        }),
        (1_u128..4).prop_map(|n| {
            let quality = event_schemas::community::QualityCounted {
                community_id: GARDEN,
                match_id: MatchId::new(Uuid::from_u128(n)),
                quality_sum: 5.0,
                quality_count: i32::MAX,
            };
            quality.into()
        }),
    ]
}

proptest! {
    #[test]
    fn members_stay_within_bounds_and_one_of_them_is_admin(commands in proptest::collection::vec(commands(), 0..60)) {
        let mut state = garden([]).state().clone();
        for command in commands {
            let Ok(events) = state.decide(&command, day(1)) else { continue };
            for event in &events {
                state.evolve(event, Meta { event_id: EventId::new(Uuid::nil()), at: day(1) });
            }
            let again = state.decide(&command, day(1)).unwrap_or_default();
            prop_assert_eq!(again, vec![], "{:?} said twice", command);
            let State::Active(community) = &state else { panic!("nobody closed it") };
            let active: Vec<_> = community.members.active().collect();
            let cap = usize::try_from(community.terms.config.member_cap).expect("positive");
            prop_assert!((1..=cap).contains(&active.len()) && cap <= 150);
            prop_assert!(active.iter().any(|(_, role)| *role == Role::Admin));
        }
    }

    #[test]
    fn any_events_in_any_order_fold_into_some_state(events in proptest::collection::vec(events(), 0..40)) {
        let mut state = State::default();
        for event in &events {
            state.evolve(event, Meta { event_id: EventId::new(Uuid::nil()), at: day(1) });
            let _ = state.timer();
            let _ = state.community_of(event);
        }
    }
}

//! Founding and closing.

use event_schemas::community::{CommunityConfigChanged, CommunityEvent};
use serde_json::json;

use super::*;
use crate::Aggregate as _;
use crate::community::{CommunityType, Rejection, Role};

#[test]
fn whoever_founds_a_community_is_its_admin() {
    given::<State>([])
        .at(day(0))
        .when(Command::CreateCommunity(Box::new(create())))
        .then([created().into(), joined(ANA, "admin", "founding")]);
}

#[test]
fn a_community_may_begin_with_a_config_of_its_own() {
    let config = config(&json!({ "baseKarmaPoolPerRequest": 50, "memberCap": 30 }));
    let create = CreateCommunity { config: Some(config), community_type: CommunityType::Group, ..create() };
    let founded = given::<State>([]).after(Command::CreateCommunity(Box::new(create)));
    let State::Active(community) = founded.state() else { panic!("active") };
    assert_eq!(community.terms.config.base_karma_pool_per_request, 50);
    assert_eq!(community.terms.config.member_cap, 30);
    assert_eq!(community.role_of(ANA), Some(Role::Admin));
}

#[test]
fn a_first_config_tells_exactly_what_was_named() {
    let config = config(&json!({ "visibilityMode": "hybrid" }));
    let create = Command::CreateCommunity(Box::new(CreateCommunity { config: Some(config), ..create() }));
    let events = State::default().decide(&create, day(0)).expect("accepted");
    let Some(CommunityEvent::CommunityConfigChanged(changed)) = events.last() else { panic!("a config") };
    let CommunityConfigChanged { community_id, visibility_mode, member_cap, .. } = changed;
    assert_eq!((*community_id, visibility_mode.as_deref(), *member_cap), (GARDEN, Some("hybrid"), None));
}

#[test]
fn a_first_config_with_odd_weights_is_refused() {
    let config = config(&json!({ "communityTrustBondingWeight": 0.9 }));
    let create = CreateCommunity { config: Some(config), ..create() };
    let refused = State::default().decide(&Command::CreateCommunity(Box::new(create)), day(0));
    assert!(matches!(refused, Err(Rejection::Invalid(_))));
}

#[test]
fn an_admin_closes_a_community_for_good() {
    garden([]).when(archive(ANA)).then([archived()]);
}

#[test]
fn nobody_else_closes_it() {
    let garden = garden([joined(MO, "moderator", "added")]);
    garden.when(archive(MO)).then_refused(Rejection::RoleRequired(Role::Admin));
    garden.when(archive(DORA)).then_refused(Rejection::NotAMember);
}

#[test]
fn a_closed_community_refuses_every_command() {
    let closed = garden([archived()]);
    closed.when(join(DORA)).then_refused(Rejection::NotActive);
    closed.when(archive(ANA)).then_refused(Rejection::NotActive);
}

#[test]
fn before_its_foundation_there_is_no_community() {
    given::<State>([]).when(join(DORA)).then_refused(Rejection::CommunityNotFound);
    given::<State>([]).when(archive(ANA)).then_refused(Rejection::CommunityNotFound);
}

//! Communities: counters, settings and config, what is forgotten.

use event_schemas::CommunityId;
use event_schemas::community::{
    CommunityConfigChanged, CommunityCreated, CommunityEvent, CommunitySettingsChanged, JoinMessageForgotten,
    JoinRequestCreated, UserJoinedCommunity, UserLeftCommunity,
};
use serde_json::json;

use super::{Event, at, clear, given, id, payload, user};
use crate::projections::community::Community;

fn event(event: impl Into<CommunityEvent>) -> Event {
    event.into().into()
}

fn created() -> Event {
    event(payload::<CommunityCreated>(json!({
        "communityId": CommunityId::new(id(1)), "creatorId": user(1), "name": "Elm Street",
        "accessType": "public", "communityType": "mutual_aid", "maxMembers": 150,
    })))
}

fn joined(who: u64) -> Event {
    event(payload::<UserJoinedCommunity>(json!({
        "userId": user(who), "communityId": CommunityId::new(id(1)), "role": "member", "via": "public", "joinedAt": 5,
    })))
}

fn left(who: u64) -> Event {
    event(payload::<UserLeftCommunity>(json!({
        "communityId": CommunityId::new(id(1)), "userId": user(who), "isSelfRemove": true, "cause": "left",
    })))
}

#[test]
fn the_member_count_is_the_size_of_the_active_set_whatever_is_said_twice() {
    let community: Community = given([created(), joined(1), joined(2), joined(2), left(1), left(1), left(3)]);
    let row = community.communities.rows()[0];
    assert_eq!((row.current_members, row.version), (1, 7));
    assert_eq!(row.last_activity_at, at(4));
}

#[test]
fn who_comes_back_is_active_again() {
    let community: Community = given([created(), joined(1), left(1), joined(1)]);
    let [member] = community.memberships.rows()[..] else { panic!("one membership") };
    assert_eq!((member.status.as_str(), member.left_at), ("active", None));
}

#[test]
fn the_half_life_is_one_value_in_settings_and_config() {
    let months: CommunitySettingsChanged =
        payload(json!({"communityId": CommunityId::new(id(1)), "reputationHalfLifeMonths": 3.0}));
    let days: CommunityConfigChanged = payload(
        json!({"communityId": CommunityId::new(id(1)), "karmaDecayHalfLifeDays": 360.0, "memberCap": 20}),
    );
    let by_settings: Community = given([created(), event(months.clone())]);
    assert!((by_settings.configs.rows()[0].karma_decay_half_life_days - 90.0).abs() < f64::EPSILON);
    let by_config: Community = given([created(), event(months), event(days)]);
    assert!((by_config.settings.rows()[0].reputation_half_life_months - 12.0).abs() < f64::EPSILON);
    assert_eq!(by_config.communities.rows()[0].max_members, 20);
}

#[test]
fn a_join_message_is_forgotten_and_the_request_stays() {
    let base: JoinRequestCreated =
        payload(json!({"communityId": CommunityId::new(id(1)), "userId": user(2)}));
    let request = JoinRequestCreated { message: clear("let me in"), ..base };
    let forgotten: JoinMessageForgotten =
        payload(json!({"communityId": CommunityId::new(id(1)), "userId": user(2)}));
    let community: Community = given([created(), event(request), event(forgotten)]);
    let [request] = community.join_requests.rows()[..] else { panic!("one request") };
    assert_eq!((request.message.as_deref(), request.status.as_str()), (Some("[forgotten]"), "pending"));
}

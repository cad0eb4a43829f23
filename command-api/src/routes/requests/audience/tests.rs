//! Who sees a request: each condition of its audience by itself.

use std::sync::Arc;

use domain::community::{Config, Role, Settings};
use domain::views::{CommunityFacts, Member, RequestFacts, UserFacts, Views};
use event_schemas::{CommunityId, MatchId, RequestId, Timestamp, UserId};
use uuid::Uuid;

use super::sees;

/// What a request's audience depends on, with one community.
#[derive(Clone)]
struct World {
    members: Vec<UserId>,
    requester_is_active: bool,
    outsiders: bool,
    visibility: &'static str,
    request: RequestFacts,
}

const HOME: CommunityId = CommunityId::new(Uuid::from_u128(1));
const ASKER: UserId = UserId::new(Uuid::from_u128(2));
const VIEWER: UserId = UserId::new(Uuid::from_u128(3));

fn world() -> World {
    World {
        members: vec![ASKER, VIEWER],
        requester_is_active: true,
        outsiders: false,
        visibility: "public",
        request: RequestFacts {
            requester: ASKER,
            communities: vec![HOME],
            scope: "community".to_owned(),
            open: true,
            gone: false,
            responders: Vec::new(),
        },
    }
}

impl Views for World {
    fn members(&self, _: CommunityId) -> Vec<Member> {
        Vec::new()
    }

    fn member(&self, _: CommunityId, user: UserId) -> Option<Member> {
        let member = Member { user, role: Role::Member, joined_at: Timestamp::from_micros(0) };
        self.members.contains(&user).then_some(member)
    }

    fn communities_of(&self, _: UserId) -> Vec<CommunityId> {
        Vec::new()
    }

    fn community(&self, _: CommunityId) -> Option<Arc<CommunityFacts>> {
        let config = Config {
            outsider_response_allowed: self.outsiders,
            visibility_mode: self.visibility.to_owned(),
            ..Config::default()
        };
        Some(Arc::new(CommunityFacts { active: true, settings: Settings::default(), config }))
    }

    fn user(&self, _: UserId) -> Option<UserFacts> {
        Some(UserFacts { active: self.requester_is_active, email_verified: false })
    }

    fn request(&self, _: RequestId) -> Option<Arc<RequestFacts>> {
        Some(Arc::new(self.request.clone()))
    }

    fn request_of(&self, _: MatchId) -> Option<RequestId> {
        None
    }

    fn open_requests(&self, _: UserId, _: CommunityId) -> Vec<RequestId> {
        Vec::new()
    }

    fn open_requests_in(&self, _: CommunityId) -> Vec<RequestId> {
        Vec::new()
    }
}

#[track_caller]
fn check(expected: bool, change: impl FnOnce(&mut World)) {
    let mut world = world();
    change(&mut world);
    assert_eq!(sees(&world, &world.request, VIEWER), expected);
}

#[test]
fn co_members_of_the_requester_see_it() {
    check(true, |_| {});
    check(false, |it| it.members = vec![ASKER]);
    check(false, |it| it.members = vec![VIEWER]);
}

#[test]
fn a_community_that_admits_outsiders_shows_it_to_everybody_while_it_is_public() {
    check(true, |it| (it.members, it.outsiders) = (vec![], true));
    check(false, |it| (it.members, it.outsiders, it.visibility) = (vec![], true, "hybrid"));
}

#[test]
fn platform_scope_needs_no_community() {
    check(true, |it| {
        it.members = vec![];
        it.request.scope = "platform".to_owned();
    });
    check(false, |it| {
        it.members = vec![];
        it.request.scope = "trust_network".to_owned();
    });
}

#[test]
fn nobody_sees_what_is_gone_or_of_somebody_who_left() {
    check(false, |it| it.request.gone = true);
    check(false, |it| it.requester_is_active = false);
}

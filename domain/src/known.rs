//! Views of which a test says what they know: communities, members, requests. Everybody has an account but strangers.

use std::collections::HashMap;
use std::sync::Arc;

use event_schemas::{CommunityId, MatchId, RequestId, Timestamp, UserId};

use crate::community::{Config, Role, Settings};
use crate::views::{CommunityFacts, Member, RequestFacts, UserFacts, Views};

/// What is known; nothing at first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    communities: HashMap<CommunityId, Arc<CommunityFacts>>,
    members: Vec<(CommunityId, Member)>,
    requests: Vec<(RequestId, Arc<RequestFacts>)>,
    strangers: Vec<UserId>,
}

impl Known {
    /// An active community on these terms.
    pub(crate) fn community(mut self, id: CommunityId, settings: Settings, config: Config) -> Self {
        self.communities.insert(id, Arc::new(CommunityFacts { active: true, settings, config }));
        self
    }

    /// An active member since then.
    pub(crate) fn member(
        mut self,
        community: CommunityId,
        user: UserId,
        role: Role,
        joined_at: Timestamp,
    ) -> Self {
        self.members.push((community, Member { user, role, joined_at }));
        self
    }

    /// An open request, seen by its communities.
    pub(crate) fn open_request(
        mut self,
        id: RequestId,
        requester: UserId,
        communities: &[CommunityId],
    ) -> Self {
        let facts = RequestFacts {
            requester,
            communities: communities.to_vec(),
            scope: "community".to_owned(),
            open: true,
            gone: false,
            responders: Vec::new(),
        };
        self.requests.push((id, Arc::new(facts)));
        self
    }

    /// Somebody without account.
    pub(crate) fn stranger(mut self, user: UserId) -> Self {
        self.strangers.push(user);
        self
    }

    fn open(&self, matching: impl Fn(&RequestFacts) -> bool) -> Vec<RequestId> {
        self.requests.iter().filter(|(_, facts)| facts.open && matching(facts)).map(|(id, _)| *id).collect()
    }
}

impl Views for Known {
    fn members(&self, community: CommunityId) -> Vec<Member> {
        self.members.iter().filter(|it| it.0 == community).map(|it| it.1).collect()
    }

    fn member(&self, community: CommunityId, user: UserId) -> Option<Member> {
        self.members(community).into_iter().find(|it| it.user == user)
    }

    fn communities_of(&self, user: UserId) -> Vec<CommunityId> {
        self.members.iter().filter(|it| it.1.user == user).map(|it| it.0).collect()
    }

    fn community(&self, community: CommunityId) -> Option<Arc<CommunityFacts>> {
        self.communities.get(&community).cloned()
    }

    fn user(&self, user: UserId) -> Option<UserFacts> {
        (!self.strangers.contains(&user)).then_some(UserFacts { active: true, email_verified: true })
    }

    fn request(&self, request: RequestId) -> Option<Arc<RequestFacts>> {
        self.requests.iter().find(|(id, _)| *id == request).map(|(_, facts)| Arc::clone(facts))
    }

    fn request_of(&self, _of: MatchId) -> Option<RequestId> {
        None
    }

    fn open_requests(&self, user: UserId, community: CommunityId) -> Vec<RequestId> {
        self.open(|facts| facts.requester == user && facts.communities.contains(&community))
    }

    fn open_requests_in(&self, community: CommunityId) -> Vec<RequestId> {
        self.open(|facts| facts.communities.contains(&community))
    }
}

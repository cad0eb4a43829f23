//! Views of which a test says what they know: communities and members.

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

    fn user(&self, _user: UserId) -> Option<UserFacts> {
        Some(UserFacts { active: true, email_verified: true })
    }

    fn request(&self, _request: RequestId) -> Option<Arc<RequestFacts>> {
        None
    }

    fn request_of(&self, _of: MatchId) -> Option<RequestId> {
        None
    }

    fn open_requests(&self, _user: UserId, _community: CommunityId) -> Vec<RequestId> {
        Vec::new()
    }

    fn open_requests_in(&self, _community: CommunityId) -> Vec<RequestId> {
        Vec::new()
    }
}

//! The views themselves: folds of events, kept as small as the questions that are asked of them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use domain::community::{Config, Role, Settings, Terms};
use domain::views::{CommunityFacts, Member, RequestFacts, UserFacts};
use event_schemas::community::CommunityEvent;
use event_schemas::request::RequestEvent;
use event_schemas::user::UserEvent;
use event_schemas::{CommunityId, Event, MatchId, Recorded, RequestId, UserId};

/// All views.
#[derive(Debug, Default)]
pub(super) struct Tables {
    pub(super) users: HashMap<UserId, UserFacts>,
    pub(super) communities: HashMap<CommunityId, Arc<CommunityFacts>>,
    /// Names of communities, for answers; decisions do not look at them.
    pub(super) names: HashMap<CommunityId, Arc<str>>,
    pub(super) members: Members,
    pub(super) requests: Requests,
}

impl Tables {
    /// Folds an event of any domain.
    pub(super) fn fold(&mut self, event: &Recorded<Event>) {
        match &event.payload {
            Event::User(event) => self.fold_user(event),
            Event::Community(event) => {
                self.fold_community(event);
                self.members.fold(event);
            }
            Event::Request(event) => self.requests.fold(event),
            Event::Reputation(_) | Event::Notification(_) => {}
        }
    }

    fn fold_user(&mut self, event: &UserEvent) {
        match event {
            UserEvent::UserRegistered(it) => {
                self.users.insert(it.user_id, UserFacts { active: true, email_verified: false });
            }
            UserEvent::UserUpdated(_)
            | UserEvent::UserSkillAdded(_)
            | UserEvent::UserSkillRemoved(_)
            | UserEvent::UserSettingsChanged(_)
            | UserEvent::SessionsRevoked(_)
            | UserEvent::InviterRecorded(_) => {}
        }
    }

    fn fold_community(&mut self, event: &CommunityEvent) {
        match event {
            CommunityEvent::CommunityCreated(it) => {
                let facts =
                    CommunityFacts { active: true, settings: Settings::default(), config: Config::default() };
                self.communities.insert(it.community_id, Arc::new(facts));
                self.names.insert(it.community_id, it.name.as_str().into());
                self.change(it.community_id, |facts| fold_terms(facts, event));
            }
            CommunityEvent::CommunityUpdated(it) => {
                self.change(it.community_id, |facts| fold_terms(facts, event));
                self.names.extend(it.name.as_deref().map(|name| (it.community_id, name.into())));
            }
            CommunityEvent::CommunitySettingsChanged(it) => {
                self.change(it.community_id, |facts| fold_terms(facts, event))
            }
            CommunityEvent::CommunityConfigChanged(it) => {
                self.change(it.community_id, |facts| fold_terms(facts, event))
            }
            CommunityEvent::CommunityArchived(it) => {
                self.change(it.community_id, |facts| facts.active = false)
            }
            CommunityEvent::UserJoinedCommunity(_)
            | CommunityEvent::UserLeftCommunity(_)
            | CommunityEvent::MemberRoleChanged(_)
            | CommunityEvent::JoinRequestCreated(_)
            | CommunityEvent::JoinRequestApproved(_)
            | CommunityEvent::JoinRequestRejected(_)
            | CommunityEvent::JoinRequestWithdrawn(_)
            | CommunityEvent::JoinMessageForgotten(_)
            | CommunityEvent::ExchangeCounted(_)
            | CommunityEvent::QualityCounted(_) => {}
        }
    }

    fn change(&mut self, community: CommunityId, change: impl FnOnce(&mut CommunityFacts)) {
        if let Some(facts) = self.communities.get_mut(&community) {
            change(Arc::make_mut(facts));
        }
    }
}

/// Settings and config after an event.
fn fold_terms(facts: &mut CommunityFacts, event: &CommunityEvent) {
    let mut terms =
        Terms { settings: std::mem::take(&mut facts.settings), config: std::mem::take(&mut facts.config) };
    terms.fold(event);
    (facts.settings, facts.config) = (terms.settings, terms.config);
}

/// A role as events name it; one that this version does not know has the least rights.
fn role(name: &str) -> Role {
    Role::named(name).unwrap_or(Role::Member)
}

/// Active memberships, by community and by person.
#[derive(Debug, Default)]
pub(super) struct Members {
    by_community: HashMap<CommunityId, HashMap<UserId, Member>>,
    by_user: HashMap<UserId, Vec<CommunityId>>,
}

impl Members {
    pub(super) fn of(&self, community: CommunityId) -> Vec<Member> {
        self.by_community.get(&community).map(|it| it.values().copied().collect()).unwrap_or_default()
    }

    pub(super) fn get(&self, community: CommunityId, user: UserId) -> Option<Member> {
        self.by_community.get(&community)?.get(&user).copied()
    }

    /// In joining order.
    pub(super) fn communities_of(&self, user: UserId) -> Vec<CommunityId> {
        let mut communities = self.by_user.get(&user).cloned().unwrap_or_default();
        communities.sort_by_key(|it| self.get(*it, user).map(|member| (member.joined_at, *it)));
        communities
    }

    fn fold(&mut self, event: &CommunityEvent) {
        match event {
            CommunityEvent::UserJoinedCommunity(it) => {
                let member = Member { user: it.user_id, role: role(&it.role), joined_at: it.joined_at };
                let known = self.by_community.entry(it.community_id).or_default().insert(it.user_id, member);
                if known.is_none() {
                    self.by_user.entry(it.user_id).or_default().push(it.community_id);
                }
            }
            CommunityEvent::UserLeftCommunity(it) => {
                if let Some(members) = self.by_community.get_mut(&it.community_id) {
                    members.remove(&it.user_id);
                }
                if let Some(communities) = self.by_user.get_mut(&it.user_id) {
                    communities.retain(|known| *known != it.community_id);
                }
            }
            CommunityEvent::MemberRoleChanged(it) => {
                let members = self.by_community.get_mut(&it.community_id);
                if let Some(member) = members.and_then(|members| members.get_mut(&it.user_id)) {
                    member.role = role(&it.to);
                }
            }
            CommunityEvent::CommunityCreated(_)
            | CommunityEvent::CommunityUpdated(_)
            | CommunityEvent::CommunityArchived(_)
            | CommunityEvent::JoinRequestCreated(_)
            | CommunityEvent::JoinRequestApproved(_)
            | CommunityEvent::JoinRequestRejected(_)
            | CommunityEvent::JoinRequestWithdrawn(_)
            | CommunityEvent::JoinMessageForgotten(_)
            | CommunityEvent::CommunitySettingsChanged(_)
            | CommunityEvent::CommunityConfigChanged(_)
            | CommunityEvent::ExchangeCounted(_)
            | CommunityEvent::QualityCounted(_) => {}
        }
    }
}

/// Requests, the way from a match to its request, and what is open.
#[derive(Debug, Default)]
pub(super) struct Requests {
    facts: HashMap<RequestId, Arc<RequestFacts>>,
    of_match: HashMap<MatchId, RequestId>,
    open_by_requester: HashMap<UserId, HashSet<RequestId>>,
    open_by_community: HashMap<CommunityId, HashSet<RequestId>>,
}

impl Requests {
    pub(super) fn get(&self, request: RequestId) -> Option<Arc<RequestFacts>> {
        self.facts.get(&request).cloned()
    }

    pub(super) fn of_match(&self, of: MatchId) -> Option<RequestId> {
        self.of_match.get(&of).copied()
    }

    pub(super) fn open_of(&self, user: UserId, community: CommunityId) -> Vec<RequestId> {
        let of_user = self.open_by_requester.get(&user).into_iter().flatten();
        let linked =
            |it: &RequestId| self.facts.get(it).is_some_and(|facts| facts.communities.contains(&community));
        of_user.copied().filter(linked).collect()
    }

    pub(super) fn open_in(&self, community: CommunityId) -> Vec<RequestId> {
        self.open_by_community.get(&community).into_iter().flatten().copied().collect()
    }

    fn fold(&mut self, event: &RequestEvent) {
        match event {
            RequestEvent::RequestCreated(it) => {
                let facts = RequestFacts {
                    requester: it.requester_id,
                    communities: it.community_ids.clone(),
                    scope: it.visibility_scope.clone(),
                    open: false,
                    gone: false,
                    responders: Vec::new(),
                };
                self.facts.insert(it.request_id, Arc::new(facts));
                self.set_open(it.request_id, true);
            }
            RequestEvent::RequestUpdated(it) => {
                if let Some(status) = it.status_to.as_deref() {
                    self.set_open(it.request_id, matches!(status, "open" | "pending" | "dibs_pending"));
                    self.change(it.request_id, |facts| {
                        facts.gone = matches!(status, "cancelled" | "expired")
                    });
                }
            }
            RequestEvent::RequestDetached(it) => {
                if let Some(requests) = self.open_by_community.get_mut(&it.community_id) {
                    requests.remove(&it.request_id);
                }
                self.change(it.request_id, |facts| {
                    facts.communities.retain(|known| *known != it.community_id)
                });
            }
            RequestEvent::MatchCreated(it) => {
                self.of_match.insert(it.match_id, it.request_id);
                self.change(it.request_id, |facts| facts.responders.push(it.responder_id));
            }
            RequestEvent::RequestCompleted(_)
            | RequestEvent::RequestCancelled(_)
            | RequestEvent::RequestExpired(_)
            | RequestEvent::RequestTextForgotten(_)
            | RequestEvent::PrivacySettingsUpdated(_)
            | RequestEvent::MatchAccepted(_)
            | RequestEvent::MatchRejected(_)
            | RequestEvent::MatchCancelled(_)
            | RequestEvent::MatchReminderDue(_)
            | RequestEvent::MatchDoneMarked(_)
            | RequestEvent::MatchCompleted(_)
            | RequestEvent::FeedbackGiven(_) => {}
        }
    }

    fn change(&mut self, request: RequestId, change: impl FnOnce(&mut RequestFacts)) {
        if let Some(facts) = self.facts.get_mut(&request) {
            change(Arc::make_mut(facts));
        }
    }

    fn set_open(&mut self, request: RequestId, open: bool) {
        self.change(request, |facts| facts.open = open);
        let Some(facts) = self.facts.get(&request) else { return };
        let of_requester = self.open_by_requester.entry(facts.requester).or_default();
        if open {
            of_requester.insert(request);
        } else {
            of_requester.remove(&request);
        }
        for community in &facts.communities {
            let of_community = self.open_by_community.entry(*community).or_default();
            if open {
                of_community.insert(request);
            } else {
                of_community.remove(&request);
            }
        }
    }
}

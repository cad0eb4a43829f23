//! What admins hear of who comes, and what newcomers hear of decisions on them.

use event_schemas::UserId;
use event_schemas::community::{CommunityEvent, UserJoinedCommunity};

use super::Notice;
use crate::community::{Active, Role};
use crate::inbox::Kind;

/// The notices of an event; the community is as it is after it.
pub(super) fn notices(event: &CommunityEvent, community: &Active) -> Vec<Notice> {
    match event {
        CommunityEvent::UserJoinedCommunity(it) if it.via == "founding" => Vec::new(),
        CommunityEvent::UserJoinedCommunity(it) => joined(it, community),
        CommunityEvent::JoinRequestCreated(it) => with_role(community, Role::Moderator)
            .map(|decider| about(community, Kind::JoinRequest, decider).by(Some(it.user_id)))
            .collect(),
        CommunityEvent::JoinRequestApproved(it) => {
            vec![decided(community, it.user_id, it.decided_by_id, "approved")]
        }
        CommunityEvent::JoinRequestRejected(it) => {
            vec![decided(community, it.user_id, it.decided_by_id, "rejected")]
        }
        CommunityEvent::CommunityCreated(_)
        | CommunityEvent::CommunityUpdated(_)
        | CommunityEvent::CommunityArchived(_)
        | CommunityEvent::UserLeftCommunity(_)
        | CommunityEvent::MemberRoleChanged(_)
        | CommunityEvent::JoinRequestWithdrawn(_)
        | CommunityEvent::JoinMessageForgotten(_)
        | CommunityEvent::CommunitySettingsChanged(_)
        | CommunityEvent::CommunityConfigChanged(_)
        | CommunityEvent::ExchangeCounted(_)
        | CommunityEvent::QualityCounted(_) => Vec::new(),
    }
}

fn joined(event: &UserJoinedCommunity, community: &Active) -> Vec<Notice> {
    let newcomer = event.user_id;
    let admins = with_role(community, Role::Admin).filter(|admin| *admin != newcomer);
    let told = admins.map(|admin| about(community, Kind::MemberJoined, admin).by(Some(newcomer)));
    let added = (event.via == "added").then(|| about(community, Kind::AddedToCommunity, newcomer));
    told.chain(added).collect()
}

fn decided(community: &Active, applicant: UserId, by: Option<UserId>, decision: &str) -> Notice {
    about(community, Kind::JoinDecided, applicant).by(by).with("decision", decision)
}

fn about(community: &Active, kind: Kind, to: UserId) -> Notice {
    Notice::of(kind, to, community.id).within(&[community.id]).with("communityId", community.id)
}

/// The active members with at least this role.
fn with_role(community: &Active, role: Role) -> impl Iterator<Item = UserId> {
    community.members.active().filter(move |(_, held)| *held >= role).map(|(user, _)| user)
}

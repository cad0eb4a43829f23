//! What a decision may know of other aggregates: replicated, a little behind, and asked through this interface only.

use std::sync::Arc;

use event_schemas::{CommunityId, MatchId, RequestId, Timestamp, UserId};

use crate::community::{Config, Role, Settings};

/// The replicated views of the command side.
pub trait Views {
    /// The active members of a community, in no particular order.
    fn members(&self, community: CommunityId) -> Vec<Member>;
    /// The active membership of one person.
    fn member(&self, community: CommunityId, user: UserId) -> Option<Member>;
    /// The communities in which a person is an active member, in joining order.
    fn communities_of(&self, user: UserId) -> Vec<CommunityId>;
    /// What is known of a community.
    fn community(&self, community: CommunityId) -> Option<Arc<CommunityFacts>>;
    /// What is known of a person.
    fn user(&self, user: UserId) -> Option<UserFacts>;
    /// What is known of a request.
    fn request(&self, request: RequestId) -> Option<Arc<RequestFacts>>;
    /// The request that a match belongs to.
    fn request_of(&self, of: MatchId) -> Option<RequestId>;
    /// The open requests of a person that are linked to a community.
    fn open_requests(&self, user: UserId, community: CommunityId) -> Vec<RequestId>;
    /// The open requests linked to a community.
    fn open_requests_in(&self, community: CommunityId) -> Vec<RequestId>;
}

/// An active membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub user: UserId,
    /// In which role.
    pub role: Role,
    /// Since when, in this spell of membership.
    pub joined_at: Timestamp,
}

/// A community as other aggregates know it.
#[derive(Clone, Debug, PartialEq)]
pub struct CommunityFacts {
    /// False once archived.
    pub active: bool,
    /// Its settings.
    pub settings: Settings,
    /// Its config.
    pub config: Config,
}

/// A person as other aggregates know them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserFacts {
    /// False while deactivated and once erased.
    pub active: bool,
    /// Whether the address is verified.
    pub email_verified: bool,
}

/// A request as other aggregates and routes know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestFacts {
    /// Who asks.
    pub requester: UserId,
    /// The linked communities, in order.
    pub communities: Vec<CommunityId>,
    /// `visibilityScope`: community, `trust_network` or platform.
    pub scope: String,
    /// Whether it asks for help: neither matched nor final.
    pub open: bool,
    /// Expired or cancelled, so that it answers 404 to everyone but its requester's own commands.
    pub gone: bool,
    /// The responders of its matches.
    pub responders: Vec<UserId>,
}

/// A view does not know yet what a decision must know; it has to catch up to the end of its topic and be asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the view of {view} lags behind")]
pub struct Lagging {
    /// Of what.
    pub view: &'static str,
    /// Whether the command asks for nothing should the view still not know it at the end of its topic.
    pub or_void: bool,
}

impl Lagging {
    /// What must be known exists, so the view will come to it.
    #[must_use]
    pub const fn behind(view: &'static str) -> Self {
        Self { view, or_void: false }
    }

    /// What is not known at the end of the topic does not exist, and then there is nothing to do.
    #[must_use]
    pub const fn behind_or_void(view: &'static str) -> Self {
        Self { view, or_void: true }
    }
}

//! What policies ask of a standing, and what must be known of the communities to answer.

use event_schemas::reputation::{CreditRequester, RecordFeedback, ReputationCommand};
use event_schemas::{CommunityId, MatchId, RequestId, Timestamp, UserId, reputation};

use crate::views::{Lagging, Views};

/// A command to a standing.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Credit a completed exchange to its helper, whose standing this is.
    CreditExchange(Box<CreditExchange>),
    /// Credit it to its requester, as the helper's standing decided.
    CreditRequester(CreditRequester),
    /// Record a rating.
    RecordFeedback(RecordFeedback),
}

/// Credit a completed exchange to its helper.
#[derive(Clone, Debug, PartialEq)]
pub struct CreditExchange {
    /// The exchange.
    pub match_id: MatchId,
    /// Its request.
    pub request_id: RequestId,
    /// Who helped, whose standing this is.
    pub helper: UserId,
    /// Who was helped.
    pub requester: UserId,
    /// Type of the request.
    pub request_type: String,
    /// Category; none when it is sealed.
    pub category: Option<String>,
    /// When it was completed.
    pub completed_at: Timestamp,
    /// The communities of the request, the first one first, at least one.
    pub communities: Vec<Terms>,
}

/// On which terms a community honours an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The community.
    pub community: CommunityId,
    /// Points of one exchange, 10-1000.
    pub pool: i32,
    /// Multiplier of the request's label or type, 50-200 hundredths.
    pub multiplier_hundredths: i32,
    /// Helper's share in percent, 0-100.
    pub helper_percent: i32,
    /// Requester's share in percent, -50 to 100.
    pub requester_percent: i32,
    /// Days without karma after joining, 0-30.
    pub lockout_days: i32,
    /// Since when the helper is an active member, if at all.
    pub helper_since: Option<Timestamp>,
    /// Since when the requester is an active member, if at all.
    pub requester_since: Option<Timestamp>,
}

impl Command {
    /// Completes a policy's command from the views.
    ///
    /// # Errors
    /// [`Lagging`] when a community of the exchange is not known yet.
    pub fn complete(wire: &ReputationCommand, views: &dyn Views) -> Result<Self, Lagging> {
        Ok(match wire {
            ReputationCommand::CreditExchange(it) => Self::CreditExchange(Box::new(credit(it, views)?)),
            ReputationCommand::CreditRequester(it) => Self::CreditRequester(it.clone()),
            ReputationCommand::RecordFeedback(it) => Self::RecordFeedback(it.clone()),
        })
    }
}

fn credit(it: &reputation::CreditExchange, views: &dyn Views) -> Result<CreditExchange, Lagging> {
    let others = it.community_ids.iter().filter(|id| **id != it.community_id);
    let communities = std::iter::once(&it.community_id).chain(others);
    Ok(CreditExchange {
        match_id: it.match_id,
        request_id: it.request_id,
        helper: it.user_id,
        requester: it.requester_id,
        request_type: it.request_type.clone(),
        category: it.category.clone(),
        completed_at: it.completed_at,
        communities: communities.map(|id| terms(*id, it, views)).collect::<Result<_, _>>()?,
    })
}

fn terms(
    community: CommunityId,
    it: &reputation::CreditExchange,
    views: &dyn Views,
) -> Result<Terms, Lagging> {
    let facts = views.community(community).ok_or(Lagging::behind("communities"))?;
    let config = &facts.config;
    let since = |user| views.member(community, user).map(|it| it.joined_at);
    Ok(Terms {
        community,
        pool: config.base_karma_pool_per_request,
        multiplier_hundredths: config.multiplier_hundredths(&it.request_type, it.category.as_deref()),
        helper_percent: config.karma_split_helper,
        requester_percent: config.karma_split_requester,
        lockout_days: config.new_member_karma_lockout_days,
        helper_since: since(it.user_id),
        requester_since: since(it.requester_id),
    })
}

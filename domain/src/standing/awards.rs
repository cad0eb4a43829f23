//! The awards of one exchange to one person, with the running sums that each of them tells.

use std::collections::BTreeMap;

use event_schemas::reputation::{
    Credit, CreditRequester, KarmaAwarded, KarmaDetails, KarmaMilestoneReached, ReputationEvent,
};
use event_schemas::{CommunityId, MatchId, RequestId, Timestamp, UserId};

use super::{CreditExchange, State};

/// Marks of lifetime karma, points.
const MILESTONES: [i32; 6] = [10, 50, 100, 250, 500, 1000];

/// Who earns, and by which exchange.
#[derive(Clone, Copy, Debug)]
pub(super) struct Earning {
    user: UserId,
    match_id: MatchId,
    request_id: RequestId,
    earned_at: Timestamp,
}

impl Earning {
    pub(super) const fn of_helper(it: &CreditExchange) -> Self {
        Self { user: it.helper, match_id: it.match_id, request_id: it.request_id, earned_at: it.completed_at }
    }

    pub(super) const fn of_requester(it: &CreditRequester) -> Self {
        Self {
            user: it.user_id,
            match_id: it.match_id,
            request_id: it.request_id,
            earned_at: it.completed_at,
        }
    }
}

/// Awards so far, and the sums after them.
#[derive(Debug)]
pub(super) struct Awards<'a> {
    standing: &'a State,
    earning: Earning,
    in_community: BTreeMap<CommunityId, i32>,
    total: i32,
    /// The awards, in order.
    pub(super) events: Vec<ReputationEvent>,
}

impl<'a> Awards<'a> {
    /// None so far.
    pub(super) const fn of(standing: &'a State, earning: Earning) -> Self {
        let total = standing.total_karma;
        Self { standing, earning, in_community: BTreeMap::new(), total, events: Vec::new() }
    }

    /// The helper's share.
    pub(super) fn help(&mut self, credit: &Credit, share_percent: i32, communities: usize) {
        self.award(credit, credit.helper_points, "helped_with_request", share_percent, communities);
    }

    /// The helper's bonus.
    pub(super) fn bonus(&mut self, reason: &str, credit: &Credit, share_percent: i32, communities: usize) {
        self.award(credit, credit.bonus_points, reason, share_percent, communities);
    }

    /// The requester's share.
    pub(super) fn received(&mut self, credit: &Credit, communities: usize) {
        let share_percent = credit.requester_share_percent;
        self.award(credit, credit.requester_points, "received_help", share_percent, communities);
    }

    /// The marks that the sum has passed for the first time.
    pub(super) fn milestones(&self) -> Vec<ReputationEvent> {
        let reached = |mark: &i32| *mark <= self.total && !self.standing.milestones.contains(mark);
        let event = |milestone| {
            KarmaMilestoneReached { user_id: self.earning.user, milestone, total_karma: self.total }.into()
        };
        MILESTONES.into_iter().filter(reached).map(event).collect()
    }

    /// An award of nothing is not written.
    fn award(&mut self, credit: &Credit, points: i32, reason: &str, share_percent: i32, communities: usize) {
        if points == 0 {
            return;
        }
        let community_id = credit.community_id;
        let karma =
            self.in_community.entry(community_id).or_insert_with(|| self.standing.karma_in(community_id));
        *karma = karma.saturating_add(points);
        self.total = self.total.saturating_add(points);
        let awarded = KarmaAwarded {
            user_id: self.earning.user,
            community_id,
            points,
            reason: reason.to_owned(),
            match_id: self.earning.match_id,
            request_id: self.earning.request_id,
            earned_at: self.earning.earned_at,
            community_karma: *karma,
            total_karma: self.total,
            details: KarmaDetails {
                pool: credit.pool,
                multiplier_hundredths: credit.multiplier_hundredths,
                share_percent,
                communities: i32::try_from(communities)
                    .expect("at most three communities honour an exchange"),
            },
        };
        self.events.push(awarded.into());
    }
}

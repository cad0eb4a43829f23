//! Crediting an exchange: which communities honour it, points, bonuses, badges, milestones.

use std::cmp::Reverse;

use chrono::TimeDelta;
use event_schemas::reputation::{
    BadgeEarned, Credit, CreditRequester, ExchangeCredited, ExchangeReceived, ReputationEvent,
};
use event_schemas::{CommunityId, Timestamp};

use super::awards::{Awards, Earning};
use super::split::{Share, split};
use super::{CreditExchange, State, Terms};

/// At most so many communities honour one exchange.
const MOST_COMMUNITIES: usize = 3;

/// Helps counted in a community, with reason and points of the bonus that the last of them earns.
const BONUSES: [(u32, &str, i32); 4] = [
    (1, "first_help_bonus", 15),
    (10, "milestone_10_bonus", 25),
    (50, "milestone_50_bonus", 50),
    (100, "milestone_100_bonus", 100),
];

/// Helps given everywhere, with the badge that they earn.
const HELP_BADGES: [(u32, &str); 4] =
    [(1, "first_helper"), (10, "milestone_10"), (50, "milestone_50"), (100, "milestone_100")];

/// Distinct people to help for the badge [`CONNECTOR`].
const PEOPLE_OF_A_CONNECTOR: usize = 10;
const CONNECTOR: &str = "connector";

impl State {
    /// Once per match: points and bonuses per community, then badges and milestones that they lead to.
    pub(super) fn credit_exchange(&self, it: &CreditExchange) -> Vec<ReputationEvent> {
        if self.credited_as_helper.contains(&it.match_id) {
            return vec![];
        }
        let terms = self.honouring(it);
        let shares = split(&terms);
        let credits: Vec<Credit> = terms
            .iter()
            .zip(shares)
            .map(|(terms, share)| self.credit(terms, share, it.completed_at))
            .collect();

        let mut awards = Awards::of(self, Earning::of_helper(it));
        for (terms, credit) in terms.iter().zip(&credits) {
            awards.help(credit, terms.helper_percent, credits.len());
        }
        for (terms, credit) in terms.iter().zip(&credits) {
            if let Some((_, reason, _)) = self.next_bonus(credit.community_id) {
                awards.bonus(reason, credit, terms.helper_percent, credits.len());
            }
        }
        let badges = self.new_badges(it).map(|badge| earned(badge, it).into());
        let milestones = awards.milestones();
        let credited = ExchangeCredited {
            match_id: it.match_id,
            request_id: it.request_id,
            helper_id: it.helper,
            requester_id: it.requester,
            request_type: it.request_type.clone(),
            category: it.category.clone(),
            completed_at: it.completed_at,
            credits,
        };
        awards.events.into_iter().chain(badges).chain(milestones).chain([credited.into()]).collect()
    }

    /// Once per match: the points that the helper's standing decided.
    pub(super) fn credit_requester(&self, it: &CreditRequester) -> Vec<ReputationEvent> {
        if self.credited_as_requester.contains(&it.match_id) {
            return vec![];
        }
        let mut awards = Awards::of(self, Earning::of_requester(it));
        for credit in &it.credits {
            awards.received(credit, it.credits.len());
        }
        let milestones = awards.milestones();
        let received = ExchangeReceived {
            match_id: it.match_id,
            request_id: it.request_id,
            helper_id: it.helper_id,
            requester_id: it.user_id,
            completed_at: it.completed_at,
            community_ids: it.credits.iter().map(|it| it.community_id).collect(),
            points: it.credits.iter().map(|it| it.requester_points).sum(),
        };
        awards.events.into_iter().chain(milestones).chain([received.into()]).collect()
    }

    /// The communities that honour the exchange, in id order: those in which both sides are members, else the first; of
    /// too many, those in which the helper has earned most.
    fn honouring(&self, it: &CreditExchange) -> Vec<Terms> {
        let shared = |terms: &&Terms| terms.helper_since.is_some() && terms.requester_since.is_some();
        let mut honouring: Vec<Terms> = it.communities.iter().filter(shared).copied().collect();
        if honouring.is_empty() {
            honouring.extend(it.communities.first());
        }
        honouring.sort_by_key(|terms| (Reverse(self.karma_in(terms.community)), terms.community));
        honouring.truncate(MOST_COMMUNITIES);
        honouring.sort_by_key(|terms| terms.community);
        honouring
    }

    /// What both sides get in one community. The points of whoever has joined too lately lapse.
    fn credit(&self, terms: &Terms, share: Share, completed_at: Timestamp) -> Credit {
        let locked_out = |since| terms.locks_out(since, completed_at);
        let bonus = self.next_bonus(terms.community).map_or(0, |(_, _, points)| points);
        let helper = |points| if locked_out(terms.helper_since) { 0 } else { points };
        Credit {
            community_id: terms.community,
            helper_points: helper(share.helper),
            requester_points: if locked_out(terms.requester_since) { 0 } else { share.requester },
            bonus_points: helper(bonus),
            pool: terms.pool,
            multiplier_hundredths: terms.multiplier_hundredths,
            requester_share_percent: terms.requester_percent,
        }
    }

    /// The bonus that one more help in the community earns.
    fn next_bonus(&self, community: CommunityId) -> Option<(u32, &'static str, i32)> {
        let helps = self.helps_in(community).saturating_add(1);
        BONUSES.into_iter().find(|(mark, _, _)| *mark == helps)
    }

    /// The badges that one more help earns.
    fn new_badges(&self, it: &CreditExchange) -> impl Iterator<Item = &'static str> {
        let helps = self.helps_given.saturating_add(1);
        let people = self.people_helped.size() + usize::from(!self.people_helped.contains(&it.requester));
        let by_helps =
            HELP_BADGES.into_iter().filter(move |(mark, _)| *mark <= helps).map(|(_, badge)| badge);
        let by_people = (people >= PEOPLE_OF_A_CONNECTOR).then_some(CONNECTOR);
        by_helps.chain(by_people).filter(|badge| !self.badges.iter().any(|had| had == badge))
    }
}

impl Terms {
    /// Whether someone who is a member since then is too new to earn.
    fn locks_out(&self, since: Option<Timestamp>, completed_at: Timestamp) -> bool {
        let lockout = TimeDelta::days(self.lockout_days.into());
        self.lockout_days > 0 && since.is_some_and(|since| completed_at.since(since) < lockout)
    }
}

fn earned(badge: &str, it: &CreditExchange) -> BadgeEarned {
    BadgeEarned {
        user_id: it.helper,
        badge_type: badge.to_owned(),
        match_id: it.match_id,
        earned_at: it.completed_at,
    }
}

//! What was done in a community: exchanges, the people in them, and how they were rated.

use std::collections::BTreeSet;

use event_schemas::community::{
    CommunityEvent, CountExchange, CountQuality, ExchangeCounted, QualityCounted,
};
use event_schemas::{CommunityId, MatchId, UserId};
use serde::{Deserialize, Serialize};

use crate::growing::{Map, Set};

/// Counts of exchanges and their quality.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    community: CommunityId,
    exchanges: Set<MatchId>,
    participants: Set<UserId>,
    /// Ratings per match, at most one of each side.
    ratings: Map<MatchId, u8>,
    quality_sum: f64,
    quality_count: i32,
}

/// Both sides of a match rate once.
const MOST_RATINGS: u8 = 2;

impl Tally {
    pub(super) fn of(community: CommunityId) -> Self {
        Self {
            community,
            exchanges: Set::default(),
            participants: Set::default(),
            ratings: Map::default(),
            quality_sum: 0.0,
            quality_count: 0,
        }
    }

    pub(super) fn count_exchange(&self, count: &CountExchange) -> Vec<CommunityEvent> {
        if self.exchanges.contains(&count.match_id) {
            return vec![];
        }
        let newcomers: BTreeSet<_> = [count.helper_id, count.requester_id]
            .into_iter()
            .filter(|it| !self.participants.contains(it))
            .collect();
        let counted = ExchangeCounted {
            community_id: self.community,
            match_id: count.match_id,
            helper_id: count.helper_id,
            requester_id: count.requester_id,
            exchanges: number(self.exchanges.size() + 1),
            participants: number(self.participants.size() + newcomers.len()),
            at: count.completed_at,
        };
        vec![counted.into()]
    }

    /// The event does not name who rated; that nobody does twice is the match's own rule.
    pub(super) fn count_quality(&self, count: &CountQuality) -> Vec<CommunityEvent> {
        if self.ratings.get(&count.match_id).is_some_and(|it| *it >= MOST_RATINGS) {
            return vec![];
        }
        let counted = QualityCounted {
            community_id: self.community,
            match_id: count.match_id,
            quality_sum: self.quality_sum + count.quality,
            quality_count: self.quality_count + 1,
        };
        vec![counted.into()]
    }

    pub(super) fn exchange_counted(&mut self, event: &ExchangeCounted) {
        self.exchanges.insert_mut(event.match_id);
        self.participants.insert_mut(event.helper_id);
        self.participants.insert_mut(event.requester_id);
    }

    pub(super) fn quality_counted(&mut self, event: &QualityCounted) {
        let ratings = self.ratings.get(&event.match_id).map_or(1, |it| it.saturating_add(1));
        self.ratings.insert_mut(event.match_id, ratings);
        self.quality_sum = event.quality_sum;
        self.quality_count = event.quality_count;
    }
}

fn number(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

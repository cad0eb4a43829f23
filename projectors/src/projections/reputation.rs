//! `reputation`: karma, standings, exchanges, ratings and badges: facts only, decay and trust are computed on read.

use event_schemas::reputation::{ExchangeCredited, ExchangeReceived, KarmaAwarded, ReputationEvent};
use event_schemas::{CommunityId, Event, EventId, MatchId, RequestId, Timestamp, UserId};

use crate::projection::{Fact, Interest, Projection, Unfoldable};
use crate::row::row;
use crate::table::{AnyTable, Table};

row! {
    /// Points that were earned, or lost.
    struct KarmaRecord in "reputation.karma_records" (id: EventId) {
        user_id: UserId,
        community_id: CommunityId,
        points: i32,
        reason: String,
        match_id: MatchId,
        request_id: RequestId,
        created_at: Timestamp,
    }
}

row! {
    /// What a person has done in a community.
    struct Standing in "reputation.standings" (user_id: UserId, community_id: CommunityId) {
        total_karma: i64,
        helps_given: i32,
        helps_received: i32,
        bonus_karma: i64,
        last_activity_at: Timestamp,
        version: i64,
    }
}

row! {
    /// One side of an exchange in a credited community.
    struct Exchange in "reputation.exchanges" (match_id: MatchId, community_id: CommunityId, user_id: UserId) {
        counterparty_id: UserId,
        role: String,
        completed_at: Timestamp,
    }
}

row! {
    /// A rating that a person received.
    struct Rating in "reputation.ratings" (match_id: MatchId, user_id: UserId) {
        rating: f64,
        helpfulness: Option<i32>,
        responsiveness: Option<i32>,
        clarity: Option<i32>,
        given_at: Timestamp,
    }
}

row! {
    /// A badge.
    struct Badge in "reputation.badges" (user_id: UserId, badge_type: String) {
        match_id: MatchId,
        earned_at: Timestamp,
    }
}

/// The projection.
#[derive(Debug, Default)]
pub(crate) struct Reputation {
    pub(super) karma_records: Table<KarmaRecord>,
    pub(super) standings: Table<Standing>,
    pub(super) exchanges: Table<Exchange>,
    pub(super) ratings: Table<Rating>,
    pub(super) badges: Table<Badge>,
}

impl Projection for Reputation {
    fn interest(&self, _event_type: &str) -> Interest {
        Interest::Facts
    }

    fn fold(&mut self, fact: &Fact) -> Result<(), Unfoldable> {
        let Event::Reputation(event) = &fact.event else { return Ok(()) };
        let version = fact.envelope.aggregate_version;
        match event {
            ReputationEvent::KarmaAwarded(it) => self.awarded(fact.envelope.event_id, it, version),
            ReputationEvent::ExchangeCredited(it) => self.credited(it, version),
            ReputationEvent::ExchangeReceived(it) => self.received(it, version),
            ReputationEvent::BadgeEarned(it) => self.badges.put(Badge {
                user_id: it.user_id,
                badge_type: it.badge_type.clone(),
                match_id: it.match_id,
                earned_at: it.earned_at,
            }),
            ReputationEvent::FeedbackRecorded(it) => self.ratings.put(Rating {
                match_id: it.match_id,
                user_id: it.user_id,
                rating: it.rating,
                helpfulness: it.helpfulness,
                responsiveness: it.responsiveness,
                clarity: it.clarity,
                given_at: it.given_at,
            }),
            ReputationEvent::KarmaMilestoneReached(_) => {}
        }
        Ok(())
    }

    fn tables(&mut self) -> Vec<&mut dyn AnyTable> {
        vec![
            &mut self.karma_records,
            &mut self.standings,
            &mut self.exchanges,
            &mut self.ratings,
            &mut self.badges,
        ]
    }
}

impl Reputation {
    fn awarded(&mut self, id: EventId, it: &KarmaAwarded, version: i64) {
        self.karma_records.put(KarmaRecord {
            id,
            user_id: it.user_id,
            community_id: it.community_id,
            points: it.points,
            reason: it.reason.clone(),
            match_id: it.match_id,
            request_id: it.request_id,
            created_at: it.earned_at,
        });
        self.change_standing(it.user_id, it.community_id, it.earned_at, version, |standing| {
            standing.total_karma += i64::from(it.points);
            if !matches!(it.reason.as_str(), "helped_with_request" | "received_help") {
                standing.bonus_karma += i64::from(it.points);
            }
        });
    }

    fn credited(&mut self, it: &ExchangeCredited, version: i64) {
        for credit in &it.credits {
            self.exchanges.put(Exchange {
                match_id: it.match_id,
                community_id: credit.community_id,
                user_id: it.helper_id,
                counterparty_id: it.requester_id,
                role: "helper".to_owned(),
                completed_at: it.completed_at,
            });
            self.change_standing(it.helper_id, credit.community_id, it.completed_at, version, |standing| {
                standing.helps_given += 1;
            });
        }
    }

    fn received(&mut self, it: &ExchangeReceived, version: i64) {
        for &community_id in &it.community_ids {
            self.exchanges.put(Exchange {
                match_id: it.match_id,
                community_id,
                user_id: it.requester_id,
                counterparty_id: it.helper_id,
                role: "requester".to_owned(),
                completed_at: it.completed_at,
            });
            self.change_standing(it.requester_id, community_id, it.completed_at, version, |standing| {
                standing.helps_received += 1;
            });
        }
    }

    /// Changes the standing, which begins with the first fact about it.
    fn change_standing(
        &mut self,
        user_id: UserId,
        community_id: CommunityId,
        at: Timestamp,
        version: i64,
        change: impl FnOnce(&mut Standing),
    ) {
        let mut standing = self.standings.get(&(user_id, community_id)).cloned().unwrap_or(Standing {
            user_id,
            community_id,
            total_karma: 0,
            helps_given: 0,
            helps_received: 0,
            bonus_karma: 0,
            last_activity_at: at,
            version,
        });
        change(&mut standing);
        standing.last_activity_at = standing.last_activity_at.max(at);
        standing.version = version;
        self.standings.put(standing);
    }
}

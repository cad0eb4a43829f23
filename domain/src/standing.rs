//! A person's standing: karma per community, helps given, badges, ratings received.
//!
//! It has one live state and exists from its first event. Karma arises only from completed exchanges, by policy; nothing
//! is ever refused, and an exchange counts once. Decay and trust are computed where they are read.

mod awards;
mod command;
mod crediting;
mod split;

use std::collections::BTreeMap;

use event_schemas::reputation::{ExchangeCredited, FeedbackRecorded, KarmaAwarded, ReputationEvent};
use event_schemas::{CommunityId, MatchId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::growing::Set;
use crate::{Aggregate, Meta, Refusal, Timer};

pub use command::{Command, CreditExchange, Terms};
pub use event_schemas::reputation::{CreditRequester, RecordFeedback};

/// What a person has earned.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    communities: BTreeMap<CommunityId, Earned>,
    total_karma: i32,
    helps_given: u32,
    people_helped: Set<UserId>,
    badges: Vec<String>,
    milestones: Vec<i32>,
    credited_as_helper: Set<MatchId>,
    credited_as_requester: Set<MatchId>,
    rated: Set<MatchId>,
}

/// What a person has earned in one community.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Earned {
    /// Lifetime points; a negative share can take it below zero.
    karma: i32,
    /// Exchanges as helper that count here.
    helps: u32,
}

/// There is no refusal: policies only ask for what has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        match rejection {}
    }
}

impl Aggregate for State {
    type Command = Command;
    type Event = ReputationEvent;
    type Rejection = Rejection;

    fn decide(&self, command: &Command, _now: Timestamp) -> Result<Vec<ReputationEvent>, Rejection> {
        Ok(match command {
            Command::CreditExchange(it) => self.credit_exchange(it),
            Command::CreditRequester(it) => self.credit_requester(it),
            Command::RecordFeedback(it) => self.record_feedback(it),
        })
    }

    fn evolve(&mut self, event: &ReputationEvent, _meta: Meta) {
        match event {
            ReputationEvent::KarmaAwarded(it) => self.karma_awarded(it),
            ReputationEvent::ExchangeCredited(it) => self.exchange_credited(it),
            ReputationEvent::ExchangeReceived(it) => {
                self.credited_as_requester.insert_mut(it.match_id);
            }
            ReputationEvent::BadgeEarned(it) => self.badges.push(it.badge_type.clone()),
            ReputationEvent::KarmaMilestoneReached(it) => self.milestones.push(it.milestone),
            ReputationEvent::FeedbackRecorded(it) => {
                self.rated.insert_mut(it.match_id);
            }
        }
    }

    fn timer(&self) -> Option<Timer<Command>> {
        None
    }

    fn community_of(&self, event: &ReputationEvent) -> Option<CommunityId> {
        match event {
            ReputationEvent::KarmaAwarded(it) => Some(it.community_id),
            ReputationEvent::ExchangeCredited(it) => match it.credits.as_slice() {
                [only] => Some(only.community_id),
                [] | [_, _, ..] => None,
            },
            ReputationEvent::ExchangeReceived(it) => match it.community_ids.as_slice() {
                [only] => Some(*only),
                [] | [_, _, ..] => None,
            },
            ReputationEvent::BadgeEarned(_)
            | ReputationEvent::KarmaMilestoneReached(_)
            | ReputationEvent::FeedbackRecorded(_) => None,
        }
    }
}

impl State {
    /// Lifetime karma in a community, points.
    #[must_use]
    pub fn karma_in(&self, community: CommunityId) -> i32 {
        self.earned_in(community).karma
    }

    /// Lifetime karma everywhere, points.
    #[must_use]
    pub const fn total_karma(&self) -> i32 {
        self.total_karma
    }

    /// Exchanges as helper that count in a community.
    #[must_use]
    pub fn helps_in(&self, community: CommunityId) -> u32 {
        self.earned_in(community).helps
    }

    fn earned_in(&self, community: CommunityId) -> Earned {
        self.communities.get(&community).copied().unwrap_or_default()
    }

    fn record_feedback(&self, it: &RecordFeedback) -> Vec<ReputationEvent> {
        if self.rated.contains(&it.match_id) {
            return vec![];
        }
        let recorded = FeedbackRecorded {
            user_id: it.user_id,
            match_id: it.match_id,
            rating: it.rating,
            helpfulness: it.helpfulness,
            responsiveness: it.responsiveness,
            clarity: it.clarity,
            given_at: it.given_at,
        };
        vec![recorded.into()]
    }

    fn karma_awarded(&mut self, it: &KarmaAwarded) {
        self.communities.entry(it.community_id).or_default().karma = it.community_karma;
        self.total_karma = it.total_karma;
    }

    fn exchange_credited(&mut self, it: &ExchangeCredited) {
        if self.credited_as_helper.contains(&it.match_id) {
            return;
        }
        self.credited_as_helper.insert_mut(it.match_id);
        self.helps_given = self.helps_given.saturating_add(1);
        self.people_helped.insert_mut(it.requester_id);
        for credit in &it.credits {
            let earned = self.communities.entry(credit.community_id).or_default();
            earned.helps = earned.helps.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests;

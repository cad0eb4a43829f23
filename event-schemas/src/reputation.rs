//! Payloads of `reputation-events` and `reputation-commands`: karma, badges, ratings.

use serde::{Deserialize, Serialize};

use crate::catalog::payloads;
use crate::{CommunityId, MatchId, RequestId, SealedFields, Timestamp, UserId};

payloads! {
    /// Facts, as they stand on `reputation-events`.
    ReputationEvent: Event of Reputation in "reputation" {
        KarmaAwarded(Standing, "karma", ["karma_awarded"], Public, ["v1"]);
        ExchangeCredited(Standing, "exchange", ["exchange_credited"], Public, ["v1"]);
        ExchangeReceived(Standing, "exchange", [], Public, ["v1"]);
        BadgeEarned(Standing, "badge", ["badge_earned"], Public, ["v1"]);
        KarmaMilestoneReached(Standing, "karma_milestone", ["karma_milestone"], Public, ["v1"]);
        FeedbackRecorded(Standing, "feedback", ["feedback_recorded"], Public, ["v1"]);
    }
}

payloads! {
    /// Commands that policies send, as they stand on `reputation-commands`.
    ReputationCommand: Command of Reputation in "reputation" {
        CreditExchange(Standing, "exchange", [], Public, ["v1"]);
        CreditRequester(Standing, "exchange", [], Public, ["v1"]);
        RecordFeedback(Standing, "feedback", [], Public, ["v1"]);
    }
}

/// Points of one exchange in one community.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KarmaAwarded {
    /// The earner.
    pub user_id: UserId,
    /// The community.
    pub community_id: CommunityId,
    /// Points, may be negative, never 0.
    pub points: i32,
    /// For what: `helped_with_request`, `received_help`, `first_help_bonus`, `milestone_10_bonus`, `milestone_50_bonus`, `milestone_100_bonus`.
    pub reason: String,
    /// The exchange.
    pub match_id: MatchId,
    /// Its request.
    pub request_id: RequestId,
    /// When the exchange was completed.
    pub earned_at: Timestamp,
    /// Lifetime karma in the community afterwards, points.
    pub community_karma: i32,
    /// Lifetime karma everywhere afterwards, points.
    pub total_karma: i32,
    /// How the points came about.
    pub details: KarmaDetails,
}

impl SealedFields for KarmaAwarded {}

/// An exchange was credited to its helper.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExchangeCredited {
    /// The exchange.
    pub match_id: MatchId,
    /// Its request.
    pub request_id: RequestId,
    /// Who helped.
    pub helper_id: UserId,
    /// Who was helped.
    pub requester_id: UserId,
    /// Type of the request: `generic`, `ride`, `borrow`, `service`, `event`.
    pub request_type: String,
    /// Category; null when it is sealed.
    #[serde(default)]
    pub category: Option<String>,
    /// When it was completed.
    pub completed_at: Timestamp,
    /// Points per community.
    pub credits: Vec<Credit>,
}

impl SealedFields for ExchangeCredited {}

/// An exchange was credited to its requester.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExchangeReceived {
    /// The exchange.
    pub match_id: MatchId,
    /// Its request.
    pub request_id: RequestId,
    /// Who helped.
    pub helper_id: UserId,
    /// Who was helped.
    pub requester_id: UserId,
    /// When it was completed.
    pub completed_at: Timestamp,
    /// The credited communities.
    pub community_ids: Vec<CommunityId>,
    /// Sum of the requester's points.
    pub points: i32,
}

impl SealedFields for ExchangeReceived {}

/// A badge, once and for ever.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BadgeEarned {
    /// The earner.
    pub user_id: UserId,
    /// Which badge: `first_helper`, `milestone_10`, `milestone_50`, `milestone_100`, `connector`.
    pub badge_type: String,
    /// The exchange that earned it.
    pub match_id: MatchId,
    /// When that was completed.
    pub earned_at: Timestamp,
}

impl SealedFields for BadgeEarned {}

/// Lifetime karma passed a mark for the first time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KarmaMilestoneReached {
    /// The earner.
    pub user_id: UserId,
    /// The mark, of 10, 50, 100, 250, 500, 1000 points.
    pub milestone: i32,
    /// Lifetime karma afterwards, points.
    pub total_karma: i32,
}

impl SealedFields for KarmaMilestoneReached {}

/// A rating was received.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FeedbackRecorded {
    /// The rated person.
    pub user_id: UserId,
    /// The exchange.
    pub match_id: MatchId,
    /// 1-5.
    pub rating: f64,
    /// 1-5.
    #[serde(default)]
    pub helpfulness: Option<i32>,
    /// 1-5.
    #[serde(default)]
    pub responsiveness: Option<i32>,
    /// 1-5.
    #[serde(default)]
    pub clarity: Option<i32>,
    /// When it was given.
    pub given_at: Timestamp,
}

impl SealedFields for FeedbackRecorded {}

/// Credit a completed exchange to its helper.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreditExchange {
    /// The helper, whose standing this is.
    pub user_id: UserId,
    /// The exchange.
    pub match_id: MatchId,
    /// Its request.
    pub request_id: RequestId,
    /// Who was helped.
    pub requester_id: UserId,
    /// First community of the request.
    pub community_id: CommunityId,
    /// All communities of the request.
    pub community_ids: Vec<CommunityId>,
    /// Type of the request: `generic`, `ride`, `borrow`, `service`, `event`.
    pub request_type: String,
    /// Category; null when it is sealed.
    #[serde(default)]
    pub category: Option<String>,
    /// When it was completed.
    pub completed_at: Timestamp,
}

impl SealedFields for CreditExchange {}

/// Credit an exchange to its requester.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreditRequester {
    /// The requester, whose standing this is.
    pub user_id: UserId,
    /// The exchange.
    pub match_id: MatchId,
    /// Its request.
    pub request_id: RequestId,
    /// Who helped.
    pub helper_id: UserId,
    /// When it was completed.
    pub completed_at: Timestamp,
    /// Points per community, as the helper's standing decided.
    pub credits: Vec<Credit>,
}

impl SealedFields for CreditRequester {}

/// Record a rating.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordFeedback {
    /// The rated person, whose standing this is.
    pub user_id: UserId,
    /// The exchange.
    pub match_id: MatchId,
    /// 1-5.
    pub rating: f64,
    /// 1-5.
    #[serde(default)]
    pub helpfulness: Option<i32>,
    /// 1-5.
    #[serde(default)]
    pub responsiveness: Option<i32>,
    /// 1-5.
    #[serde(default)]
    pub clarity: Option<i32>,
    /// When it was given.
    pub given_at: Timestamp,
}

impl SealedFields for RecordFeedback {}

/// How the points of one award came about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KarmaDetails {
    /// Pool of the community, points.
    pub pool: i32,
    /// Multiplier in hundredths.
    pub multiplier_hundredths: i32,
    /// Share of the earner in percent.
    pub share_percent: i32,
    /// Number of credited communities.
    pub communities: i32,
}

/// Points of one exchange in one community.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Credit {
    /// The community.
    pub community_id: CommunityId,
    /// Points of the helper without bonus.
    pub helper_points: i32,
    /// Points of the requester.
    pub requester_points: i32,
    /// Bonus of the helper.
    pub bonus_points: i32,
    /// Pool of the community, points.
    pub pool: i32,
    /// Multiplier in hundredths.
    pub multiplier_hundredths: i32,
    /// Share of the requester in percent.
    pub requester_share_percent: i32,
}

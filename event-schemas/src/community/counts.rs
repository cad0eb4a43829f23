//! Payloads about what a community counts: exchanges and their quality.

use serde::{Deserialize, Serialize};

use crate::{CommunityId, MatchId, SealedFields, Timestamp, UserId};

/// A credited exchange was counted here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExchangeCounted {
    /// The community.
    pub community_id: CommunityId,
    /// The match.
    pub match_id: MatchId,
    /// Who helped.
    pub helper_id: UserId,
    /// Who was helped.
    pub requester_id: UserId,
    /// Exchanges counted so far, this one included.
    pub exchanges: i32,
    /// Distinct people in them.
    pub participants: i32,
    /// When the exchange was completed.
    pub at: Timestamp,
}

impl SealedFields for ExchangeCounted {}

/// A rating was counted here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QualityCounted {
    /// The community.
    pub community_id: CommunityId,
    /// The match.
    pub match_id: MatchId,
    /// Sum of qualities so far, each 1-5.
    pub quality_sum: f64,
    /// Ratings counted so far.
    pub quality_count: i32,
}

impl SealedFields for QualityCounted {}

/// Count a credited exchange.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CountExchange {
    /// The community.
    pub community_id: CommunityId,
    /// The match.
    pub match_id: MatchId,
    /// Who helped.
    pub helper_id: UserId,
    /// Who was helped.
    pub requester_id: UserId,
    /// When it was completed.
    pub completed_at: Timestamp,
}

impl SealedFields for CountExchange {}

/// Count a rating.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CountQuality {
    /// The community.
    pub community_id: CommunityId,
    /// The match.
    pub match_id: MatchId,
    /// Who rated.
    pub giver_id: UserId,
    /// The rating's quality, 1-5.
    pub quality: f64,
}

impl SealedFields for CountQuality {}

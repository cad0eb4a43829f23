//! What people hear of what they have earned.

use event_schemas::reputation::{ExchangeCredited, ReputationEvent};
use event_schemas::{CommunityId, MatchId, RequestId, UserId};

use super::Notice;
use crate::inbox::Kind;

/// The notices of an event.
pub(super) fn notices(event: &ReputationEvent) -> Vec<Notice> {
    match event {
        ReputationEvent::ExchangeCredited(it) => {
            let communities: Vec<_> = it.credits.iter().map(|credit| credit.community_id).collect();
            awarded(it.helper_id, it.match_id, it.request_id, points(it), &communities)
        }
        ReputationEvent::ExchangeReceived(it) => {
            awarded(it.requester_id, it.match_id, it.request_id, it.points, &it.community_ids)
        }
        ReputationEvent::KarmaMilestoneReached(it) => vec![
            Notice::of(Kind::KarmaMilestone, it.user_id, it.user_id)
                .with("milestone", it.milestone)
                .with("totalKarma", it.total_karma),
        ],
        ReputationEvent::BadgeEarned(it) => vec![
            Notice::of(Kind::BadgeEarned, it.user_id, it.user_id)
                .with("badgeType", &it.badge_type)
                .with("matchId", it.match_id),
        ],
        ReputationEvent::KarmaAwarded(_) | ReputationEvent::FeedbackRecorded(_) => Vec::new(),
    }
}

/// One notice per exchange, with the sum of its points; none when that is 0.
fn awarded(
    earner: UserId,
    match_id: MatchId,
    request_id: RequestId,
    points: i32,
    communities: &[CommunityId],
) -> Vec<Notice> {
    if points == 0 {
        return Vec::new();
    }
    let notice = Notice::of(Kind::KarmaAwarded, earner, match_id)
        .within(communities)
        .with("matchId", match_id)
        .with("requestId", request_id)
        .with("points", points);
    vec![notice]
}

/// The helper's points, bonuses included.
fn points(event: &ExchangeCredited) -> i32 {
    event.credits.iter().map(|credit| credit.helper_points + credit.bonus_points).sum()
}

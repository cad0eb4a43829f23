//! How long a request lives, and how long its texts outlive it.
//!
//! Each date is computed once, when the fact happens, and stands in the event; a later change of settings affects only
//! what is created or ended afterwards.

use chrono::TimeDelta;
use event_schemas::{CommunityId, Timestamp};

use crate::views::{CommunityFacts, Views};

/// Days after which the texts of a cancelled request are forgotten.
const CANCELLED_WINDOW_DAYS: i32 = 7;

/// Time before setting out at which a helper is reminded.
const REMINDER_LEAD: TimeDelta = TimeDelta::minutes(15);

/// How long texts outlive their request: the smallest windows of its communities, in days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// After completion, 1-365 days.
    pub completed_days: i32,
    /// After expiry, 1-365 days.
    pub expired_days: i32,
}

/// What a community has that never changed its settings.
impl Default for Windows {
    fn default() -> Self {
        Self { completed_days: 180, expired_days: 7 }
    }
}

impl Windows {
    /// The smallest windows of these communities, as far as the views know them; those of unchanged settings when they
    /// know none.
    #[must_use]
    pub fn of(communities: &[CommunityId], views: &dyn Views) -> Self {
        let own = communities.iter().filter_map(|it| views.community(*it)).map(|it| Self::in_community(&it));
        own.reduce(Self::min).unwrap_or_default()
    }

    /// When the texts of a request completed at `at` are forgotten.
    #[must_use]
    pub fn after_completion(self, at: Timestamp) -> Timestamp {
        at + days(self.completed_days)
    }

    /// When the texts of a request that expired at `at` are forgotten.
    #[must_use]
    pub fn after_expiry(self, at: Timestamp) -> Timestamp {
        at + days(self.expired_days)
    }

    fn in_community(facts: &CommunityFacts) -> Self {
        Self {
            completed_days: facts.settings.completed_request_window_days,
            expired_days: facts.settings.expired_request_window_days,
        }
    }

    fn min(self, other: Self) -> Self {
        Self {
            completed_days: self.completed_days.min(other.completed_days),
            expired_days: self.expired_days.min(other.expired_days),
        }
    }
}

/// When a request created at `at` expires, given the time to live of its first community in days.
pub(super) fn expiry(at: Timestamp, ttl_days: i32) -> Timestamp {
    at + days(ttl_days)
}

/// When the texts of a request cancelled at `at` are forgotten.
pub(super) fn after_cancellation(at: Timestamp) -> Timestamp {
    at + days(CANCELLED_WINDOW_DAYS)
}

/// When the helper is reminded: in time to travel, at once when that is past; never when it is too late anyway.
pub(super) fn reminder(
    scheduled_at: Option<Timestamp>,
    travel_time_minutes: i32,
    accepted_at: Timestamp,
) -> Option<Timestamp> {
    let scheduled_at = scheduled_at.filter(|it| *it > accepted_at)?;
    let in_time = scheduled_at - TimeDelta::minutes(travel_time_minutes.into()) - REMINDER_LEAD;
    Some(in_time.max(accepted_at))
}

fn days(count: i32) -> TimeDelta {
    TimeDelta::days(count.into())
}

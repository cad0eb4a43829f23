//! One module per view: what it looks like, its SQL, its handler.

pub(crate) mod accounts;
pub(crate) mod communities;
pub(crate) mod community;
pub(crate) mod community_health;
pub(crate) mod community_terms;
pub(crate) mod feed;
pub(crate) mod feed_preferences;
pub(crate) mod history;
pub(crate) mod join_requests;
pub(crate) mod karma;
pub(crate) mod leaderboard;
pub(crate) mod matches;
pub(crate) mod members;
pub(crate) mod notice_preferences;
pub(crate) mod notice_text;
pub(crate) mod notice_types;
pub(crate) mod notifications;
pub(crate) mod projections;
pub(crate) mod request;
pub(crate) mod requests;
pub(crate) mod sessions;
pub(crate) mod summary;
pub(crate) mod trust;
pub(crate) mod user_settings;
pub(crate) mod users;

use service_kit::answer::{Answer, Problem};

/// What a handler gives.
pub(crate) type Answered<T> = Result<Answer<T>, Problem>;

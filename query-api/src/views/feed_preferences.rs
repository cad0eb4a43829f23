//! GET /feed/preferences: both sets of preferences. No event changes them yet, so everybody has the defaults.

use serde::Serialize;
use service_kit::answer::Answer;
use service_kit::auth::SignedIn;

use super::Answered;

/// What a feed shows, and how far it looks.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Preferences {
    pub(super) show_community_activity: bool,
    pub(super) show_open_requests: bool,
    show_completed_exchanges: bool,
    pub(super) suggest_adjacent_requests: bool,
    exploration_level: &'static str,
    pub(super) show_explanations: bool,
    show_broader_stories: bool,
    allow_public_featuring: bool,
    feed_show_trust_network: bool,
    feed_trust_network_max_degrees: u32,
    feed_show_platform: bool,
    feed_platform_categories: Vec<&'static str>,
    is_default: bool,
}

/// The defaults of the specification (feed.md 1, user.md 9).
impl Default for Preferences {
    fn default() -> Self {
        Self {
            show_community_activity: true,
            show_open_requests: true,
            show_completed_exchanges: false,
            suggest_adjacent_requests: true,
            exploration_level: "balanced",
            show_explanations: true,
            show_broader_stories: true,
            allow_public_featuring: true,
            feed_show_trust_network: true,
            feed_trust_network_max_degrees: 3,
            feed_show_platform: false,
            feed_platform_categories: vec!["digital", "questions"],
            is_default: true,
        }
    }
}

/// The caller's preferences.
pub(crate) async fn show(_: SignedIn) -> Answered<Preferences> {
    Ok(Answer::ok(Preferences::default()))
}

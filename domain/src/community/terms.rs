//! On which terms a community lives: its settings and its config, as defaults and as folds of their events.
//!
//! Two facts have two names. The karma half-life is `reputationHalfLifeMonths` (× 30 days) among the settings and
//! `karmaDecayHalfLifeDays` in the config; the cap is `maxMembers` among the details and `memberCap` in the config.
//! Each is kept once, in the config, and folded from either event.

use event_schemas::community::{
    CommunityConfigChanged, CommunityEvent, CommunitySettingsChanged, RequestTypeConfig,
};
use serde::{Deserialize, Serialize};

use super::details::MOST_MEMBERS;

/// Days of a month, wherever months are counted.
pub(super) const DAYS_OF_MONTH: f64 = 30.0;
/// The request types that exist without any config.
const BUILT_IN_TYPES: [&str; 5] = ["generic", "ride", "borrow", "service", "event"];
/// Multiplier of what no entry names, in hundredths.
const PLAIN_MULTIPLIER: i32 = 100;

/// Settings and config together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Terms {
    /// Lifetimes and the like.
    pub settings: Settings,
    /// Karma, trust and visibility.
    pub config: Config,
}

/// Lifetimes and the like; admins change them. The karma half-life is kept in [`Config`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Life of an open request in days, 1-365.
    pub request_ttl_days: i32,
    /// Life of an offer in days, 1-365.
    pub offer_ttl_days: i32,
    /// Days until a message is hidden, 1-365.
    pub message_ttl_days: i32,
    /// Life of a notification in days, 1-365.
    pub notification_ttl_days: i32,
    /// Days until the texts of a completed request are forgotten, 1-365.
    pub completed_request_window_days: i32,
    /// Days until a message is forgotten, 1-365.
    pub message_window_days: i32,
    /// Days until an expired or cancelled request is forgotten, 1-365.
    pub expired_request_window_days: i32,
    /// Facts that count as activity.
    pub activity_types: Vec<String>,
    /// Whether there is a leaderboard.
    pub leaderboard_enabled: bool,
}

/// Karma, trust and visibility; the founder changes them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// Most active members, 1-150; the details' `maxMembers`.
    pub member_cap: i32,
    /// `public`, `members_only` or `hybrid`.
    pub visibility_mode: String,
    /// Whether outsiders may respond to requests.
    pub outsider_response_allowed: bool,
    /// Types and labels with their multipliers, at least one.
    pub enabled_request_types: Vec<RequestTypeConfig>,
    /// `community`, `trust_network` or `platform`.
    pub default_request_scope: String,
    /// Whether requests wait for approval.
    pub request_approval_required: bool,
    /// Karma of one exchange, 10-1000 points.
    pub base_karma_pool_per_request: i32,
    /// Helper's share in percent, 0-100.
    pub karma_split_helper: i32,
    /// Requester's share in percent, -50 to 100.
    pub karma_split_requester: i32,
    /// Karma half-life in days, 0-720; 0 is no decay. The settings' `reputationHalfLifeMonths` × 30.
    pub karma_decay_half_life_days: f64,
    /// Days without karma after joining, 0-30.
    pub new_member_karma_lockout_days: i32,
    /// Weight of repeat partners, 0-1.
    pub trust_depth_weight: f64,
    /// Weight of many partners, 0-1; with the other it makes 1.
    pub trust_breadth_weight: f64,
    /// Neutral rating, 1.0-4.9.
    pub trust_feedback_threshold: f64,
    /// Exchanges for the bonus, 1-10.
    pub min_interactions_for_trust: i32,
    /// Whether trust carries over from elsewhere.
    pub trust_carry_enabled: bool,
    /// Share that carries over, 0-1.
    pub trust_carry_factor: f64,
    /// Most trust that carries over, 0-100.
    pub trust_carry_cap: i32,
    /// Half-life of edges in days, 30-365.
    pub trust_decay_half_life_days: i32,
    /// Longest path, 1-5 hops.
    pub trust_path_max_hops: i32,
    /// Weight of bonding, 0-1.
    pub community_trust_bonding_weight: f64,
    /// Weight of bridging, 0-1; with the other it makes 1.
    pub community_trust_bridging_weight: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            request_ttl_days: 60,
            offer_ttl_days: 60,
            message_ttl_days: 90,
            notification_ttl_days: 30,
            completed_request_window_days: 180,
            message_window_days: 180,
            expired_request_window_days: 7,
            activity_types: vec!["complete_request".to_owned(), "complete_offer".to_owned()],
            leaderboard_enabled: true,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        let plain = |name: &str| RequestTypeConfig {
            name: name.to_owned(),
            description: None,
            karma_multiplier_hundredths: PLAIN_MULTIPLIER,
        };
        Self {
            member_cap: MOST_MEMBERS,
            visibility_mode: "public".to_owned(),
            outsider_response_allowed: false,
            enabled_request_types: BUILT_IN_TYPES.map(plain).to_vec(),
            default_request_scope: "community".to_owned(),
            request_approval_required: false,
            base_karma_pool_per_request: 100,
            karma_split_helper: 60,
            karma_split_requester: 40,
            karma_decay_half_life_days: 180.0,
            new_member_karma_lockout_days: 0,
            trust_depth_weight: 0.60,
            trust_breadth_weight: 0.40,
            trust_feedback_threshold: 3.0,
            min_interactions_for_trust: 1,
            trust_carry_enabled: true,
            trust_carry_factor: 0.40,
            trust_carry_cap: 59,
            trust_decay_half_life_days: 90,
            trust_path_max_hops: 3,
            community_trust_bonding_weight: 0.60,
            community_trust_bridging_weight: 0.40,
        }
    }
}

impl Terms {
    /// The terms after an event; one that is not about them leaves them as they are.
    pub fn fold(&mut self, event: &CommunityEvent) {
        match event {
            CommunityEvent::CommunityCreated(event) => self.config.member_cap = event.max_members,
            CommunityEvent::CommunityUpdated(event) => {
                self.config.member_cap = event.max_members.unwrap_or(self.config.member_cap);
            }
            CommunityEvent::CommunitySettingsChanged(event) => self.fold_settings(event),
            CommunityEvent::CommunityConfigChanged(event) => self.config.fold(event),
            CommunityEvent::CommunityArchived(_)
            | CommunityEvent::UserJoinedCommunity(_)
            | CommunityEvent::UserLeftCommunity(_)
            | CommunityEvent::MemberRoleChanged(_)
            | CommunityEvent::JoinRequestCreated(_)
            | CommunityEvent::JoinRequestApproved(_)
            | CommunityEvent::JoinRequestRejected(_)
            | CommunityEvent::JoinRequestWithdrawn(_)
            | CommunityEvent::JoinMessageForgotten(_)
            | CommunityEvent::ExchangeCounted(_)
            | CommunityEvent::QualityCounted(_) => {}
        }
    }

    /// Karma half-life in months of 30 days, as the settings name it; 0 is no decay.
    #[must_use]
    pub fn reputation_half_life_months(&self) -> f64 {
        self.config.karma_decay_half_life_days / DAYS_OF_MONTH
    }

    fn fold_settings(&mut self, event: &CommunitySettingsChanged) {
        self.settings.fold(event);
        if let Some(months) = event.reputation_half_life_months {
            self.config.karma_decay_half_life_days = months * DAYS_OF_MONTH;
        }
    }
}

impl Config {
    /// Whether requests of this type are taken. If an entry names a built-in type, only named ones are, else all five.
    #[must_use]
    pub fn takes(&self, request_type: &str) -> bool {
        let named = |name: &str| self.enabled_request_types.iter().any(|it| it.name == name);
        named(request_type) || !BUILT_IN_TYPES.into_iter().any(named)
    }

    /// Multiplier of a request in hundredths: of the label that its category equals, else of its type, else 100.
    #[must_use]
    pub fn multiplier_hundredths(&self, request_type: &str, category: Option<&str>) -> i32 {
        let entry = |name: &str| self.enabled_request_types.iter().find(|it| it.name == name);
        let label = category.filter(|it| !BUILT_IN_TYPES.contains(it)).and_then(entry);
        label.or_else(|| entry(request_type)).map_or(PLAIN_MULTIPLIER, |it| it.karma_multiplier_hundredths)
    }

    /// Whether an entry is a label with this name: an entry that is no built-in type.
    #[must_use]
    pub fn has_label(&self, name: &str) -> bool {
        !BUILT_IN_TYPES.contains(&name) && self.enabled_request_types.iter().any(|it| it.name == name)
    }
}

/// Folds and compares a group of facts field by field, so that a new field is one more name in a list.
macro_rules! changes {
    ($facts:ident by $event:ident, also [$($also:ident),*]: $($field:ident),* $(,)?) => {
        impl $facts {
            /// Takes over what the event names.
            pub(super) fn fold(&mut self, event: &$event) {
                $(if let Some(value) = &event.$field {
                    self.$field.clone_from(value);
                })*
            }

            /// Whether the event names no field.
            pub(super) fn nothing_in(event: &$event) -> bool {
                true $(&& event.$also.is_none())* $(&& event.$field.is_none())*
            }

            /// The event without what is already so.
            pub(super) fn changes_in(&self, wanted: $event) -> $event {
                $event {
                    community_id: wanted.community_id,
                    $($also: wanted.$also,)*
                    $($field: wanted.$field.filter(|it| *it != self.$field),)*
                }
            }
        }
    };
}

changes! {
    Settings by CommunitySettingsChanged, also [reputation_half_life_months]:
    request_ttl_days, offer_ttl_days, message_ttl_days, notification_ttl_days, completed_request_window_days,
    message_window_days, expired_request_window_days, activity_types, leaderboard_enabled,
}

changes! {
    Config by CommunityConfigChanged, also [template_id, copied_from_id]:
    member_cap, visibility_mode, outsider_response_allowed, enabled_request_types, default_request_scope,
    request_approval_required, base_karma_pool_per_request, karma_split_helper, karma_split_requester,
    karma_decay_half_life_days, new_member_karma_lockout_days, trust_depth_weight, trust_breadth_weight,
    trust_feedback_threshold, min_interactions_for_trust, trust_carry_enabled, trust_carry_factor,
    trust_carry_cap, trust_decay_half_life_days, trust_path_max_hops, community_trust_bonding_weight,
    community_trust_bridging_weight,
}

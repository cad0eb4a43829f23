//! Settings and config of a community: rows, defaults and changes.

use event_schemas::community::{
    CommunityConfigChanged, CommunityCreated, CommunitySettingsChanged, RequestTypeConfig,
};
use event_schemas::{CommunityId, Timestamp};
use serde_json::{Value, json};

use super::{At, Community};
use crate::projections::{change, change_or_clear};
use crate::row::row;

/// Settings count the half-life in months of so many days, config in days.
const DAYS_PER_MONTH: f64 = 30.0;

row! {
    /// What admins set.
    struct Settings in "community.settings" (community_id: CommunityId) {
        request_ttl_days: i32,
        offer_ttl_days: i32,
        message_ttl_days: i32,
        notification_ttl_days: i32,
        completed_request_window_days: i32,
        message_window_days: i32,
        expired_request_window_days: i32,
        reputation_half_life_months: f64,
        activity_types: Vec<String>,
        leaderboard_enabled: bool,
        updated_at: Timestamp,
        version: i64,
    }
}

row! {
    /// What the founder sets. Columns that no event changes yet have defaults in the database.
    struct Config in "community.configs" (community_id: CommunityId) {
        template_id: Option<String>,
        member_cap: i32,
        visibility_mode: String,
        outsider_response_allowed: bool,
        enabled_request_types: Value,
        default_request_scope: String,
        request_approval_required: bool,
        base_karma_pool_per_request: i32,
        karma_split_helper: i32,
        karma_split_requester: i32,
        karma_decay_half_life_days: f64,
        new_member_karma_lockout_days: i32,
        trust_depth_weight: f64,
        trust_breadth_weight: f64,
        trust_feedback_threshold: f64,
        min_interactions_for_trust: i32,
        trust_carry_enabled: bool,
        trust_carry_factor: f64,
        trust_carry_cap: i32,
        trust_decay_half_life_days: i32,
        trust_path_max_hops: i32,
        community_trust_bonding_weight: f64,
        community_trust_bridging_weight: f64,
        updated_at: Timestamp,
        version: i64,
    }
}

impl Settings {
    /// The defaults of the specification (community.md, section 5).
    pub(super) fn initial(at: At) -> Self {
        Self {
            community_id: at.community,
            request_ttl_days: 60,
            offer_ttl_days: 60,
            message_ttl_days: 90,
            notification_ttl_days: 30,
            completed_request_window_days: 180,
            message_window_days: 180,
            expired_request_window_days: 7,
            reputation_half_life_months: 6.0,
            activity_types: vec!["complete_request".to_owned(), "complete_offer".to_owned()],
            leaderboard_enabled: true,
            updated_at: at.time,
            version: at.version,
        }
    }
}

impl Config {
    /// The defaults of the specification (community.md, section 5), with what the creation says.
    pub(super) fn initial(it: &CommunityCreated, at: At) -> Self {
        let types = ["generic", "ride", "borrow", "service", "event"];
        Self {
            community_id: at.community,
            template_id: it.template_id.clone(),
            member_cap: it.max_members,
            visibility_mode: "public".to_owned(),
            outsider_response_allowed: false,
            enabled_request_types: types.iter().map(|name| request_type(name, None, 100)).collect(),
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
            updated_at: at.time,
            version: at.version,
        }
    }

    fn change(&mut self, it: &CommunityConfigChanged) {
        change_or_clear(&mut self.template_id, it.template_id.as_ref(), "templateId", &[]);
        change(&mut self.member_cap, it.member_cap.as_ref());
        change(&mut self.visibility_mode, it.visibility_mode.as_ref());
        change(&mut self.outsider_response_allowed, it.outsider_response_allowed.as_ref());
        change(
            &mut self.enabled_request_types,
            it.enabled_request_types.as_deref().map(request_types).as_ref(),
        );
        change(&mut self.default_request_scope, it.default_request_scope.as_ref());
        change(&mut self.request_approval_required, it.request_approval_required.as_ref());
        change(&mut self.base_karma_pool_per_request, it.base_karma_pool_per_request.as_ref());
        change(&mut self.karma_split_helper, it.karma_split_helper.as_ref());
        change(&mut self.karma_split_requester, it.karma_split_requester.as_ref());
        change(&mut self.karma_decay_half_life_days, it.karma_decay_half_life_days.as_ref());
        change(&mut self.new_member_karma_lockout_days, it.new_member_karma_lockout_days.as_ref());
        change(&mut self.trust_depth_weight, it.trust_depth_weight.as_ref());
        change(&mut self.trust_breadth_weight, it.trust_breadth_weight.as_ref());
        change(&mut self.trust_feedback_threshold, it.trust_feedback_threshold.as_ref());
        change(&mut self.min_interactions_for_trust, it.min_interactions_for_trust.as_ref());
        change(&mut self.trust_carry_enabled, it.trust_carry_enabled.as_ref());
        change(&mut self.trust_carry_factor, it.trust_carry_factor.as_ref());
        change(&mut self.trust_carry_cap, it.trust_carry_cap.as_ref());
        change(&mut self.trust_decay_half_life_days, it.trust_decay_half_life_days.as_ref());
        change(&mut self.trust_path_max_hops, it.trust_path_max_hops.as_ref());
        change(&mut self.community_trust_bonding_weight, it.community_trust_bonding_weight.as_ref());
        change(&mut self.community_trust_bridging_weight, it.community_trust_bridging_weight.as_ref());
    }
}

impl Community {
    pub(super) fn settings_changed(&mut self, it: &CommunitySettingsChanged, at: At) {
        if let Some(settings) = self.settings.get(&at.community) {
            change(&mut settings.request_ttl_days, it.request_ttl_days.as_ref());
            change(&mut settings.offer_ttl_days, it.offer_ttl_days.as_ref());
            change(&mut settings.message_ttl_days, it.message_ttl_days.as_ref());
            change(&mut settings.notification_ttl_days, it.notification_ttl_days.as_ref());
            change(&mut settings.completed_request_window_days, it.completed_request_window_days.as_ref());
            change(&mut settings.message_window_days, it.message_window_days.as_ref());
            change(&mut settings.expired_request_window_days, it.expired_request_window_days.as_ref());
            change(&mut settings.reputation_half_life_months, it.reputation_half_life_months.as_ref());
            change(&mut settings.activity_types, it.activity_types.as_ref());
            change(&mut settings.leaderboard_enabled, it.leaderboard_enabled.as_ref());
            settings.updated_at = at.time;
            settings.version = at.version;
        }
        if let (Some(months), Some(config)) =
            (it.reputation_half_life_months, self.configs.get(&at.community))
        {
            config.karma_decay_half_life_days = months * DAYS_PER_MONTH;
            config.updated_at = at.time;
            config.version = at.version;
        }
    }

    pub(super) fn config_changed(&mut self, it: &CommunityConfigChanged, at: At) {
        if let Some(config) = self.configs.get(&at.community) {
            config.change(it);
            config.updated_at = at.time;
            config.version = at.version;
        }
        if let (Some(days), Some(settings)) =
            (it.karma_decay_half_life_days, self.settings.get(&at.community))
        {
            settings.reputation_half_life_months = days / DAYS_PER_MONTH;
            settings.updated_at = at.time;
            settings.version = at.version;
        }
        if it.member_cap.is_some() || it.visibility_mode.is_some() || it.outsider_response_allowed.is_some() {
            self.change(at, |row| {
                change(&mut row.max_members, it.member_cap.as_ref());
                change(&mut row.visibility_mode, it.visibility_mode.as_ref());
                change(&mut row.outsider_response_allowed, it.outsider_response_allowed.as_ref());
            });
        }
    }
}

/// The types and labels of a config as clients see them.
fn request_types(types: &[RequestTypeConfig]) -> Value {
    types
        .iter()
        .map(|it| request_type(&it.name, it.description.as_deref(), it.karma_multiplier_hundredths))
        .collect()
}

/// A type or label with its multiplier, which events count in hundredths.
fn request_type(name: &str, description: Option<&str>, hundredths: i32) -> Value {
    let mut object = json!({"name": name, "karmaMultiplier": f64::from(hundredths) / 100.0});
    if let Some(description) = description {
        object["description"] = json!(description);
    }
    object
}

//! Communities as answers show them.

use domain::community::{Active, Config, Role, Terms};
use event_schemas::community::{
    CommunityConfigChanged, CommunityCreated, CommunityEvent, CommunitySettingsChanged, RequestTypeConfig,
};
use event_schemas::{CommunityId, Event};
use serde_json::{Value, json};
use service_kit::answer::Problem;

use crate::edge::shown::Shown;
use crate::writer::Executed;

/// `{community, existing:false, config}` of a new community.
pub(super) fn founded(executed: &Executed) -> Result<(CommunityId, Value), Problem> {
    let mut terms = Terms::default();
    let mut founded = None;
    for event in &executed.events {
        let Event::Community(payload) = &event.payload else { continue };
        terms.fold(payload);
        if let CommunityEvent::CommunityCreated(created) = payload {
            founded = Some((created, event.envelope.timestamp));
        }
    }
    let (created, at) = founded.ok_or_else(|| Problem::internal("a founding without an event"))?;
    let community = created_community(created).put("maxMembers", terms.config.member_cap);
    let community: Value = community.maybe_at("createdAt", Some(at)).into();
    Ok((
        created.community_id,
        json!({ "community": community, "existing": false, "config": config(&terms.config) }),
    ))
}

fn created_community(created: &CommunityCreated) -> Shown {
    Shown::with_id(created.community_id)
        .put("name", &created.name)
        .put("description", &created.description)
        .put("location", &created.location)
        .put("category", &created.category)
        .put("accessType", &created.access_type)
        .put("communityType", &created.community_type)
        .put("creatorId", created.creator_id)
        .put("currentMembers", 1)
        .put("status", "active")
        .put("role", Role::Admin.name())
}

/// A community that was there before, with the caller's role.
pub(super) fn present(active: &Active, role: Option<Role>) -> Value {
    let details = &active.details;
    Shown::with_id(active.id)
        .put("name", &details.name)
        .put("description", &details.description)
        .put("location", &details.location)
        .put("category", &details.category)
        .put("accessType", details.access_type.name())
        .put("communityType", details.community_type.name())
        .put("creatorId", active.founder)
        .put("maxMembers", active.terms.config.member_cap)
        .put("status", "active")
        .put("role", role.map(Role::name))
        .into()
}

/// Changed details, else all of them.
pub(super) fn updated(id: CommunityId, executed: &Executed) -> Value {
    if let Some(Event::Community(CommunityEvent::CommunityUpdated(event))) =
        executed.events.first().map(|it| &it.payload)
    {
        return Shown::with_id(id)
            .maybe("name", &event.name)
            .maybe("description", &event.description)
            .maybe("location", &event.location)
            .maybe("category", &event.category)
            .maybe("accessType", &event.access_type)
            .maybe("maxMembers", &event.max_members)
            .cleared(event.cleared.iter().map(String::as_str))
            .into();
    }
    match &executed.state {
        Some(domain::State::Community(domain::community::State::Active(active))) => present(active, None),
        _ => Shown::with_id(id).into(),
    }
}

/// All settings.
pub(super) fn settings(terms: &Terms) -> Value {
    let settings = &terms.settings;
    json!({
        "requestTtlDays": settings.request_ttl_days,
        "offerTtlDays": settings.offer_ttl_days,
        "messageTtlDays": settings.message_ttl_days,
        "notificationTtlDays": settings.notification_ttl_days,
        "completedRequestWindowDays": settings.completed_request_window_days,
        "messageWindowDays": settings.message_window_days,
        "expiredRequestWindowDays": settings.expired_request_window_days,
        "reputationHalfLifeMonths": terms.reputation_half_life_months(),
        "activityTypes": settings.activity_types,
        "leaderboardEnabled": settings.leaderboard_enabled,
    })
}

/// The settings that an event changed.
pub(super) fn changed_settings(event: &CommunitySettingsChanged) -> Value {
    Shown::default()
        .maybe("requestTtlDays", &event.request_ttl_days)
        .maybe("offerTtlDays", &event.offer_ttl_days)
        .maybe("messageTtlDays", &event.message_ttl_days)
        .maybe("notificationTtlDays", &event.notification_ttl_days)
        .maybe("completedRequestWindowDays", &event.completed_request_window_days)
        .maybe("messageWindowDays", &event.message_window_days)
        .maybe("expiredRequestWindowDays", &event.expired_request_window_days)
        .maybe("reputationHalfLifeMonths", &event.reputation_half_life_months)
        .maybe("activityTypes", &event.activity_types)
        .maybe("leaderboardEnabled", &event.leaderboard_enabled)
        .into()
}

/// All of a config.
pub(super) fn config(config: &Config) -> Value {
    json!({
        "memberCap": config.member_cap,
        "visibilityMode": config.visibility_mode,
        "outsiderResponseAllowed": config.outsider_response_allowed,
        "enabledRequestTypes": request_types(&config.enabled_request_types),
        "defaultRequestScope": config.default_request_scope,
        "requestApprovalRequired": config.request_approval_required,
        "baseKarmaPoolPerRequest": config.base_karma_pool_per_request,
        "karmaSplitHelper": config.karma_split_helper,
        "karmaSplitRequester": config.karma_split_requester,
        "karmaDecayHalfLifeDays": config.karma_decay_half_life_days,
        "newMemberKarmaLockoutDays": config.new_member_karma_lockout_days,
        "trustDepthWeight": config.trust_depth_weight,
        "trustBreadthWeight": config.trust_breadth_weight,
        "trustFeedbackThreshold": config.trust_feedback_threshold,
        "minInteractionsForTrust": config.min_interactions_for_trust,
        "trustCarryEnabled": config.trust_carry_enabled,
        "trustCarryFactor": config.trust_carry_factor,
        "trustCarryCap": config.trust_carry_cap,
        "trustDecayHalfLifeDays": config.trust_decay_half_life_days,
        "trustPathMaxHops": config.trust_path_max_hops,
        "communityTrustBondingWeight": config.community_trust_bonding_weight,
        "communityTrustBridgingWeight": config.community_trust_bridging_weight,
    })
}

/// The config fields that an event changed.
pub(super) fn changed_config(event: &CommunityConfigChanged) -> Value {
    Shown::default()
        .maybe("memberCap", &event.member_cap)
        .maybe("visibilityMode", &event.visibility_mode)
        .maybe("outsiderResponseAllowed", &event.outsider_response_allowed)
        .maybe("enabledRequestTypes", &event.enabled_request_types.as_deref().map(request_types))
        .maybe("defaultRequestScope", &event.default_request_scope)
        .maybe("requestApprovalRequired", &event.request_approval_required)
        .maybe("baseKarmaPoolPerRequest", &event.base_karma_pool_per_request)
        .maybe("karmaSplitHelper", &event.karma_split_helper)
        .maybe("karmaSplitRequester", &event.karma_split_requester)
        .maybe("karmaDecayHalfLifeDays", &event.karma_decay_half_life_days)
        .maybe("newMemberKarmaLockoutDays", &event.new_member_karma_lockout_days)
        .maybe("trustDepthWeight", &event.trust_depth_weight)
        .maybe("trustBreadthWeight", &event.trust_breadth_weight)
        .maybe("trustFeedbackThreshold", &event.trust_feedback_threshold)
        .maybe("minInteractionsForTrust", &event.min_interactions_for_trust)
        .maybe("trustCarryEnabled", &event.trust_carry_enabled)
        .maybe("trustCarryFactor", &event.trust_carry_factor)
        .maybe("trustCarryCap", &event.trust_carry_cap)
        .maybe("trustDecayHalfLifeDays", &event.trust_decay_half_life_days)
        .maybe("trustPathMaxHops", &event.trust_path_max_hops)
        .maybe("communityTrustBondingWeight", &event.community_trust_bonding_weight)
        .maybe("communityTrustBridgingWeight", &event.community_trust_bridging_weight)
        .into()
}

/// Multipliers are hundredths on the log and decimals in answers.
fn request_types(types: &[RequestTypeConfig]) -> Value {
    let entry = |it: &RequestTypeConfig| -> Value {
        Shown::default()
            .put("name", &it.name)
            .maybe("description", &it.description)
            .put("karmaMultiplier", f64::from(it.karma_multiplier_hundredths) / 100.0)
            .into()
    };
    types.iter().map(entry).collect()
}

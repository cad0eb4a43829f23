//! GET /communities/{id}/settings, …/settings/decay-preview, …/config: what a community has agreed on.

use serde::Serialize;
use serde_json::Value;
use service_kit::answer::{Answer, PathIds, Problem};
use sqlx::FromRow;
use uuid::Uuid;

use super::{Answered, community};
use crate::at::At;
use crate::params::Params;
use crate::reading::Reading;
use crate::reputation::decay;

/// A month has so many days.
const DAYS_PER_MONTH: f64 = 30.0;

/// What admins set.
#[derive(Debug, FromRow, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Settings {
    community_id: Uuid,
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
    updated_at: At,
}

/// The settings, for members.
pub(crate) async fn settings(mut reading: Reading, PathIds(id): PathIds<Uuid>) -> Answered<Settings> {
    let (db, who) = reading.parts();
    let version = community::members_only(db, who, id).await?.version;
    let settings: Option<Settings> = sqlx::query_as(
        "SELECT community_id, request_ttl_days, offer_ttl_days, message_ttl_days, notification_ttl_days,
                completed_request_window_days, message_window_days, expired_request_window_days,
                reputation_half_life_months, activity_types, leaderboard_enabled, updated_at
         FROM community.settings WHERE community_id = $1",
    )
    .bind(id)
    .fetch_optional(db)
    .await?;
    let settings = settings.ok_or_else(|| Problem::not_found("COMMUNITY_NOT_FOUND"))?;
    Ok(Answer::ok(settings).version(version))
}

/// What the founder sets.
#[derive(Debug, FromRow, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Config {
    community_id: Uuid,
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
    commerce_enabled: bool,
    commerce_currency: String,
    commerce_shipping_minor: i64,
    project_review_required: bool,
    feed_weights: Value,
    updated_at: At,
}

/// The config, for members.
pub(crate) async fn config(mut reading: Reading, PathIds(id): PathIds<Uuid>) -> Answered<Config> {
    let (db, who) = reading.parts();
    let version = community::members_only(db, who, id).await?.version;
    let config: Option<Config> = sqlx::query_as(
        "SELECT community_id, template_id, member_cap, visibility_mode, outsider_response_allowed,
                enabled_request_types, default_request_scope, request_approval_required, base_karma_pool_per_request,
                karma_split_helper, karma_split_requester, karma_decay_half_life_days, new_member_karma_lockout_days,
                trust_depth_weight, trust_breadth_weight, trust_feedback_threshold, min_interactions_for_trust,
                trust_carry_enabled, trust_carry_factor, trust_carry_cap, trust_decay_half_life_days,
                trust_path_max_hops, community_trust_bonding_weight, community_trust_bridging_weight,
                commerce_enabled, commerce_currency, commerce_shipping_minor, project_review_required, feed_weights,
                updated_at
         FROM community.configs WHERE community_id = $1",
    )
    .bind(id)
    .fetch_optional(db)
    .await?;
    let config = config.ok_or_else(|| Problem::not_found("COMMUNITY_NOT_FOUND"))?;
    Ok(Answer::ok(config).version(version))
}

/// What a half-life would do.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DecayPreview {
    half_life_months: f64,
    preview: Vec<Decayed>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Decayed {
    months: u32,
    karma: f64,
}

/// What is left of 100 karma after some months, for admins.
pub(crate) async fn decay_preview(
    mut reading: Reading,
    PathIds(id): PathIds<Uuid>,
    mut params: Params,
) -> Answered<DecayPreview> {
    let half_life_months = params.number("half_life_months", 0.0..=24.0).unwrap_or(6.0);
    params.finish()?;
    let (db, who) = reading.parts();
    community::role_only(db, who, id, "admin").await?;
    let half_life = half_life_months * DAYS_PER_MONTH;
    let preview = [1, 3, 6, 12].map(|months| Decayed {
        months,
        karma: decay::rounded(decay::decayed(100.0, f64::from(months) * DAYS_PER_MONTH, half_life)),
    });
    Ok(Answer::ok(DecayPreview { half_life_months, preview: preview.into() }))
}

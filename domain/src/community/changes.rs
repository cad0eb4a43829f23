//! Changes of settings and config as clients write them: ranges checked, every fault listed.

use event_schemas::CommunityId;
use event_schemas::community::{CommunityConfigChanged, CommunitySettingsChanged, RequestTypeConfig};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::details::MOST_MEMBERS;
use super::terms::{Config, Settings};
use crate::reading::{Body, number, one_of, truth, whole};
use crate::text::{Fault, FieldFault, Text};

/// Named settings, each within its range.
#[derive(Clone, Debug, PartialEq)]
pub struct SettingsChange(CommunitySettingsChanged);

/// Named config fields, each within its range.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigChange(CommunityConfigChanged);

/// A change says nothing of where it applies; the decision fills it in.
const NOWHERE: CommunityId = CommunityId::new(Uuid::nil());

/// The facts that may count as activity.
const ACTIVITIES: &str = "complete_request, complete_offer, post_request, post_offer, join_community";

impl SettingsChange {
    /// Reads the object of a call; members that are no settings are ignored.
    ///
    /// # Errors
    /// All faults.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, Vec<FieldFault>> {
        let mut body = Body::new(body);
        let days = || whole(1, 365);
        let change = CommunitySettingsChanged {
            community_id: NOWHERE,
            request_ttl_days: body.change("requestTtlDays", days()),
            offer_ttl_days: body.change("offerTtlDays", days()),
            message_ttl_days: body.change("messageTtlDays", days()),
            notification_ttl_days: body.change("notificationTtlDays", days()),
            completed_request_window_days: body.change("completedRequestWindowDays", days()),
            message_window_days: body.change("messageWindowDays", days()),
            expired_request_window_days: body.change("expiredRequestWindowDays", days()),
            reputation_half_life_months: body.change("reputationHalfLifeMonths", number(0.0, 24.0)),
            activity_types: body.entries("activityTypes", 0, activity).map(without_repeats),
            leaderboard_enabled: body.change("leaderboardEnabled", truth),
        };
        body.finish(Self(change))
    }

    /// The event that tells all that is asked for.
    pub(super) fn of(&self, community_id: CommunityId) -> CommunitySettingsChanged {
        CommunitySettingsChanged { community_id, ..self.0.clone() }
    }

    pub(super) fn is_empty(&self) -> bool {
        Settings::nothing_in(&self.0)
    }
}

impl ConfigChange {
    /// Reads the object of a call; a member that is no field of the config is a fault.
    ///
    /// # Errors
    /// All faults.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, Vec<FieldFault>> {
        let mut body = Body::new(body);
        let share = || number(0.0, 1.0);
        let change = CommunityConfigChanged {
            community_id: NOWHERE,
            member_cap: body.change("memberCap", whole(1, MOST_MEMBERS)),
            visibility_mode: body.change("visibilityMode", one_of("public, members_only, hybrid")),
            outsider_response_allowed: body.change("outsiderResponseAllowed", truth),
            enabled_request_types: request_types(&mut body),
            default_request_scope: body
                .change("defaultRequestScope", one_of("community, trust_network, platform")),
            request_approval_required: body.change("requestApprovalRequired", truth),
            base_karma_pool_per_request: body.change("baseKarmaPoolPerRequest", whole(10, 1000)),
            karma_split_helper: body.change("karmaSplitHelper", whole(0, 100)),
            karma_split_requester: body.change("karmaSplitRequester", whole(-50, 100)),
            karma_decay_half_life_days: body.change("karmaDecayHalfLifeDays", number(0.0, 720.0)),
            new_member_karma_lockout_days: body.change("newMemberKarmaLockoutDays", whole(0, 30)),
            trust_depth_weight: body.change("trustDepthWeight", share()),
            trust_breadth_weight: body.change("trustBreadthWeight", share()),
            trust_feedback_threshold: body.change("trustFeedbackThreshold", number(1.0, 4.9)),
            min_interactions_for_trust: body.change("minInteractionsForTrust", whole(1, 10)),
            trust_carry_enabled: body.change("trustCarryEnabled", truth),
            trust_carry_factor: body.change("trustCarryFactor", share()),
            trust_carry_cap: body.change("trustCarryCap", whole(0, 100)),
            trust_decay_half_life_days: body.change("trustDecayHalfLifeDays", whole(30, 365)),
            trust_path_max_hops: body.change("trustPathMaxHops", whole(1, 5)),
            community_trust_bonding_weight: body.change("communityTrustBondingWeight", share()),
            community_trust_bridging_weight: body.change("communityTrustBridgingWeight", share()),
            template_id: None,
            copied_from_id: None,
        };
        body.refuse_the_rest();
        body.finish(Self(with_both_trust_weights(change)))
    }

    /// The event that tells all that is asked for.
    pub(super) fn of(&self, community_id: CommunityId) -> CommunityConfigChanged {
        CommunityConfigChanged { community_id, ..self.0.clone() }
    }

    pub(super) fn is_empty(&self) -> bool {
        Config::nothing_in(&self.0)
    }
}

/// Pairs of weights that make 1 must still do so once the change is made.
pub(super) fn check_weights(config: &Config) -> Result<(), Vec<FieldFault>> {
    let pairs = [
        ("trustDepthWeight", config.trust_depth_weight + config.trust_breadth_weight),
        (
            "communityTrustBondingWeight",
            config.community_trust_bonding_weight + config.community_trust_bridging_weight,
        ),
    ];
    // A hair above the allowed deviation, so that 0.6 + 0.401 is not refused for its binary form.
    let off = |sum: f64| (sum - 1.0).abs() > 0.001 + 1e-9;
    let fault = Fault::Malformed("a weight that makes 1 together with its counterpart");
    let faults: Vec<_> = pairs
        .into_iter()
        .filter(|(_, sum)| off(*sum))
        .map(|(field, _)| FieldFault::new(field, fault))
        .collect();
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

/// Changing one trust weight alone sets the other to what is missing to 1.
fn with_both_trust_weights(mut change: CommunityConfigChanged) -> CommunityConfigChanged {
    // Rounded to millionths: 1 - 0.7 is not 0.3 in binary.
    let rest = |weight: f64| ((1.0 - weight) * 1e6).round() / 1e6;
    match (change.trust_depth_weight, change.trust_breadth_weight) {
        (Some(depth), None) => change.trust_breadth_weight = Some(rest(depth)),
        (None, Some(breadth)) => change.trust_depth_weight = Some(rest(breadth)),
        (Some(_), Some(_)) | (None, None) => {}
    }
    change
}

fn activity(value: &Value) -> Result<String, Vec<FieldFault>> {
    one_of(ACTIVITIES)(value).map_err(|fault| vec![FieldFault::new("", fault)])
}

fn without_repeats(names: Vec<String>) -> Vec<String> {
    let mut once = Vec::with_capacity(names.len());
    for name in names {
        if !once.contains(&name) {
            once.push(name);
        }
    }
    once
}

fn request_types(body: &mut Body<'_>) -> Option<Vec<RequestTypeConfig>> {
    const FIELD: &str = "enabledRequestTypes";
    let types = body.entries(FIELD, 1, request_type)?;
    for (n, entry) in types.iter().enumerate() {
        if types[..n].iter().any(|it| it.name == entry.name) {
            body.note(&format!("{FIELD}[{n}].name"), Fault::Malformed("a name that no other entry has"));
        }
    }
    Some(types)
}

fn request_type(value: &Value) -> Result<RequestTypeConfig, Vec<FieldFault>> {
    let fields = value.as_object().ok_or_else(|| vec![FieldFault::new("", Fault::WrongType("an object"))])?;
    let mut body = Body::new(fields);
    let name = body.required("name", label);
    let description = body.patch("description", |value| {
        Text::<0, 200>::parse(value.as_str().ok_or(Fault::WrongType("text"))?).map(String::from)
    });
    let multiplier = body.required("karmaMultiplier", hundredths);
    body.refuse_the_rest();
    body.finish(RequestTypeConfig {
        name: name.unwrap_or_default(),
        description: description.value().cloned(),
        karma_multiplier_hundredths: multiplier.unwrap_or_default(),
    })
}

fn label(value: &Value) -> Result<String, Fault> {
    let name = value.as_str().ok_or(Fault::WrongType("text"))?;
    let valid =
        (1..=50).contains(&name.len()) && name.bytes().all(|it| it == b'_' || it.is_ascii_lowercase());
    if valid { Ok(name.to_owned()) } else { Err(Fault::Malformed("1-50 of a-z and _")) }
}

/// A multiplier of 0.5 to 2.0 with at most two decimals, in hundredths.
fn hundredths(value: &Value) -> Result<i32, Fault> {
    let multiplier = number(0.5, 2.0)(value)?;
    let hundredths = (multiplier * 100.0).round();
    if (multiplier * 100.0 - hundredths).abs() > 1e-6 {
        return Err(Fault::Malformed("a number with at most two decimals"));
    }
    #[expect(clippy::cast_possible_truncation, reason = "a whole number from 50 to 200")]
    Ok(hundredths as i32)
}

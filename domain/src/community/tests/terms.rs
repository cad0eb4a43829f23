//! Settings and config: who changes them, and within which ranges.

use event_schemas::community::CommunitySettingsChanged;
use serde_json::json;

use super::*;
use crate::community::{ChangeConfig, ChangeSettings, Config, Rejection, Role, Settings};
use crate::text::FieldFault;

fn change_config(by: UserId, json: &Value) -> Command {
    Command::ChangeConfig(Box::new(ChangeConfig { by, change: config(json) }))
}

fn change_settings(by: UserId, json: &Value) -> Command {
    Command::ChangeSettings(ChangeSettings { by, change: settings(json) })
}

fn config_of(given: &Given<State>) -> Config {
    let State::Active(community) = given.state() else { panic!("active") };
    community.terms.config.clone()
}

fn faults(json: &Value) -> Vec<(String, &'static str)> {
    let faults = ConfigChange::parse(json.as_object().expect("an object")).expect_err("faults");
    let mut found: Vec<_> =
        faults.into_iter().map(|FieldFault { field, fault }| (field, fault.code())).collect();
    found.sort_unstable();
    found
}

#[test]
fn settings_tell_what_changed() {
    let told = CommunitySettingsChanged {
        community_id: GARDEN,
        request_ttl_days: Some(14),
        offer_ttl_days: None,
        message_ttl_days: None,
        notification_ttl_days: None,
        completed_request_window_days: None,
        message_window_days: None,
        expired_request_window_days: None,
        reputation_half_life_months: None,
        activity_types: None,
        leaderboard_enabled: None,
    };
    garden([])
        .when(change_settings(ANA, &json!({ "requestTtlDays": 14, "expiredRequestWindowDays": 7 })))
        .then([told.into()]);
}

#[test]
fn settings_are_for_admins() {
    let garden = garden([joined(MO, "moderator", "added")]);
    let change = json!({ "requestTtlDays": 14 });
    garden.when(change_settings(MO, &change)).then_refused(Rejection::RoleRequired(Role::Admin));
    garden.when(change_settings(DORA, &change)).then_refused(Rejection::NotAMember);
    garden.when(change_settings(ANA, &json!({ "nameless": 1 }))).then_refused(Rejection::NothingToChange);
}

#[test]
fn settings_beyond_their_range_are_refused_by_name() {
    let body =
        json!({ "requestTtlDays": 500, "messageTtlDays": 0, "activityTypes": ["dance"], "offerTtlDays": 7 });
    let faults = SettingsChange::parse(body.as_object().expect("an object")).expect_err("faults");
    let fields: Vec<_> = faults.iter().map(|it| it.field.as_str()).collect();
    assert_eq!(fields, ["requestTtlDays", "messageTtlDays", "activityTypes[0]"]);
}

#[test]
fn the_half_life_is_one_fact_under_two_names() {
    let by_settings = garden([]).after(change_settings(ANA, &json!({ "reputationHalfLifeMonths": 2.5 })));
    assert_eq!(config_of(&by_settings).karma_decay_half_life_days, 75.0);
    by_settings.when(change_config(ANA, &json!({ "karmaDecayHalfLifeDays": 75 }))).then_nothing();
    let by_config = garden([]).after(change_config(ANA, &json!({ "karmaDecayHalfLifeDays": 0 })));
    by_config.when(change_settings(ANA, &json!({ "reputationHalfLifeMonths": 0 }))).then_nothing();
}

#[test]
fn an_admin_beside_the_founder_names_no_other_half_life() {
    let garden = garden([joined(BEN, "admin", "added")]);
    let change = json!({ "reputationHalfLifeMonths": 3 });
    garden.when(change_settings(BEN, &change)).then_refused(Rejection::FounderOnly);
    garden.when(change_settings(BEN, &json!({ "reputationHalfLifeMonths": 6 }))).then_nothing();
}

#[test]
fn the_config_is_the_founders_while_they_are_there() {
    let change = json!({ "karmaSplitHelper": 80 });
    let garden = garden([joined(BEN, "admin", "added"), joined(CLEO, "member", "public")]);
    garden.when(change_config(BEN, &change)).then_refused(Rejection::FounderOnly);
    garden.when(change_config(CLEO, &change)).then_refused(Rejection::FounderOnly);
    garden.when(change_config(DORA, &change)).then_refused(Rejection::NotAMember);
}

#[test]
fn the_config_passes_to_the_admins_when_the_founder_is_gone() {
    let orphaned =
        garden([joined(BEN, "admin", "added"), joined(CLEO, "member", "public"), left(ANA, "left", None)]);
    let change = json!({ "karmaSplitHelper": 80 });
    orphaned.when(change_config(CLEO, &change)).then_refused(Rejection::RoleRequired(Role::Admin));
    assert_eq!(config_of(&orphaned.after(change_config(BEN, &change))).karma_split_helper, 80);
}

#[test]
fn a_cap_below_the_number_of_members_is_refused() {
    let garden = garden([joined(BEN, "member", "public"), joined(CLEO, "member", "public")]);
    garden
        .when(change_config(ANA, &json!({ "memberCap": 2 })))
        .then_refused(Rejection::MaxMembersBelowCount { active: 3 });
}

#[test]
fn one_trust_weight_alone_moves_the_other() {
    let deeper = garden([]).after(change_config(ANA, &json!({ "trustDepthWeight": 0.7 })));
    assert_eq!(config_of(&deeper).trust_breadth_weight, 0.3);
    let wider = garden([]).after(change_config(ANA, &json!({ "trustBreadthWeight": 1 })));
    assert_eq!(config_of(&wider).trust_depth_weight, 0.0);
}

#[test]
fn weights_make_one_together() {
    let refused = |change: &Value| {
        let command = change_config(ANA, change);
        crate::Aggregate::decide(garden([]).state(), &command, day(0)).expect_err("refused")
    };
    for change in [
        json!({ "trustDepthWeight": 0.7, "trustBreadthWeight": 0.7 }),
        json!({ "trustDepthWeight": 0.7, "trustBreadthWeight": 0.302 }),
        json!({ "communityTrustBondingWeight": 0.7 }),
    ] {
        assert!(matches!(refused(&change), Rejection::Invalid(_)), "{change}");
    }
    garden([]).after(change_config(ANA, &json!({ "trustDepthWeight": 0.6, "trustBreadthWeight": 0.401 })));
}

#[test]
fn every_fault_of_a_config_is_listed() {
    let body = json!({
        "memberCap": 151,
        "visibilityMode": "secret",
        "karmaSplitHelper": 50.5,
        "trustCarryEnabled": "yes",
        "karmaDecayHalfLifeDays": null,
        "colour": "green",
    });
    let expected = [
        ("colour", "UNKNOWN_FIELD"),
        ("karmaDecayHalfLifeDays", "REQUIRED"),
        ("karmaSplitHelper", "WRONG_TYPE"),
        ("memberCap", "OUT_OF_RANGE"),
        ("trustCarryEnabled", "WRONG_TYPE"),
        ("visibilityMode", "INVALID"),
    ];
    assert_eq!(faults(&body), expected.map(|(field, code)| (field.to_owned(), code)));
}

#[test]
fn request_types_have_unique_names_and_multipliers_in_hundredths() {
    let entry = |name: &str, multiplier: f64| json!({ "name": name, "karmaMultiplier": multiplier });
    let listed = |entries: Value| json!({ "enabledRequestTypes": entries });
    let at = |n: usize, rest: &str| format!("enabledRequestTypes[{n}].{rest}");
    assert_eq!(faults(&listed(json!([]))), [("enabledRequestTypes".to_owned(), "TOO_SHORT")]);
    let twice = listed(json!([entry("meal_share", 1.0), entry("meal_share", 1.2)]));
    assert_eq!(faults(&twice), [(at(1, "name"), "INVALID")]);
    let odd =
        listed(json!([entry("Meal", 1.0), entry("ride", 2.1), entry("borrow", 0.555), { "name": "event" }]));
    let found = [(at(0, "name"), "INVALID"), (at(1, "karmaMultiplier"), "OUT_OF_RANGE")];
    let more = [(at(2, "karmaMultiplier"), "INVALID"), (at(3, "karmaMultiplier"), "REQUIRED")];
    assert_eq!(faults(&odd), [found, more].concat());
}

#[test]
fn a_named_built_in_type_excludes_the_others() {
    let types = |names: &[&str]| {
        let entries: Vec<_> = names.iter().map(|it| json!({ "name": it, "karmaMultiplier": 1.5 })).collect();
        config_of(&garden([]).after(change_config(ANA, &json!({ "enabledRequestTypes": entries }))))
    };
    let labels_only = types(&["meal_share"]);
    assert!(["generic", "ride", "borrow", "service", "event"].iter().all(|it| labels_only.takes(it)));
    let rides = types(&["meal_share", "ride"]);
    assert!(rides.takes("ride") && !rides.takes("event"));
    assert_eq!(rides.multiplier_hundredths("ride", Some("meal_share")), 150);
    assert_eq!(rides.multiplier_hundredths("event", Some("ride")), 100);
    assert_eq!(rides.multiplier_hundredths("ride", None), 150);
    assert!(rides.has_label("meal_share") && !rides.has_label("ride"));
}

#[test]
fn defaults_are_those_of_the_specification() {
    let (settings, config) = (Settings::default(), Config::default());
    assert_eq!((settings.request_ttl_days, settings.notification_ttl_days), (60, 30));
    assert_eq!((config.karma_split_helper, config.karma_split_requester), (60, 40));
    assert_eq!((config.member_cap, config.karma_decay_half_life_days), (150, 180.0));
    assert_eq!(config.enabled_request_types.len(), 5);
}

//! The proof: under all rules nothing goes wrong in any world, and each rule is missed when it is taken out.

mod missed;
mod table;

use model::{
    Exploration, MUST_HAPPEN, Rule, Rules, SCENARIOS, Scenario, WriteSide, counter_example, explore,
};

#[test]
fn under_all_rules_everything_holds_and_everything_happens() {
    let mut never: Vec<&str> = MUST_HAPPEN.iter().map(|(it, _)| *it).collect();
    for Scenario { name, bounds, .. } in SCENARIOS {
        let model = WriteSide { rules: Rules::all(), bounds };
        let found = explore(model, 2);
        if let Some(found) = (!found.violated.is_empty()).then(|| counter_example(model)).flatten() {
            panic!("{name}: {found}");
        }
        // What a scenario is good for shows in its size: one that shrank to nothing proves nothing.
        let Exploration { worlds, depth, .. } = found;
        assert!(worlds > 50_000, "{name} has only {worlds} worlds, {depth} deep");
        never.retain(|it| found.never.contains(it));
    }
    assert!(never.is_empty(), "this happens in no scenario, so nothing is proved about it: {never:#?}");
}

#[test]
fn taking_over_transactional_ids_is_for_speed_alone() {
    let rules = Rules::all().without(Rule::Epochs);
    for name in ["crash", "pause", "unknown"] {
        let Scenario { bounds, .. } = Scenario::named(name).expect("it is one of the list");
        if let Some(found) = counter_example(WriteSide { rules, bounds }) {
            panic!("{name}: {found}");
        }
    }
}

//! Each rule that is taken out leads to a violation, by the way that is expected.

use model::{Rule, Rules, Scenario, WriteSide, counter_example};

const DECIDED: &str = "every committed event was decided on exactly the committed events before it";
const LOST: &str = "no acknowledged command is lost";
const TWICE: &str = "every command is committed at most once";
const NOT_TAKEN: &str = "what a caller was told to be not taken is not committed";

/// Takes the rule out and expects that `property` is violated by a shortest history with these steps in this order.
/// The history is printed, so `cargo test -p model -- --nocapture` shows them all.
#[track_caller]
fn is_missed(rule: Rule, property: &str, steps: &[&str]) {
    let Scenario { bounds, .. } = Scenario::named(rule.missed_in()).expect("the scenario is one of the list");
    let found =
        counter_example(WriteSide { rules: Rules::all().without(rule), bounds }).unwrap_or_else(|| {
            panic!("nothing goes wrong without {rule}: is it needed, or is it not in the model?")
        });
    eprintln!("without {rule}, {found}");
    assert_eq!(found.property, property, "{found}");
    let mut history = found.history.iter().map(|(step, _)| step.to_string());
    for wanted in steps {
        assert!(history.any(|it| it == *wanted), "{wanted:?} is missing or out of order: {found}");
    }
}

#[test]
fn a_generation_that_nobody_checks_lets_an_expelled_owner_commit() {
    let steps = [
        "A is silent for a session timeout",
        "B has replayed and serves",
        "A's fence arrives",
        "A's commit arrives",
    ];
    is_missed(Rule::OneGroup, DECIDED, &steps);
}

#[test]
fn without_a_fence_an_expelled_owner_commits() {
    let steps = [
        "A is silent for a session timeout",
        "B has replayed and serves",
        "A's record arrives",
        "A's commit arrives",
    ];
    is_missed(Rule::Fence, DECIDED, &steps);
}

#[test]
fn a_fence_before_the_records_lets_them_arrive_behind_the_successors_watermark() {
    let steps = [
        "A's fence arrives",
        "A is silent for a session timeout",
        "B's takeover asks for the end of the log",
        "A's record arrives",
    ];
    is_missed(Rule::FenceLast, DECIDED, &steps);
}

#[test]
fn a_record_after_the_fence_arrives_behind_the_successors_watermark() {
    let steps = [
        "A's fence arrives",
        "B's takeover asks for the end of the log",
        "A's record arrives",
        "B has replayed and serves",
    ];
    is_missed(Rule::NothingAfterFence, DECIDED, &steps);
}

#[test]
fn the_last_stable_offset_hides_what_passed_the_fence() {
    let steps = [
        "A's commit arrives",
        "B's takeover asks for the end of the log",
        "B has replayed and serves",
        "B's commit arrives",
    ];
    is_missed(Rule::HighWatermark, DECIDED, &steps);
}

#[test]
fn a_takeover_that_does_not_wait_misses_what_passed_the_fence() {
    let steps = [
        "A's commit arrives",
        "B's takeover asks for the end of the log",
        "B has replayed and serves",
        "B's commit arrives",
    ];
    is_missed(Rule::ReplayWaits, DECIDED, &steps);
}

#[test]
fn a_revocation_that_is_answered_at_once_leaves_a_window_behind() {
    let steps = [
        "a client asks A for c1",
        "A hears what the group has told",
        "A hands its window to a lane",
        "A's commit arrives",
    ];
    is_missed(Rule::RevocationWaits, DECIDED, &steps);
}

#[test]
fn a_window_from_before_a_loss_passes_under_the_generation_after_it() {
    let steps = [
        "A hands its window to a lane",
        "A's consumer learns that it was expelled",
        "A's consumer joins the group again",
        "A's lane begins",
        "A's commit arrives",
    ];
    is_missed(Rule::LossIsFinal, DECIDED, &steps);
}

#[test]
fn losses_that_are_looked_up_too_early_let_the_generation_after_a_loss_pass() {
    let steps = [
        "A's lane looks up losses",
        "A's consumer joins the group again",
        "A's lane takes the generation",
        "A's commit arrives",
    ];
    is_missed(Rule::LossesLast, DECIDED, &steps);
}

#[test]
fn a_takeover_of_an_earlier_assignment_misses_what_came_in_between() {
    let steps = [
        "A's takeover asks for the end of the log",
        "A answers the revocation",
        "B has replayed and serves",
        "B's commit arrives",
        "A has replayed and serves",
    ];
    is_missed(Rule::OwnLoad, DECIDED, &steps);
}

#[test]
fn a_lane_that_was_given_up_must_not_commit() {
    let steps =
        ["A gives a lane up that may go on", "A learns what became of its window", "A's commit arrives"];
    is_missed(Rule::Gate, NOT_TAKEN, &steps);
}

#[test]
fn what_was_decided_on_an_aborted_window_goes_with_it() {
    let steps =
        ["a client asks A for c2", "A learns what became of its window", "A hands its window to a lane"];
    is_missed(Rule::UndoTogether, DECIDED, &steps);
}

#[test]
fn an_unknown_outcome_is_no_abort() {
    let steps = ["A's commit arrives, its answer does not", "A learns what became of its window"];
    is_missed(Rule::UnknownEndsSession, NOT_TAKEN, &steps);
}

#[test]
fn an_answer_before_the_commit_promises_what_a_crash_takes() {
    is_missed(Rule::AnswerAfterCommit, LOST, &["A hands its window to a lane", "A crashes"]);
}

#[test]
fn a_key_that_is_under_way_is_known() {
    is_missed(Rule::PendingIsKnown, TWICE, &["a client asks A for c1", "a client asks A for c1"]);
}

#[test]
fn a_takeover_without_ledger_carries_a_repeated_command_out_again() {
    let steps = ["A crashes", "B has replayed and serves", "a client asks B for c1"];
    is_missed(Rule::Ledger, TWICE, &steps);
}

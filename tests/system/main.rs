//! The whole system from outside, on real servers: `./dev test` starts them.
//!
//! This is a harness of its own (see the manifest): the services start once, the tests run one after another in the
//! order of the list, and the processes end whatever happens. `cargo test -p tests --test system -- NAME` runs those whose
//! name contains NAME.
#![expect(clippy::print_stdout, reason = "a test harness reports")]

mod agreement;
mod analysts;
mod bad_calls;
mod bad_input;
mod commands;
mod console;
mod crash;
mod fuzz;
mod fuzz_world;
mod hostile;
mod idempotency;
mod instances;
mod live;
mod owners;
mod positions;
mod privacy;
mod rebuild;
mod safe_start;
mod standstill;
mod story;
mod tenancy;
mod tokens;
mod traces;

use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use tests::environment::Environment;
use tests::services::System;

/// How long one test may take, in seconds, unless `KARMYQ_TEST_LIMIT` says otherwise.
const LIMIT: u64 = 180;

type Test = fn(&System) -> LocalBoxFuture<'_, ()>;

/// Names tests; each is an `async fn(&System)`.
macro_rules! tests {
    ($($module:ident::$name:ident,)*) => {
        &[$((
            concat!(stringify!($module), "::", stringify!($name)),
            |system| Box::pin($module::$name(system)),
        )),*]
    };
}

/// All tests; those that disturb the services stand last.
const TESTS: &[(&str, Test)] = tests![
    story::neighbours_exchange_help_and_everybody_sees_it,
    story::every_event_of_the_exchange_is_complete_and_tells_its_cause,
    story::places_of_a_full_community_are_given_away_once,
    traces::a_trace_goes_through_kafka_to_whatever_its_command_led_to,
    idempotency::the_same_key_gets_the_same_answer_and_appends_nothing,
    idempotency::the_same_key_for_another_call_is_refused,
    idempotency::a_stale_version_is_refused,
    bad_input::every_bad_call_is_refused_with_its_code_and_appends_nothing,
    tokens::every_token_that_is_not_ours_is_refused,
    positions::a_query_waits_for_the_position_that_it_names,
    positions::a_position_that_nobody_has_reached_is_told_so,
    tenancy::what_is_not_the_callers_business_does_not_exist,
    tenancy::without_a_caller_no_table_has_a_row,
    agreement::rules_and_reads_know_the_same_terms_of_a_community,
    agreement::rules_and_reads_know_the_same_types_of_notice,
    live::a_notification_arrives_while_it_is_raised,
    live::a_stream_resumes_after_the_last_update_that_was_seen,
    live::a_stream_is_for_its_owner_alone,
    hostile::ten_thousand_idle_connections_are_nothing_to_anybody,
    hostile::a_body_that_never_ends_is_not_waited_for,
    hostile::who_is_gone_before_the_answer_gets_it_with_the_same_key,
    fuzz::every_generated_call_gets_an_answer_that_is_documented,
    privacy::no_personal_text_stands_in_any_byte_of_any_topic,
    analysts::a_stock_python_consumer_reads_every_event_topic,
    rebuild::every_projection_rebuilt_from_the_start_equals_the_live_one,
    rebuild::a_rebuild_that_is_killed_at_any_point_leaves_nothing_behind,
    rebuild::clients_notice_nothing_of_swaps_and_rollbacks,
    commands::every_command_of_the_read_side_answers_people_and_programs,
    console::an_operator_rebuilds_rolls_back_and_verifies_by_clicking,
    console::an_operator_retires_what_no_code_folds_and_finds_back_from_what_fails,
    console::an_operator_finds_a_parked_key_and_heals_it_by_clicking,
    console::an_operator_sees_the_flow_of_a_call_and_who_owns_what,
    instances::every_instance_takes_every_command_and_one_follows_the_other,
    owners::an_instance_hands_over_everything_and_no_acknowledged_command_is_lost,
    crash::policies_run_exactly_once_across_a_kill,
    crash::whatever_was_acknowledged_survives_a_kill,
    standstill::a_transaction_that_nobody_ends_is_named_and_ended_by_the_command_that_is_told,
    standstill::a_projector_that_stands_still_past_its_session_and_goes_on_changes_no_row,
    rebuild::all_rows_are_what_the_log_says_after_all_of_this,
    safe_start::a_topic_that_was_altered_stops_every_service,
];

#[tokio::main]
async fn main() -> ExitCode {
    let filter = std::env::args().skip(1).find(|it| !it.starts_with('-')).unwrap_or_default();
    let chosen: Vec<_> = TESTS.iter().filter(|(name, _)| name.contains(&filter)).collect();
    println!("\nrunning {} tests", chosen.len());
    let environment = match Environment::read() {
        Ok(environment) => environment,
        Err(reason) => {
            println!("{reason}");
            return ExitCode::FAILURE;
        }
    };
    let begun = Instant::now();
    let system = System::start(environment).await;
    println!("the services are ready after {:.1} s", begun.elapsed().as_secs_f64());
    let mut failed = Vec::new();
    for (name, test) in &chosen {
        if !passes(name, *test, &system).await {
            failed.push(*name);
        }
    }
    report(chosen.len(), &failed, begun.elapsed());
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs one test; a panic fails it and lets the others run.
async fn passes(name: &str, test: Test, system: &System) -> bool {
    let begun = Instant::now();
    let limit = std::env::var("KARMYQ_TEST_LIMIT").ok().and_then(|it| it.parse().ok()).unwrap_or(LIMIT);
    // What a test holds goes with it, and the system has no state that a panic could leave half changed.
    let result =
        tokio::time::timeout(Duration::from_secs(limit), AssertUnwindSafe(test(system)).catch_unwind()).await;
    let word = match result {
        Ok(Ok(())) => "ok",
        Ok(Err(_panic)) => "FAILED",
        Err(_elapsed) => "FAILED (no end)",
    };
    println!("test {name} ... {word} ({:.1} s)", begun.elapsed().as_secs_f64());
    word == "ok"
}

/// The closing lines, in the form of the standard harness.
fn report(ran: usize, failed: &[&str], took: Duration) {
    if !failed.is_empty() {
        println!("\nfailures:\n    {}", failed.join("\n    "));
    }
    println!(
        "\ntest result: {}. {} passed; {} failed; 0 ignored; 0 measured; {} filtered out; finished in {:.2}s\n",
        if failed.is_empty() { "ok" } else { "FAILED" },
        ran - failed.len(),
        failed.len(),
        TESTS.len() - ran,
        took.as_secs_f64()
    );
}

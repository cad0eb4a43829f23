//! Generated calls of every operation, on things that exist and by people of every role: each answer is one that the OpenAPI
//! document knows, in status, code, headers and body. `fuzz.py` generates; `fuzz_world.rs` brings about what it calls on.
//!
//! `KARMYQ_FUZZ_SEED` chooses other calls, `KARMYQ_FUZZ_CASES` how many per operation, with `KARMYQ_TEST_LIMIT` for more
//! time than usual.

use serde::Deserialize;
use serde_json::json;
use tests::python;
use tests::services::{System, said};

use crate::fuzz_world::world;

/// Unless the environment says otherwise. These calls take less than a minute.
const SEED: u64 = 1;
const CASES: u64 = 40;

/// What `fuzz.py` reports.
#[derive(Debug, Deserialize)]
struct Report {
    summary: String,
    operations: usize,
    never_succeeded: Vec<String>,
    broken: Vec<String>,
}

pub(crate) async fn every_generated_call_gets_an_answer_that_is_documented(system: &System) {
    let seed = number("KARMYQ_FUZZ_SEED", SEED);
    let mut input = world(&system.api).await;
    input["commands"] = json!(format!("http://{}", system.addresses.command_api));
    input["queries"] = json!(format!("http://{}", system.addresses.query_api));
    input["seed"] = json!(seed);
    input["cases"] = json!(number("KARMYQ_FUZZ_CASES", CASES));
    println!("KARMYQ_FUZZ_SEED={seed} KARMYQ_FUZZ_CASES={}", input["cases"]);
    let output = python::run("fuzz.py", Vec::new(), input.to_string()).await;
    assert!(output.status.success(), "{}", said(&output));
    let Report { summary, operations, never_succeeded, broken } =
        serde_json::from_slice(&output.stdout).expect("a report");
    println!("{summary}; always refused: {never_succeeded:?}");
    assert!(broken.is_empty(), "{} findings:\n\n{}", broken.len(), broken.join("\n\n"));
    // Calls that are all refused would show little.
    assert!(never_succeeded.len() * 5 <= operations, "{} operations always refused", never_succeeded.len());
}

fn number(variable: &str, usual: u64) -> u64 {
    std::env::var(variable)
        .map_or(usual, |it| it.parse().unwrap_or_else(|_| panic!("{variable} is no number: {it}")))
}

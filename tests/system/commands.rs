//! What operators do in a shell: exit codes, and what programs read.

use std::process::Output;

use serde_json::{Value, json};
use tests::services::{System, karmyq, karmyq_command, said};
use uuid::Uuid;

use crate::rebuild::folded;

/// Far behind every record of these tests.
const OFFSET: i64 = 900_000_000_000_001;

/// The code with which it exits, and what it says.
fn run(system: &System, arguments: &[&str]) -> (i32, Output) {
    let output = karmyq(&system.environment, arguments);
    (output.status.code().expect("it ends by itself"), output)
}

/// As [`run`], with `--json`, where the code is to be this one.
fn told(system: &System, arguments: &[&str], code: i32) -> Value {
    let arguments: Vec<_> = arguments.iter().copied().chain(["--json"]).collect();
    let (exited, output) = run(system, &arguments);
    assert_eq!(exited, code, "{arguments:?}: {}", said(&output));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{arguments:?}: {}", said(&output)))
}

/// As [`run`], where it says this.
fn says(system: &System, arguments: &[&str], code: i32, text: &str) {
    let (exited, output) = run(system, arguments);
    let said = said(&output);
    assert!(exited == code && said.contains(text), "{arguments:?} exits with {exited}, not {code}: {said}");
}

async fn execute(system: &System, sql: &str, value: &str) {
    let changed = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(value).execute(&system.postgres).await;
    assert!(changed.expect("the superuser may do it").rows_affected() > 0, "{sql}");
}

pub(crate) async fn every_command_of_the_read_side_answers_people_and_programs(system: &System) {
    let mut founder = system.api.register("Oda").await;
    let community = system.api.found(&mut founder).await;
    let asked = system.api.ask(&founder, &community, "A ladder").await;
    folded(system).await;
    status(system);
    verify_and_heal(system, &asked.id, &community.id).await;
    versions(system);
    dead_letters(system).await;
    retire(system).await;
}

/// Also without what it does not need.
fn status(system: &System) {
    says(system, &["projections", "status", "requests"], 0, "request-events/0 at ");
    let mut poor = karmyq_command(&system.environment, &["projections", "status", "--json"]);
    poor.env_remove("SCHEMA_REGISTRY_URL").env_remove("DATA_KEY_MASTER_FILE");
    let output = poor.output().expect("it runs");
    let status: Value = serde_json::from_slice(&output.stdout).expect("it answers in JSON");
    assert_eq!(status["projections"].as_array().map(Vec::len), Some(projectors::registry::PROJECTIONS.len()));
    for arguments in [&["projections", "status"][..], &["projections", "status", "--watch"], &["owners"]] {
        unread(system, arguments);
    }
}

/// As with `| head`, where nobody reads any more.
fn unread(system: &System, arguments: &[&str]) {
    let (reader, output) = std::io::pipe().expect("a pipe");
    drop(reader);
    let ended =
        karmyq_command(&system.environment, arguments).stdout(output).output().expect("it ends by itself");
    assert!(
        ended.status.success() && ended.stderr.is_empty(),
        "{arguments:?}: {} {}",
        ended.status,
        said(&ended)
    );
}

async fn verify_and_heal(system: &System, request: &str, community: &str) {
    let spoil = "UPDATE requests.help_requests SET title = 'no' WHERE id = $1::uuid";
    for (option, id) in [("--key", request), ("--community", community)] {
        execute(system, spoil, request).await;
        assert_eq!(told(system, &["projections", "verify", "requests"], 1)[0]["equal"], false);
        let healed = told(system, &["projections", "rebuild", "requests", option, id], 0);
        assert_eq!(healed["healed"][0]["healed"], 1, "{healed}");
        assert_eq!(told(system, &["projections", "verify", "requests"], 0)[0]["equal"], true);
    }
    let nobody = Uuid::now_v7().to_string();
    says(system, &["projections", "rebuild", "requests", "--key", &nobody], 0, "no row bears");
    says(system, &["projections", "verify", "weather"], 2, "could not be compared");
}

/// Built, dropped, and none to go back to.
fn versions(system: &System) {
    assert_eq!(told(system, &["projections", "rebuild", "feed"], 0)["rebuilt"][0]["projection"], "feed");
    assert!(told(system, &["projections", "drop", "feed"], 0)["dropped"][0]["version"].is_i64());
    assert!(told(system, &["projections", "drop", "feed"], 0)["dropped"][0]["version"].is_null());
    says(system, &["projections", "rollback", "feed"], 1, "no version of feed is kept");
    let failed = told(system, &["projections", "rollback", "feed"], 1);
    assert_eq!((&failed["rolledBack"], &failed["failed"]["projection"]), (&json!([]), &json!("feed")));
    says(system, &["projections", "rollback", "--all"], 0, "feed: no version is kept");
    says(system, &["projections", "cancel"], 2, "Usage");
    assert_eq!(told(system, &["projections", "cancel", "feed"], 0)["cancelled"][0]["became"], "nothing_ran");
}

/// Seen, in vain redriven, discarded by whoever has looked.
async fn dead_letters(system: &System) {
    let plant = "INSERT INTO projection.parked (projection, version, topic, partition, record_offset, record_key,
             record_value, header_names, header_values, recorded_at, kind, reason)
         SELECT projection, version, $1, 0, 900000000000001, 'k-7', 'not in wire format', '{}', '{}', now(), 'unreadable', 'no schema'
         FROM projection.active WHERE projection = 'reputation'";
    execute(system, plant, "reputation-events").await;
    let letters = ["dead-letters", "list", "reputation"];
    assert_eq!(told(system, &letters, 0)["parked"][0]["firstOffset"], OFFSET);
    let of = |what: &'static str| ["dead-letters", what, "reputation", "k-7"];
    assert!(told(system, &of("show"), 0)["records"][0]["unreadable"].is_string());
    says(system, &of("show"), 0, "--offset 900000000000001");
    assert_eq!(told(system, &of("redrive"), 1)["keys"][0]["redriven"]["stoppedAt"]["offset"], OFFSET);
    let discard = |offset: &'static str| {
        [&of("discard")[..], &["--reason", "a test", "--by", "oda", "--offset", offset]].concat()
    };
    says(system, &discard("7"), 1, "look again before you discard");
    assert_eq!(told(system, &discard("900000000000001"), 0)["discarded"], 1);
    assert_eq!(told(system, &letters, 0)["parked"], json!([]));
    let discarded = told(system, &["dead-letters", "discarded", "reputation"], 0);
    assert_eq!(
        (&discarded["discarded"][0]["by"], &discarded["discarded"][0]["reason"]),
        (&json!("oda"), &json!("a test"))
    );
}

/// What no code folds.
async fn retire(system: &System) {
    says(system, &["projections", "retire", "feed"], 1, "is one of the projections of this version");
    execute(
        system,
        "INSERT INTO projection.active (projection, version, fingerprint) VALUES ($1, 1, '')",
        "weather",
    )
    .await;
    assert_eq!(told(system, &["dead-letters", "list", "weather"], 0)["parked"], json!([]));
    assert_eq!(told(system, &["projections", "retire", "weather"], 0)["retired"]["projection"], "weather");
    says(system, &["projections", "retire", "weather"], 1, "there is no projection \"weather\"");
}

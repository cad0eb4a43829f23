//! Manifests: which crate may know which, and where versions and lints stand.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use crate::repository::{files, none, root};

/// Every crate with the crates of ours that it may depend on.
const ARROWS: [(&str, &[&str]); 12] = [
    ("event-schemas", &[]),
    ("domain", &["event-schemas"]),
    ("event-log", &["event-schemas"]),
    ("owners", &["event-log", "event-schemas"]),
    ("service-kit", &[]),
    ("command-api", &["domain", "event-log", "event-schemas", "service-kit"]),
    ("projectors", &["event-log", "event-schemas", "service-kit"]),
    ("query-api", &["event-log", "event-schemas", "owners", "service-kit"]),
    (
        "karmyq",
        &[
            "command-api",
            "domain",
            "event-log",
            "event-schemas",
            "owners",
            "projectors",
            "query-api",
            "service-kit",
        ],
    ),
    (
        "tests",
        &[
            "command-api",
            "domain",
            "event-log",
            "event-schemas",
            "karmyq",
            "owners",
            "projectors",
            "query-api",
            "service-kit",
        ],
    ),
    ("model", &[]),
    ("xtask", &[]),
];

/// What the rules may use: no runtime, no clock, no client of anything.
const DOMAIN: [&str; 10] = [
    "caseless",
    "chrono",
    "chrono-tz",
    "event-schemas",
    "rpds",
    "serde",
    "serde_json",
    "thiserror",
    "unicode-normalization",
    "uuid",
];

/// `cargo metadata` of the workspace; with `--no-deps` its own crates alone.
pub(crate) fn metadata(arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .args(arguments)
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo prints JSON")
}

/// Name and kind of a dependency; no kind is an ordinary one.
type Dependency = (String, Option<String>);

/// Name of each crate of ours with its dependencies.
pub(crate) fn crates() -> Vec<(String, Vec<Dependency>)> {
    let text = |it: &Value| it.as_str().map(str::to_owned);
    let list = |it: &Value| it.as_array().cloned().unwrap_or_default();
    list(&metadata(&["--no-deps"])["packages"])
        .iter()
        .map(|package| {
            let dependencies = list(&package["dependencies"]);
            let names = dependencies.iter().map(|it| (text(&it["name"]).expect("named"), text(&it["kind"])));
            (text(&package["name"]).expect("named"), names.collect())
        })
        .collect()
}

#[test]
fn every_arrow_between_crates_is_one_that_was_drawn() {
    let ours: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    for (name, dependencies) in crates() {
        let (_, allowed) =
            ARROWS.iter().find(|(it, _)| *it == name).unwrap_or_else(|| panic!("{name} is new: draw it"));
        let found = dependencies
            .iter()
            // A crate may use itself in its own tests.
            .filter(|(it, _)| ours.contains(it.as_str()) && !allowed.contains(&it.as_str()) && *it != name)
            .map(|(it, _)| format!("{name} → {it}"));
        none("these arrows are absent on purpose", found.collect());
    }
}

#[test]
fn the_rules_use_nothing_that_could_make_them_impure() {
    let (_, dependencies) = crates().into_iter().find(|(name, _)| name == "domain").expect("there are rules");
    let found = dependencies
        .into_iter()
        .filter(|(name, kind)| kind.is_none() && !DOMAIN.contains(&name.as_str()))
        .map(|(name, _)| name);
    none("the rules need none of this", found.collect());
    let asynchronous =
        crate::repository::lines(files().iter().filter(|it| it.path.starts_with("domain/src/")), |line| {
            line.contains("async fn") || line.contains(".await")
        });
    none("a decision is one computation", asynchronous);
}

#[test]
fn one_crate_alone_knows_the_kafka_client() {
    let found = crates().into_iter().filter(|(name, dependencies)| {
        let client = dependencies.iter().any(|(it, _)| it.starts_with("rdkafka"));
        client != (name == "event-log")
    });
    none("event-log, and no other", found.map(|(name, _)| name).collect());
}

#[test]
fn every_crate_takes_the_workspaces_lints() {
    let found = members().filter(|it| !it.1.contains("[lints]\nworkspace = true\n")).map(|it| it.0);
    none("add [lints] workspace = true", found.collect());
}

#[test]
fn versions_stand_in_the_root_alone() {
    let mut found = Vec::new();
    for (path, text) in members() {
        let mut in_dependencies = false;
        for line in text.lines() {
            if line.starts_with('[') {
                in_dependencies = line.contains("dependencies");
            } else if in_dependencies
                && line.contains('=')
                && !line.contains("workspace = true")
                && !line.contains("workspace=true")
            {
                found.push(format!("{path}: {line}"));
            }
        }
    }
    none("name the version in the root manifest and `workspace = true` here", found);
}

#[test]
fn dependencies_are_sorted() {
    let mut found = Vec::new();
    for (path, text) in members() {
        for table in text.split("\n[").filter(|it| it.contains("dependencies]")) {
            // Crates of ours may stand first, in a block of their own.
            for block in table.split("\n\n") {
                let lines: Vec<&str> = block.lines().filter(|it| it.contains("workspace = true")).collect();
                let name = |it: &&str| it.split(['.', ' ']).next().map(str::to_owned);
                if !lines.is_sorted() && !lines.is_sorted_by_key(name) {
                    found.push(format!("{path}: {}", table.lines().next().unwrap_or_default()));
                }
            }
        }
    }
    none("sort these tables", found);
}

/// Path and text of each member's manifest; members of the rivals' workspace follow the same rules.
fn members() -> impl Iterator<Item = (String, String)> {
    let is_member = |path: &str| path.ends_with("/Cargo.toml") && path != "bench/peers/rust/Cargo.toml";
    files().into_iter().filter(move |it| is_member(&it.path)).map(|it| (it.path, it.text))
}

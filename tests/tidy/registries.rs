//! Registries: whatever is written to run does run.

use crate::repository::{File, files, none};

fn below(folder: &str) -> Vec<File> {
    files().into_iter().filter(|it| it.path.starts_with(folder) && it.path.ends_with(".rs")).collect()
}

fn file(path: &str) -> String {
    let found = files().into_iter().find(|it| it.path == path);
    found.unwrap_or_else(|| panic!("{path} is the registry")).text
}

/// The words of the lines that contain `mark`, before it and after the last space.
fn named<'a>(file: &'a File, mark: &'a str) -> impl Iterator<Item = &'a str> {
    file.text.lines().filter_map(move |line| line.split_once(mark)?.0.split_whitespace().next_back())
}

#[test]
fn every_policy_is_registered() {
    let registry = file("domain/src/policies/mod.rs");
    let policies = below("domain/src/policies/");
    let names: Vec<&str> = policies.iter().flat_map(|it| named(it, ": Policy =")).collect();
    assert!(!names.is_empty(), "there are policies");
    let missing = names.into_iter().filter(|it| !registry.contains(&format!("::{it},")));
    none("add these to REGISTRY", missing.map(str::to_owned).collect());
}

#[test]
fn every_projection_is_registered() {
    let registry = file("projectors/src/registry.rs");
    let mut names = Vec::new();
    for file in below("projectors/src/projections/") {
        for line in file.text.lines().filter_map(|it| it.split_once("Projection for ")) {
            names.push(line.1.trim_end_matches([' ', '{', '}']).to_owned());
        }
    }
    assert!(!names.is_empty(), "there are projections");
    none(
        "add these to PROJECTIONS",
        names.into_iter().filter(|it| !registry.contains(it.as_str())).collect(),
    );
}

#[test]
fn every_metric_of_the_read_side_is_told() {
    let told = file("docs/metrics.md");
    let mut missing = Vec::new();
    for file in below("projectors/src/").into_iter().chain(below("query-api/src/")) {
        for line in file
            .text
            .lines()
            .filter(|it| ["gauge!", "counter!", "histogram!"].iter().any(|made| it.contains(made)))
        {
            let name = line.split('"').find(|it| it.starts_with("karmyq_"));
            missing.extend(name.filter(|it| !told.contains(&format!("`{it}`"))).map(str::to_owned));
        }
    }
    none("add these to docs/metrics.md", missing);
}

//! Rivals of the benchmark: outside the workspace, and pinned, so that a figure can be had again.

use crate::manifests::crates;
use crate::repository::{File, files, none};

fn peers(name: &str) -> Vec<File> {
    let found: Vec<File> = files()
        .into_iter()
        .filter(|it| it.path.starts_with("bench/peers/") && it.path.ends_with(name))
        .collect();
    assert!(!found.is_empty(), "bench/peers has no {name}");
    found
}

#[test]
fn no_rival_is_part_of_the_workspace() {
    let rivals = ["account", "peer-cqrs-es", "peer-disintegrate"];
    let found = crates().into_iter().map(|(name, _)| name).filter(|it| rivals.contains(&it.as_str()));
    none("rivals have a workspace of their own", found.collect());
}

#[test]
fn every_rival_in_rust_is_pinned() {
    peers("rust/Cargo.lock");
    let [workspace] =
        peers("rust/Cargo.toml").try_into().unwrap_or_else(|_| panic!("one workspace of rivals"));
    let versions = workspace.text.split("[workspace.dependencies]").nth(1).expect("a table of dependencies");
    let versions = versions.split("\n[").next().expect("a table ends");
    let dependencies = versions.lines().filter(|it| it.contains(" = ") && !it.starts_with('#'));
    let loose = dependencies.filter(|it| !it.contains("\"=") && !it.contains("path = "));
    none("pin these: version = \"=1.2.3\"", loose.map(str::to_owned).collect());
}

#[test]
fn every_rival_on_the_jvm_is_pinned() {
    let mut found = Vec::new();
    for pom in peers("pom.xml") {
        let versions = pom.text.lines().filter_map(|it| {
            let version = it.trim().split_once("<version>").map(|(_, it)| it);
            // `<kafka.version>4.3.1</kafka.version>`
            version
                .or_else(|| it.split_once(".version>").map(|(_, it)| it))?
                .split_once('<')
                .map(|(it, _)| it)
        });
        for version in versions {
            let named = version.starts_with("${") && version.ends_with('}');
            let exact =
                version.starts_with(|it: char| it.is_ascii_digit()) && !version.ends_with("-SNAPSHOT");
            if !named && !exact {
                found.push(format!("{}: {version}", pom.path));
            }
        }
        let artifacts = pom.text.matches("<dependency>").count() + pom.text.matches("<plugin>").count();
        // The one plugin without a version is the one that the parent pins.
        let pinned = pom.text.matches("<version>").count() + usize::from(pom.text.contains("<build>"));
        if pinned < artifacts {
            found.push(format!("{}: an artifact without a version", pom.path));
        }
    }
    none("name one version, no range", found);
}

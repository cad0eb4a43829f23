//! Tells the code that folds events from any other: a digest of the sources of `domain` and `event-schemas`.
//!
//! A snapshot is of use only to the very code that wrote it. A number that somebody has to raise is forgotten one day;
//! the sources cannot be.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// Whose sources decide what a fold is, and how its result is encoded.
const FOLDING: [&str; 3] = ["../domain/src", "../event-schemas/src", "../event-schemas/avro"];
/// What names the versions of the crates that they are built on.
const MANIFESTS: [&str; 2] = ["../domain/Cargo.toml", "../event-schemas/Cargo.toml"];
const VERSIONS: &str = "../Cargo.toml";

fn main() {
    let mut digest = Sha256::new();
    let mut add = |name: &str, text: &str| {
        for part in [name, text] {
            digest.update(part.len().to_le_bytes());
            digest.update(part);
        }
    };
    for root in FOLDING {
        for path in files(Path::new(root)) {
            add(&path.display().to_string(), without_tests(&read(&path)));
        }
    }
    let manifests = MANIFESTS.map(|it| read(Path::new(it)));
    for line in read(Path::new(VERSIONS)).lines() {
        let name = line.split_once(" = ").map_or(line, |it| it.0);
        let used = manifests.iter().any(|it| it.contains(&format!("\n{name}.workspace")));
        if used || name == "postcard" {
            add(name, line);
        }
    }
    for path in FOLDING.into_iter().chain(MANIFESTS).chain([VERSIONS]) {
        println!("cargo::rerun-if-changed={path}");
    }
    let name: String = digest.finalize().iter().take(8).map(|it| format!("{it:02x}")).collect();
    println!("cargo::rustc-env=KARMYQ_FOLD={name}");
}

/// The files below a folder in the order of their names, without those that hold tests alone.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|it| panic!("{}: {it}", folder.display()));
    let mut paths: Vec<_> = entries.map(|it| it.expect("a folder is read to its end").path()).collect();
    paths.sort();
    let tests = |path: &PathBuf| path.file_stem().is_some_and(|it| it == "tests");
    paths.retain(|it| !tests(it));
    paths.into_iter().flat_map(|it| if it.is_dir() { files(&it) } else { vec![it] }).collect()
}

/// Tests stand at the end of a file.
fn without_tests(source: &str) -> &str {
    source.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or(source)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|it| panic!("{}: {it}", path.display()))
}

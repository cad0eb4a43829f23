//! What the workspace takes from others: licences, sources, nothing banned, nothing unused.

use serde_json::Value;

use crate::manifests::{crates, metadata};
use crate::repository::{files, none};

/// The same list as in `deny.toml`.
const LICENCES: [&str; 13] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Crates that must not come in, not even by way of another.
const BANNED: [(&str, &str); 2] =
    [("native-tls", "TLS is rustls everywhere"), ("openssl", "TLS is rustls everywhere")];

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

fn packages() -> Vec<Value> {
    metadata(&[])["packages"].as_array().cloned().unwrap_or_default()
}

#[test]
fn every_dependency_comes_from_crates_io_under_a_licence_that_we_accept() {
    let found = packages().into_iter().filter_map(|it| {
        let source = it["source"].as_str()?;
        let licence = it["license"].as_str().unwrap_or("no licence");
        (source != CRATES_IO || !accepted(licence)).then(|| format!("{}: {licence}, {source}", it["name"]))
    });
    none("take another crate, or argue for these", found.collect());
}

/// Whether an SPDX expression allows us to ship.
fn accepted(expression: &str) -> bool {
    let flat = expression.replace('/', " OR ").replace(['(', ')'], "");
    // All of our expressions are ANDs of ORs once the parentheses are gone.
    flat.split(" AND ").all(|part| part.split(" OR ").any(|it| LICENCES.contains(&it.trim())))
}

#[test]
fn licences_are_understood() {
    assert!(accepted("MIT/Apache-2.0"));
    assert!(accepted("(MIT OR Apache-2.0) AND Unicode-3.0"));
    assert!(accepted("MIT OR LGPL-2.1-or-later"));
    assert!(!accepted("GPL-3.0"));
    assert!(!accepted("MIT AND GPL-3.0"));
}

#[test]
fn nothing_banned_comes_in() {
    let names: Vec<String> =
        packages().iter().filter_map(|it| it["name"].as_str().map(str::to_owned)).collect();
    let found = BANNED.iter().filter(|(name, _)| names.iter().any(|it| it == name));
    none("banned", found.map(|(name, reason)| format!("{name}: {reason}")).collect());
}

/// A dependency is used when its name stands in a source of the crate; features alone need a comment in the manifest.
#[test]
fn every_dependency_is_used() {
    let sources = files();
    let mut found = Vec::new();
    for (name, dependencies) in crates() {
        let own = |path: &str| path.starts_with(&format!("{name}/"));
        for (dependency, _) in dependencies {
            let ident = dependency.replace('-', "_");
            let used = (sources.iter())
                .filter(|it| it.path.ends_with(".rs") && own(&it.path))
                .any(|it| mentions(&it.text, &ident));
            if !used {
                found.push(format!("{name} → {dependency}"));
            }
        }
    }
    none("remove these", found);
}

/// Whether a path begins with this crate, or an attribute or macro names it.
fn mentions(text: &str, ident: &str) -> bool {
    text.match_indices(ident).any(|(at, _)| {
        let before = text[..at].chars().next_back().is_none_or(|it| !it.is_alphanumeric() && it != '_');
        let after = &text[at + ident.len()..];
        before && (after.starts_with("::") || after.starts_with(';') || after.starts_with(" as "))
    })
}

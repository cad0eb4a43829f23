//! `cargo xtask check`: everything that can be found wrong without servers, the quickest first.

use std::process::Command;
use std::time::Instant;

use crate::shell::{cargo, has_subcommand, run};

/// Runs every step; stops at the first that fails.
///
/// # Errors
/// The sentence to show when a step fails.
pub(crate) fn everything() -> Result<(), String> {
    let begun = Instant::now();
    for (name, mut command) in steps() {
        run(name, &mut command)?;
    }
    println!("── everything passed in {:.0} s", begun.elapsed().as_secs_f64());
    Ok(())
}

fn steps() -> Vec<(&'static str, Command)> {
    let mut doc = cargo(["doc", "--workspace", "--no-deps", "--document-private-items", "--locked"]);
    // Private items are documented, too, so a link to one leads somewhere.
    doc.env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private-intra-doc-links");
    let mut steps = vec![
        ("format", cargo(["fmt", "--all", "--", "--check"])),
        // Licences, sources, banned and unused dependencies are rules of tidy, too.
        ("tidy", cargo(["test", "--package", "tests", "--test", "tidy", "--locked"])),
        ("lint", cargo(["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"])),
        ("doc", doc),
        ("test", cargo(["test", "--workspace", "--exclude", "tests", "--locked"])),
    ];
    // Tidy holds bans, licences and sources without it. Building the tool takes CI 5-8 minutes for the same findings, and
    // its advisories need a database from elsewhere, so it runs where somebody installed it:
    // `cargo install --locked cargo-deny`, then `cargo deny check advisories` with a network.
    if has_subcommand("deny") {
        steps.push(("deny", cargo(["deny", "check", "bans", "licenses", "sources"])));
    }
    steps
}

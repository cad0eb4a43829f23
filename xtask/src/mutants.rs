//! `cargo xtask mutants`: rules taken out of the real code, one at a time; the simulation has to notice each, or the tests
//! that the patch names. They are patches in `tests/mutants`, and each says in its first line which rule it breaks.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Instant;

use crate::shell;

/// Seeds after which a mutant counts as unnoticed.
const SEEDS: &str = "3000";

/// What has to notice a mutant whose patch does not say otherwise.
const SIMULATION: &str = "test --package tests --test simulation every_seed";

/// Begins the line of a patch that names other tests.
const NOTICED_BY: &str = "Noticed by: cargo ";

/// Tries all mutants, or those of these names. Some proofs need servers, and pass nowhere without them.
///
/// # Errors
/// Those that nobody noticed, and those that do not apply or compile.
pub(crate) fn try_out(names: &[&str]) -> Result<(), String> {
    let tree = shell::root().join("target/mutants");
    let path = tree.to_string_lossy().into_owned();
    if tree.exists() {
        // Of a run that was cut off: what it had broken may still be broken there.
        git(shell::root(), &["worktree", "remove", "--force", &path])?;
    }
    git(shell::root(), &["worktree", "add", "--force", "--detach", &path, "HEAD"])?;
    let tried = patches(names).and_then(|patches| {
        let failed: Vec<_> = patches.iter().filter_map(|it| notice(&tree, it).err()).collect();
        if failed.is_empty() { Ok(()) } else { Err(failed.join("\n")) }
    });
    git(shell::root(), &["worktree", "remove", "--force", &path])?;
    tried
}

fn patches(names: &[&str]) -> Result<Vec<PathBuf>, String> {
    let folder = shell::root().join("tests/mutants");
    let files = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut all: Vec<_> = files.filter_map(|it| Some(it.ok()?.path())).collect();
    all.retain(|it| names.is_empty() || names.contains(&name(it).as_str()));
    all.sort();
    if all.is_empty() {
        Err(format!("there is no mutant of this name in {}", folder.display()))
    } else {
        Ok(all)
    }
}

fn name(patch: &Path) -> String {
    patch.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Breaks the rule in the tree, runs what has to notice there, and mends it again.
fn notice(tree: &Path, patch: &Path) -> Result<(), String> {
    let name = name(patch);
    let text = std::fs::read_to_string(patch).map_err(|error| format!("{name}: {error}"))?;
    let own_proof = text.lines().find_map(|it| it.strip_prefix(NOTICED_BY));
    let proof = own_proof.unwrap_or(SIMULATION);
    if own_proof.is_some() {
        // What fails anyway, for want of servers or because nothing has that name, notices nothing.
        passes(tree, proof).map_err(|why| format!("{name}: {why}"))?;
    }
    git(tree, &["apply", &patch.to_string_lossy()])?;
    let (built, began, ran) = (run(tree, proof, &["--no-run"]), Instant::now(), run(tree, proof, &[]));
    git(tree, &["checkout", "--", "."])?;
    if !built.map_err(|error| format!("{name}: {error}"))?.status.success() {
        return Err(format!("{name}: does not compile"));
    }
    match seen(&ran.map_err(|error| format!("{name}: {error}"))?) {
        Some(violation) => {
            println!("{name}: after {} s, {violation}", began.elapsed().as_secs());
            Ok(())
        }
        None => Err(format!("{name}: cargo {proof} does not notice")),
    }
}

/// Whether a proof passes where nothing is broken, and proves anything.
fn passes(tree: &Path, proof: &str) -> Result<(), String> {
    let ran = run(tree, proof, &[]).map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&ran.stdout);
    if !ran.status.success() {
        return Err(format!("cargo {proof} does not pass where nothing is broken (does it need servers?)"));
    }
    let is_empty =
        said.lines().filter(|it| it.starts_with("test result: ")).all(|it| it.contains(" 0 passed"));
    if is_empty { Err(format!("cargo {proof} runs no test")) } else { Ok(()) }
}

fn run(tree: &Path, proof: &str, more: &[&str]) -> std::io::Result<Output> {
    let mut cargo = shell::cargo(proof.split(' ').chain(more.iter().copied()));
    cargo.env("KARMYQ_SEEDS", SEEDS).current_dir(tree);
    if std::env::var_os("CARGO_TARGET_DIR").is_none() {
        cargo.env("CARGO_TARGET_DIR", shell::root().join("target"));
    }
    cargo.output()
}

/// The seed that found something, and what; or the first test that failed.
fn seen(ran: &Output) -> Option<String> {
    let said = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
    if ran.status.success() {
        return None;
    }
    let mut lines = said.lines().skip_while(|it| !(it.starts_with("seed ") && it.contains(" violations")));
    if let (Some(seed), Some(first)) = (lines.next(), lines.next()) {
        return Some(format!("{seed}, first: {first}"));
    }
    said.lines().find(|it| it.starts_with("test ") && it.ends_with("FAILED")).map(str::to_owned)
}

fn git(folder: &Path, arguments: &[&str]) -> Result<(), String> {
    let ran = Command::new("git").args(arguments).current_dir(folder).output();
    let ran = ran.map_err(|error| format!("git {}: {error}", arguments.join(" ")))?;
    if ran.status.success() {
        Ok(())
    } else {
        Err(format!("git {}: {}", arguments.join(" "), String::from_utf8_lossy(&ran.stderr).trim()))
    }
}

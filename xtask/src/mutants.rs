//! `cargo xtask mutants`: the rules of the write side taken out of the real code, one at a time; the simulation has to
//! notice each. They are patches in `tests/mutants`, and each says in its first line which rule it breaks.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::shell;

/// Seeds after which a mutant counts as unnoticed.
const SEEDS: &str = "3000";

/// Tries all mutants, or those of these names.
///
/// # Errors
/// Those that nobody noticed, and those that do not apply or compile.
pub(crate) fn try_out(names: &[&str]) -> Result<(), String> {
    let tree = shell::root().join("target/mutants");
    let path = tree.to_string_lossy().into_owned();
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

/// Breaks the rule in the tree, runs the simulation there, and mends it again.
fn notice(tree: &Path, patch: &Path) -> Result<(), String> {
    let name = name(patch);
    git(tree, &["apply", &patch.to_string_lossy()])?;
    let mut simulation = shell::cargo(["test", "--package", "tests", "--test", "simulation", "every_seed"]);
    simulation.env("KARMYQ_SEEDS", SEEDS).current_dir(tree);
    if std::env::var_os("CARGO_TARGET_DIR").is_none() {
        simulation.env("CARGO_TARGET_DIR", shell::root().join("target"));
    }
    let ran = simulation.output().map_err(|error| format!("{name}: {error}"));
    git(tree, &["checkout", "--", "."])?;
    match seen(&ran?) {
        Some(violation) => {
            println!("{name}: {violation}");
            Ok(())
        }
        None => Err(format!("{name}: nobody noticed in {SEEDS} seeds, or it does not compile")),
    }
}

/// The seed that found something, and what.
fn seen(ran: &Output) -> Option<String> {
    let said = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
    let mut lines = said.lines().skip_while(|it| !(it.starts_with("seed ") && it.contains(" violations")));
    let (seed, first) = (lines.next()?, lines.next()?);
    (!ran.status.success()).then(|| format!("{seed}, first: {first}"))
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

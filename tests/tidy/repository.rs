//! The files of the repository, as git knows them.

use std::path::Path;
use std::process::Command;

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate is a folder of the repository")
}

/// A text file of the repository.
pub(crate) struct File {
    /// Its path from the root.
    pub(crate) path: String,
    /// What it says.
    pub(crate) text: String,
}

/// Every text file that is tracked, or would be: new files count before they are added.
pub(crate) fn files() -> Vec<File> {
    git(&["ls-files", "--cached", "--others", "--exclude-standard"])
        .lines()
        .filter_map(|path| {
            // A deleted file is still listed until the deletion is committed; a binary file is no text.
            let text = std::fs::read_to_string(root().join(path)).ok()?;
            Some(File { path: path.to_owned(), text })
        })
        .collect()
}

/// What git prints.
pub(crate) fn git(arguments: &[&str]) -> String {
    let output = Command::new("git").args(arguments).current_dir(root()).output().expect("git runs");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("git prints UTF-8")
}

/// Fails with all findings, a line each.
#[track_caller]
pub(crate) fn none(rule: &str, findings: Vec<String>) {
    assert!(findings.is_empty(), "{rule}:\n  {}\n", findings.join("\n  "));
}

/// Findings of `rule` in the lines of `files`, as `path:line: text`.
pub(crate) fn lines<'a>(
    files: impl IntoIterator<Item = &'a File>,
    rule: impl Fn(&str) -> bool,
) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        for (number, line) in (1..).zip(file.text.lines()) {
            if rule(line) {
                found.push(format!("{}:{number}: {}", file.path, line.trim()));
            }
        }
    }
    found
}

#[test]
fn no_file_names_a_path_of_a_machine() {
    // Written in two halves so that this file passes its own rule.
    let folders =
        [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];
    let found = lines(&files(), |line| folders.iter().any(|it| line.contains(it)));
    none("paths of one machine mean nothing on another", found);
}

#[test]
fn every_mutant_still_applies() {
    let patches: Vec<_> = files().into_iter().filter(|it| it.path.starts_with("tests/mutants/")).collect();
    assert!(!patches.is_empty(), "there are mutants");
    for patch in patches {
        git(&["apply", "--check", &patch.path]);
    }
}

//! What was published in the contract is never taken back.

use crate::repository::{git, none};

/// The digests of every published schema and sample; a line may be added and never removed or changed.
const LOCK: &str = "event-schemas/contract.lock";

#[test]
fn no_digest_was_ever_removed_from_the_contract() {
    // The first commit of the list made it what it is; every later one may only add.
    let commits = git(&["log", "--format=%H", "--diff-filter=M", "--", LOCK]);
    let mut found = removed(&git(&["diff", "HEAD", "--", LOCK]), "working tree");
    for commit in commits.lines() {
        found.extend(removed(
            &git(&["show", "--format=", commit, "--", LOCK]),
            &commit[..8.min(commit.len())],
        ));
    }
    none("a published schema stays; add a version beside it", found);
}

fn removed(diff: &str, of: &str) -> Vec<String> {
    let lines = diff.lines().filter(|it| it.starts_with('-') && !it.starts_with("---"));
    lines.map(|it| format!("{of}: {it}")).collect()
}

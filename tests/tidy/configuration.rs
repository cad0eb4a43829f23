//! Configuration: what the services read is what the README explains.

use std::collections::BTreeSet;

use crate::repository::{File, files, none};

/// Where the services' variables are read.
const READERS: [&str; 4] = ["command-api/src/", "projectors/src/", "query-api/src/", "service-kit/src/"];

#[test]
fn every_variable_that_a_service_reads_is_in_the_readmes_table_and_the_other_way_round() {
    let all = files();
    let read: BTreeSet<String> =
        all.iter().filter(|it| reads_configuration(it)).flat_map(variables).collect();
    assert!(read.contains("KAFKA_BOOTSTRAP_SERVERS"), "the services are configured: {read:?}");
    let readme = all.iter().find(|it| it.path == "README.md").expect("there is a README");
    let explained: BTreeSet<String> = readme.text.lines().filter_map(row).collect();
    none("explain these in the README's table", read.difference(&explained).cloned().collect());
    none("no service reads these", explained.difference(&read).cloned().collect());
}

fn reads_configuration(file: &File) -> bool {
    let shipped = READERS.iter().any(|it| file.path.starts_with(it)) && !file.path.contains("tests");
    shipped && file.text.contains("Reader")
}

/// Literals that look like variables, before the tests of the file.
fn variables(file: &File) -> BTreeSet<String> {
    let shipped = file.text.split("#[cfg(test)]").next().unwrap_or_default();
    let code = shipped.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| line.split('"').skip(1).step_by(2))
        .filter(|it| is_variable(it))
        .map(str::to_owned)
        .collect()
}

/// The variable of a table row, as in "| `LISTEN` | … |".
fn row(line: &str) -> Option<String> {
    let name = line.strip_prefix("| `")?.split('`').next()?;
    is_variable(name).then(|| name.to_owned())
}

fn is_variable(text: &str) -> bool {
    let letters = text.bytes().all(|it| it.is_ascii_uppercase() || it.is_ascii_digit() || it == b'_');
    letters && text.len() > 3 && text.starts_with(|it: char| it.is_ascii_uppercase())
}

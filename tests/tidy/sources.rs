//! How Rust files read.

use crate::repository::{File, files, lines, none};

/// Lines above which a file must be split.
const LONGEST_FILE: usize = 500;
/// Lines above which a function must be split, signature and braces included.
const LONGEST_FUNCTION: usize = 60;

fn rust() -> Vec<File> {
    files().into_iter().filter(|it| it.path.ends_with(".rs")).collect()
}

/// Files that hold tests and nothing else.
fn is_test(file: &File) -> bool {
    file.path.contains("tests/") || file.path.ends_with("tests.rs")
}

/// The part of a file before the tests in it.
fn code(file: &File) -> File {
    let tests = file.text.find("\n#[cfg(test)]\nmod tests {").unwrap_or(file.text.len());
    File { path: file.path.clone(), text: file.text[..tests].to_owned() }
}

#[test]
fn every_file_is_short_enough_to_be_read_in_one_go() {
    let long = rust().into_iter().filter_map(|it| {
        let length = it.text.lines().count();
        (length > LONGEST_FILE).then(|| format!("{}: {length} lines", it.path))
    });
    none("split these by concept", long.collect());
}

#[test]
fn every_function_fits_on_a_screen() {
    // Tests may list as many cases as there are.
    let found = rust().iter().filter(|it| !is_test(it)).flat_map(long_functions).collect();
    none("name a part of these", found);
}

/// Relies on rustfmt: a function ends at the first brace that stands where its `fn` line began.
fn long_functions(file: &File) -> Vec<String> {
    let all: Vec<&str> = file.text.lines().collect();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut found = Vec::new();
    for (start, line) in all.iter().enumerate() {
        let words = line.trim_start();
        let is_fn =
            ["fn ", "pub fn ", "pub(crate) fn ", "async fn ", "pub async fn ", "pub(crate) async fn "];
        if !is_fn.iter().any(|it| words.starts_with(it)) {
            continue;
        }
        let end = all[start..]
            .iter()
            .position(|it| it.starts_with('}') || *it == format!("{:1$}}}", "", indent(line)));
        if let Some(length) = end.map(|it| it + 1).filter(|it| *it > LONGEST_FUNCTION) {
            found.push(format!("{}:{}: {length} lines", file.path, start + 1));
        }
    }
    found
}

#[test]
fn every_file_says_at_its_top_what_it_is_for() {
    let silent = rust().into_iter().filter(|it| !it.text.starts_with("//! ")).map(|it| it.path);
    none("begin with a `//!` sentence", silent.collect());
}

#[test]
fn no_lint_is_silenced_without_a_reason() {
    none(
        "use `#[expect(lint, reason = \"…\")]`",
        lines(&rust(), |line| {
            let line = line.trim_start();
            line.starts_with(concat!("#[al", "low")) || line.starts_with(concat!("#![al", "low"))
        }),
    );
    let unreasoned = lines(&rust(), |line| {
        let line = line.trim_start();
        (line.starts_with("#[expect(") || line.starts_with("#![expect("))
            && line.ends_with(']')
            && !line.contains("reason")
    });
    none("say why", unreasoned);
}

#[test]
fn no_test_is_ignored_or_expected_to_panic() {
    let found = lines(&rust(), |line| {
        let line = line.trim_start();
        line.starts_with(concat!("#[ig", "nore")) || line.starts_with(concat!("#[should", "_panic"))
    });
    none("a test runs, or it goes", found);
}

#[test]
fn no_test_is_called_a_test() {
    none(
        "name what holds, without the prefix",
        lines(&rust(), |line| {
            let line = line.trim_start();
            line.starts_with(concat!("fn te", "st_")) || line.starts_with(concat!("async fn te", "st_"))
        }),
    );
}

#[test]
fn no_test_sleeps() {
    // In the simulation time is paused: there a sleep is a step of the schedule, and nobody waits for it. In the fire it is
    // how long a fault lasts or a client thinks.
    let schedules = ["tests/simulation/", "tests/fire/"];
    let scheduled = |it: &File| schedules.iter().any(|folder| it.path.starts_with(folder));
    let tests: Vec<File> = rust().into_iter().filter(|it| is_test(it) && !scheduled(it)).collect();
    none(
        "wait for the condition, with a deadline",
        lines(&tests, |line| line.contains(concat!("sleep", "("))),
    );
}

#[test]
fn nothing_is_left_to_be_written() {
    let marks =
        [concat!("todo", "!("), concat!("unimplemented", "!("), concat!("TO", "DO"), concat!("FIX", "ME")];
    none("finish it", lines(&rust(), |line| marks.iter().any(|it| line.contains(it))));
}

#[test]
fn nothing_is_unwrapped_outside_of_tests() {
    let shipped: Vec<File> = rust().iter().filter(|it| !is_test(it)).map(code).collect();
    let found = lines(&shipped, |line| {
        line.contains(concat!(".unw", "rap()")) && !line.trim_start().starts_with("//")
    });
    none("handle it, or `expect` the reason why it cannot be", found);
}

/// The lints find `_` on a plain match over an enum; they do not find it inside a tuple of state and event.
#[test]
fn decisions_and_folds_name_what_they_ignore() {
    let places = ["domain/src/", "projectors/src/projections"];
    let folds: Vec<File> = rust()
        .into_iter()
        .filter(|it| places.iter().any(|place| it.path.starts_with(place)) && !is_test(it))
        .map(|it| code(&it))
        .collect();
    none("name the variants, so that a new one does not compile", folds.iter().flat_map(wildcards).collect());
}

/// `_ =>` arms of matches with an arm that names a variant, which is a path; a match over texts or numbers needs one.
fn wildcards(file: &File) -> Vec<String> {
    let all: Vec<&str> = file.text.lines().collect();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let variant = |line: &str| line.split_once(" =>").is_some_and(|(pattern, _)| pattern.contains("::"));
    let mut found = Vec::new();
    for (number, line) in all.iter().enumerate().filter(|(_, line)| line.trim_start().starts_with("_ =>")) {
        let depth = indent(line);
        let arms = all[..number].iter().rev().take_while(|it| it.is_empty() || indent(it) >= depth);
        // What a macro repeats stands for every variant.
        if arms.filter(|it| indent(it) == depth && !it.contains('$')).any(|it| variant(it)) {
            found.push(format!("{}:{}: {}", file.path, number + 1, line.trim()));
        }
    }
    found
}

#[test]
fn planted_wildcards_are_found() {
    let planted = |text: &str| wildcards(&File { path: "planted".to_owned(), text: text.to_owned() }).len();
    assert_eq!(planted("match it {\n    Event::A(_) => 1,\n    _ => 2,\n}"), 1);
    assert_eq!(planted("match (state, event) {\n    (State::A, Event::B) => 1,\n    _ => 2,\n}"), 1);
    assert_eq!(planted("match text {\n    \"a\" => 1,\n    _ => 2,\n}"), 0);
    assert_eq!(planted("match number {\n    0 | 1 => 1,\n    _ => 2,\n}"), 0);
}

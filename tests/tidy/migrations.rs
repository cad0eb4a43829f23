//! Migrations: numbered without a gap, named after what they bring.

use crate::repository::{files, none};

#[test]
fn migrations_are_numbered_in_order_and_named_after_what_they_bring() {
    let mut names: Vec<String> = files()
        .into_iter()
        .filter_map(|it| it.path.strip_prefix("migrations/").map(str::to_owned))
        .filter(|it| it.ends_with(".sql"))
        .collect();
    names.sort();
    assert!(!names.is_empty(), "there are migrations");
    let odd = (1..).zip(&names).filter(|(number, name)| {
        let rest = name.strip_prefix(&format!("{number:04}_")).and_then(|it| it.strip_suffix(".sql"));
        rest.is_none_or(|it| {
            it.is_empty() || !it.chars().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '_')
        })
    });
    none(
        "the next number of four digits, then lower snake case",
        odd.map(|(_, name)| name.clone()).collect(),
    );
}

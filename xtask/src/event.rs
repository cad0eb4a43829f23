//! `cargo xtask new-event`: the schema of a new event, made from one that exists, so that the envelope is the same.

use std::fs;

use crate::shell::root;

/// Any event that is there; its envelope is copied.
const MODEL: &str = "event-schemas/avro/community/CommunityArchived.v1.avsc";

/// Writes `event-schemas/avro/<domain>/<name>.v1.avsc` and says what comes next.
///
/// # Errors
/// The sentence to show when the name is unusable or the file cannot be written.
pub(crate) fn scaffold(domain: &str, name: &str) -> Result<(), String> {
    let pascal = name.starts_with(|it: char| it.is_ascii_uppercase())
        && name.chars().all(|it| it.is_ascii_alphanumeric())
        && (3..=64).contains(&name.len());
    if !pascal {
        return Err(format!("{name} is no name of an event: PascalCase, past tense, 3-64 letters"));
    }
    let folder = root().join("event-schemas/avro").join(domain);
    let file = folder.join(format!("{name}.v1.avsc"));
    if !folder.is_dir() || file.exists() {
        return Err(format!("{}: no such domain, or the event is there already", file.display()));
    }
    let model = fs::read_to_string(root().join(MODEL)).map_err(|error| format!("{MODEL}: {error}"))?;
    let schema = model
        .replace("CommunityArchived", name)
        .replace("karmyq.community.v1", &format!("karmyq.{domain}.v1"))
        .replace("The community was closed for good.", "TO BE WRITTEN: what happened, in a sentence.");
    fs::write(&file, schema).map_err(|error| format!("{}: {error}", file.display()))?;
    println!(
        "{}\nnext: its doc and data fields; the struct, its SealedFields and a line of `payloads!` in \
         event-schemas/src/{domain}.rs; `cargo xtask bless`; then the compiler names every match to extend",
        file.display()
    );
    Ok(())
}

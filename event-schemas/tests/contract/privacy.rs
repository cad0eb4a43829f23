//! Nothing personal stands in clear: every field that is sealed says under whose key, and every field whose name
//! sounds personal is sealed or says why it need not be.

use std::collections::BTreeSet;

use event_schemas::SealedFields;
use serde_json::{Value, json};

use crate::files::versions;
use crate::making::{Fill, made};
use crate::reading::Reading;
use crate::samples::newest;
use crate::schema::{data, fields, name, parsed, walk};

/// Words that make a name sound personal.
const PERSONAL: [&str; 11] =
    ["email", "phone", "name", "address", "text", "title", "description", "message", "note", "code", "ip"];
/// Marks of README 6.1 that this version uses.
const SCOPES: [&str; 4] = ["^U", "^R", "^J", "^F"];

#[test]
fn every_field_that_sounds_personal_is_sealed_or_says_why_not() {
    for version in versions() {
        let found = leaks(&parsed(version.schema));
        assert!(found.is_empty(), "{}: {found:#?}", version.name);
    }
}

#[test]
fn every_sealed_field_of_a_schema_is_sealed_by_its_struct() {
    for version in newest() {
        let mut schema = parsed(version.schema);
        let of_schema: BTreeSet<_> = fields(data(&mut schema))
            .iter()
            .filter(|it| is_sealed(it))
            .map(|it| name(it).to_owned())
            .collect();
        let of_struct: BTreeSet<_> = match Reading::of(&version, &made(&version, Fill::Everything)) {
            Ok(Reading::Event(mut it)) => paths(&mut it.payload),
            Ok(Reading::Command(mut it)) => paths(&mut it.payload),
            Ok(Reading::Key(_) | Reading::Owner(_) | Reading::Snapshot(_)) => BTreeSet::new(),
            Err(error) => panic!("{}: {error}", version.name),
        };
        assert_eq!(of_struct, of_schema, "{}", version.name);
    }
}

fn paths(payload: &mut impl SealedFields) -> BTreeSet<String> {
    payload.sealed_fields().iter().map(|slot| slot.path.to_owned()).collect()
}

#[test]
fn planted_leaks_are_found() {
    let with = |field: Value| leaks(&json!({"type": "record", "name": "Planted", "fields": [field]}));
    let sealed = json!(["null", "karmyq.common.v1.Sealed"]);

    assert!(with(json!({"name": "contactEmail", "type": "string"}))[0].contains("sounds personal"));
    assert!(with(json!({"name": "title", "type": "string", "pii": "^R"}))[0].contains("is not sealed"));
    assert!(with(json!({"name": "title", "type": "string", "pii": "none"}))[0].contains("reason"));
    assert!(with(json!({"name": "bio", "type": sealed}))[0].contains("under whose key"));
    assert!(with(json!({"name": "bio", "type": sealed, "pii": "^X"}))[0].contains("under whose key"));
    let nested = json!({"type": "array", "items": {"type": "record", "name": "Inner", "fields": [
        {"name": "phone", "type": "string"}
    ]}});
    assert!(with(json!({"name": "contacts", "type": nested}))[0].contains("/contacts/phone"));

    assert_eq!(with(json!({"name": "bio", "type": sealed, "pii": "^U"})), Vec::<String>::new());
    assert_eq!(
        with(json!({"name": "shipped", "type": "boolean"})),
        Vec::<String>::new(),
        "no word of its own"
    );
}

/// What is wrong with the personal fields of a schema, a sentence each.
fn leaks(schema: &Value) -> Vec<String> {
    walk(schema)
        .into_iter()
        .filter_map(|(path, field)| leak(field).map(|it| format!("{path} {it}")))
        .collect()
}

fn leak(field: &Value) -> Option<&'static str> {
    let scoped = |scope: &str| SCOPES.contains(&scope);
    match field.get("pii").and_then(Value::as_str) {
        None if is_sealed(field) => Some("does not say under whose key it is sealed"),
        None if sounds_personal(name(field)) => Some("sounds personal and has no pii attribute"),
        None => None,
        Some("none") if is_sealed(field) => Some("is sealed and says that it is not personal"),
        Some("none") if field["piiReason"].as_str().is_none_or(str::is_empty) => {
            Some("gives no reason (piiReason)")
        }
        Some("none") => None,
        Some(scope) if !scoped(scope) => Some("does not say under whose key it is sealed"),
        Some(_) if !is_sealed(field) => Some("is personal and is not sealed"),
        Some(_) => None,
    }
}

fn is_sealed(field: &Value) -> bool {
    let inner = &field["type"][1];
    inner == "karmyq.common.v1.Sealed" || name(inner) == "Sealed"
}

/// Whether a word of the camelCase name is one of [`PERSONAL`].
fn sounds_personal(name: &str) -> bool {
    let spaced: String = name
        .chars()
        .flat_map(|it| it.is_uppercase().then_some(' ').into_iter().chain(it.to_lowercase()))
        .collect();
    spaced.split(' ').any(|word| PERSONAL.contains(&word))
}

//! Struct and schema of every type have the same fields, required and optional alike.

use serde_json::{Value, json};

use crate::files::Version;
use crate::making::{Fill, made, unchecked};
use crate::reading::Reading;
use crate::samples::newest;
use crate::schema::{data, fields, fields_mut, is_nullable, name, parsed, remove};

/// A version whose data record was altered.
fn altered(version: &Version, alter: impl FnOnce(&mut Value)) -> Version {
    let mut schema = parsed(version.schema);
    alter(data(&mut schema));
    Version { schema: schema.to_string().leak(), ..*version }
}

fn data_fields(version: &Version) -> Vec<Value> {
    fields(data(&mut parsed(version.schema))).to_vec()
}

#[test]
fn a_record_without_any_optional_value_keeps_its_bytes() {
    for version in newest() {
        let bytes = made(&version, Fill::Nothing);
        let reading = Reading::of(&version, &bytes).unwrap_or_else(|error| panic!("{version:?}: {error}"));
        assert_eq!(reading.written(&version), bytes, "{}", version.name);
    }
}

#[test]
fn a_struct_demands_every_field_that_its_schema_requires() {
    for version in newest() {
        for field in data_fields(&version).iter().filter(|it| it.get("default").is_none()) {
            let without = altered(&version, |data| remove(data, name(field)));
            let error = refused(&without);
            assert!(error.contains(name(field)), "{}: {} is not named: {error}", version.name, name(field));
        }
    }
}

#[test]
fn a_struct_takes_no_null_where_its_schema_has_none() {
    for version in newest() {
        for field in data_fields(&version).iter().filter(|it| !is_nullable(it)) {
            let nullable = altered(&version, |data| {
                let field = fields_mut(data).iter_mut().find(|it| name(it) == name(field)).expect("there");
                field["type"] = json!(["null", field["type"]]);
                field.as_object_mut().expect("an object").remove("default");
            });
            refused(&nullable);
        }
    }
}

#[test]
fn a_struct_fills_in_every_optional_field_that_an_older_minor_lacked() {
    for version in newest() {
        for field in data_fields(&version).iter().filter(|it| it.get("default").is_some()) {
            let older = altered(&version, |data| remove(data, name(field)));
            let bytes = binary(&older);
            Reading::of(&older, &bytes)
                .unwrap_or_else(|error| panic!("{} without {}: {error}", version.name, name(field)));
        }
    }
}

#[test]
fn a_struct_has_no_field_beyond_its_schema() {
    for version in newest() {
        for field in data_fields(&version) {
            let narrower = altered(&version, |data| remove(data, name(&field)));
            let reading = Reading::of(&version, &made(&version, Fill::Nothing)).expect("reads");
            assert!(
                reading.try_written(&narrower).is_err(),
                "{}: {} is lost in silence",
                version.name,
                name(&field)
            );
        }
    }
}

/// Why this code does not read a record of that schema.
fn refused(version: &Version) -> String {
    match Reading::of(version, &binary(version)) {
        Ok(reading) => panic!("{}: read {reading:?} from {}", version.name, version.schema),
        Err(error) => error.to_string(),
    }
}

/// Bare Avro binary of the schema, without any optional value, whatever this code makes of it.
fn binary(version: &Version) -> Vec<u8> {
    unchecked(version, Fill::Nothing)
}

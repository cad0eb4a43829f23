//! Schemas as JSON, for tests that walk or alter them.

use serde_json::Value;

/// Parses the text of a schema.
pub(crate) fn parsed(schema: &str) -> Value {
    serde_json::from_str(schema).expect("a schema is JSON")
}

/// The fields of a record schema.
pub(crate) fn fields(record: &Value) -> &[Value] {
    record["fields"].as_array().map_or(&[], Vec::as_slice)
}

/// The fields of a record schema, to be altered.
pub(crate) fn fields_mut(record: &mut Value) -> &mut Vec<Value> {
    record["fields"].as_array_mut().expect("a record has fields")
}

/// The name of a field or record.
pub(crate) fn name(it: &Value) -> &str {
    it["name"].as_str().unwrap_or_default()
}

/// The record that holds the type's own fields; of a state record the record itself.
pub(crate) fn data(schema: &mut Value) -> &mut Value {
    let index = fields(schema).iter().position(|it| name(it) == "data");
    match index {
        Some(index) => &mut schema["fields"][index]["type"],
        None => schema,
    }
}

/// Whether null may stand in the field.
pub(crate) fn is_nullable(field: &Value) -> bool {
    field["type"][0] == "null"
}

/// Takes a field out. Where it was the one that defines the record of sealed values, the next one does.
pub(crate) fn remove(record: &mut Value, field: &str) {
    let fields = fields_mut(record);
    let index = fields.iter().position(|it| name(it) == field).expect("the field is there");
    let removed = fields.remove(index);
    let definition = &removed["type"][1];
    if definition["name"] == "Sealed"
        && let Some(next) = fields.iter_mut().find(|it| it["type"][1] == "karmyq.common.v1.Sealed")
    {
        next["type"][1] = definition.clone();
    }
}

/// Every field of the schema at any depth, with its path.
pub(crate) fn walk(schema: &Value) -> Vec<(String, &Value)> {
    fn visit<'a>(it: &'a Value, path: &str, found: &mut Vec<(String, &'a Value)>) {
        for field in fields(it) {
            let path = format!("{path}/{}", name(field));
            found.push((path.clone(), field));
            visit_type(&field["type"], &path, found);
        }
    }
    fn visit_type<'a>(it: &'a Value, path: &str, found: &mut Vec<(String, &'a Value)>) {
        match it {
            Value::Array(variants) => variants.iter().for_each(|it| visit_type(it, path, found)),
            Value::Object(_) => {
                visit(it, path, found);
                ["items", "values"].into_iter().for_each(|inner| visit_type(&it[inner], path, found));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut found = Vec::new();
    visit(schema, "", &mut found);
    found
}

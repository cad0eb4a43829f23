//! From the short description of a route to an OpenAPI operation: adds the envelope, the headers, the parameters and the
//! refusals that all routes of its kind have (specification, README 5.1).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::notation::schema;

/// What is particular to a route.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Short {
    summary: String,
    /// Needs no token.
    #[serde(default)]
    public: bool,
    /// Query parameters by name.
    #[serde(default)]
    query: Map<String, Value>,
    /// Whether the call may or must name a community.
    context: Option<Context>,
    body: Option<Value>,
    #[serde(default)]
    optional_body: bool,
    /// `data` by status; of one item where the answer is a list.
    #[serde(default)]
    answer: BTreeMap<String, Value>,
    /// A list in pages.
    #[serde(default)]
    list: bool,
    /// A list that is short by nature.
    #[serde(default)]
    short: bool,
    /// Has the aggregate's version as `ETag`.
    #[serde(default)]
    versioned: bool,
    /// A command that touches no aggregate: its answer has neither position nor version.
    #[serde(default)]
    eventless: bool,
    /// Server-sent events.
    #[serde(default)]
    stream: bool,
    /// A body without envelope.
    raw: Option<Value>,
    /// Codes beside the generic ones, by status.
    #[serde(default)]
    errors: BTreeMap<String, Vec<String>>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Context {
    Optional,
    Required,
}

/// The operation of a route.
///
/// # Panics
/// When the description is wrong: it is part of the program.
pub(super) fn expanded(method: &str, path: &str, tag: &str, short: &Value) -> Value {
    let short: Short =
        serde_json::from_value(short.clone()).unwrap_or_else(|error| panic!("{method} {path}: {error}"));
    let mut operation = json!({
        "operationId": operation_id(method, path),
        "tags": [tag],
        "summary": short.summary,
        "parameters": parameters(method, path, &short),
        "responses": responses(method, path, &short),
    });
    if let Some(body) = &short.body {
        let content = json!({"application/json": {"schema": schema(body)}});
        operation["requestBody"] = json!({"required": !short.optional_body, "content": content});
    }
    if short.public || short.raw.is_some() {
        operation["security"] = json!([]);
    }
    operation
}

/// `get_requests_requestId`.
fn operation_id(method: &str, path: &str) -> String {
    let words = path
        .split('/')
        .filter(|it| !it.is_empty())
        .map(|it| it.trim_matches(['{', '}']).replace(['-', '.'], "_"));
    words.fold(method.to_lowercase(), |id, word| format!("{id}_{word}"))
}

fn parameters(method: &str, path: &str, short: &Short) -> Vec<Value> {
    let mut all: Vec<_> = path_ids(path).map(|name| parameter("path", name, &path_schema(name))).collect();
    all.extend(short.query.iter().map(|(name, it)| parameter("query", name, &schema(it))));
    if short.raw.is_some() {
        return all;
    }
    if short.list {
        let limit = json!({"type": "integer", "minimum": 1, "maximum": 100});
        all.push(parameter("query", "page", &json!({"type": "integer", "minimum": 1, "maximum": 1_000_000})));
        all.push(parameter("query", "limit", &limit));
        all.push(parameter("query", "cursor", &json!({"type": "string"})));
    }
    if short.context.is_some() {
        let uuid = json!({"type": "string", "format": "uuid"});
        all.push(parameter("header", "X-Community-Context", &uuid));
        if method == "GET" {
            all.push(parameter("query", "community_id", &uuid));
        }
    }
    all.push(parameter(
        "header",
        "X-Correlation-Id",
        &json!({"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,128}$"}),
    ));
    if method == "GET" {
        let position = json!({"type": "string", "pattern": "^[a-z-]+/[0-9]{1,3}@[0-9]{1,15}$"});
        let positions = json!({"type": "array", "items": position});
        all.push(parameter("query", "min_position", &positions));
        all.push(parameter("query", "wait_ms", &json!({"type": "integer", "minimum": 0, "maximum": 10_000})));
        if short.stream {
            all.push(parameter("header", "Last-Event-ID", &json!({"type": "string"})));
        }
    } else {
        all.push(parameter(
            "header",
            "Idempotency-Key",
            &json!({"type": "string", "pattern": "^[ -~]{1,128}$"}),
        ));
        if path_ids(path).next().is_some() {
            all.push(parameter("header", "If-Match", &json!({"type": "string", "pattern": "^\"[0-9]+\"$"})));
        }
    }
    all
}

fn path_ids(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|it| it.strip_prefix('{')?.strip_suffix('}'))
}

fn path_schema(name: &str) -> Value {
    if name == "type" { json!({"type": "string"}) } else { json!({"type": "string", "format": "uuid"}) }
}

fn parameter(place: &str, name: &str, schema: &Value) -> Value {
    json!({"in": place, "name": name, "required": place == "path", "schema": schema})
}

fn responses(method: &str, path: &str, short: &Short) -> Value {
    if let Some(raw) = &short.raw {
        let content = json!({"application/json": {"schema": schema(raw)}});
        let unready = json!({"description": "not ready", "content": content});
        return json!({"200": {"description": "as it is", "content": content}, "503": unready});
    }
    let mut all = Map::new();
    for (status, data) in &short.answer {
        all.insert(status.clone(), success(method, data, short));
    }
    if short.stream {
        let content = json!({"text/event-stream": {"schema": {"type": "string"}}});
        all.insert("200".to_owned(), json!({"description": "a stream", "content": content}));
    }
    for (status, codes) in refusals(method, path, short) {
        let content = json!({"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}});
        let codes: Vec<_> = codes.into_iter().collect();
        all.insert(status, json!({"description": codes.join(", "), "x-codes": codes, "content": content}));
    }
    Value::Object(all)
}

fn success(method: &str, data: &Value, short: &Short) -> Value {
    let mut data = schema(data);
    let mut headers = json!({"X-Correlation-Id": text_header()});
    if method != "GET" && !short.eventless {
        let stands = json!({"position": "string?", "version": "int"});
        data = json!({"allOf": [data, schema(&stands)]});
        headers["X-Position"] = text_header();
        headers["ETag"] = text_header();
    }
    if short.versioned {
        headers["ETag"] = text_header();
    }
    let mut properties = json!({"success": {"const": true}, "data": data, "message": {"type": "string"}});
    let mut required = vec!["success", "data"];
    if short.list || short.short {
        properties["data"] = json!({"type": "array", "items": data});
        properties["pagination"] = json!({"$ref": "#/components/schemas/Pagination"});
        properties["meta"] = json!({"type": "object"});
        required.push("pagination");
    }
    let envelope = json!({"type": "object", "properties": properties, "required": required});
    json!({"description": "success", "headers": headers, "content": {"application/json": {"schema": envelope}}})
}

fn text_header() -> Value {
    json!({"schema": {"type": "string"}})
}

/// Codes by status: those that every route of the kind has, and those of this one.
fn refusals(method: &str, path: &str, short: &Short) -> BTreeMap<String, Vec<String>> {
    let mut all = short.errors.clone();
    let mut add = |status: &str, codes: &[&str]| {
        let known = all.entry(status.to_owned()).or_default();
        known.extend(codes.iter().map(|it| (*it).to_owned()));
    };
    add("400", &["VALIDATION_ERROR"]);
    add("429", &["RATE_LIMITED"]);
    add("500", &["INTERNAL_ERROR"]);
    add("503", &["DEPENDENCY_UNAVAILABLE", "OVERLOADED"]);
    if !short.public {
        add("401", &["UNAUTHENTICATED", "TOKEN_INVALID", "TOKEN_EXPIRED"]);
    }
    if path.contains('{') {
        add("404", &["NOT_FOUND"]);
    }
    if short.list {
        add("400", &["INVALID_CURSOR"]);
    }
    if let Some(context) = short.context {
        add("403", &["NOT_A_MEMBER"]);
        if context == Context::Required {
            add("400", &["COMMUNITY_CONTEXT_REQUIRED"]);
        }
    }
    if method == "GET" {
        add("400", &["INVALID_POSITION"]);
        // A community that the call names must be the caller's on every read.
        add("403", &["NOT_A_MEMBER"]);
        add("503", &["NOT_YET_VISIBLE"]);
    } else {
        add("408", &["REQUEST_TIMEOUT"]);
        add("413", &["PAYLOAD_TOO_LARGE"]);
        add("422", &["IDEMPOTENCY_KEY_REUSED"]);
        add("503", &["PARTITION_MOVING", "OUTCOME_UNKNOWN"]);
        if !short.public {
            add("403", &["EMAIL_NOT_VERIFIED", "ACCOUNT_DEACTIVATED"]);
        }
        if path.contains('{') {
            add("412", &["VERSION_CONFLICT"]);
        }
    }
    for codes in all.values_mut() {
        codes.sort();
        codes.dedup();
    }
    all
}

/// The answer that is no success.
pub(super) fn problem() -> Value {
    let error = schema(&json!({"code": "string", "message": "string", "~details": "#ProblemDetails"}));
    json!({"type": "object", "required": ["success", "error"], "properties": {"success": {"const": false}, "error": error}})
}

/// Where in a list an answer is.
pub(super) fn pagination() -> Value {
    schema(&json!({"page": "int?", "limit": "int", "total": "int", "pages": "int", "next_cursor": "string?"}))
}

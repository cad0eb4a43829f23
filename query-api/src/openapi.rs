//! The description of the whole API (OpenAPI 3.1), commands included, and the page that shows it.
//!
//! What is particular to a route stands in `query-api/openapi/*.json`, a few lines each; `operation` adds what all
//! routes have in common (envelope, headers, generic refusals), so that it is said once. `notation` is the short form
//! of types used there.

mod notation;
mod operation;

use std::sync::OnceLock;

use axum::http::header::CONTENT_TYPE;
use axum::response::{Html, IntoResponse};
use serde_json::{Map, Value, json};
use service_kit::routes::BASE_PATH;

/// Tag and routes of each file, in the order of the page.
const FILES: [(&str, &str); 8] = [
    ("Accounts", include_str!("../openapi/accounts.json")),
    ("Communities", include_str!("../openapi/communities.json")),
    ("Requests and matches", include_str!("../openapi/requests.json")),
    ("Reputation", include_str!("../openapi/reputation.json")),
    ("Notifications", include_str!("../openapi/notifications.json")),
    ("Feed", include_str!("../openapi/feed.json")),
    ("Operations", include_str!("../openapi/operations.json")),
    ("Service", include_str!("../openapi/service.json")),
];

const SCHEMAS: &str = include_str!("../openapi/schemas.json");

const DESCRIPTION: &str = "Mutual aid, event-sourced. `GET` is served by query-api, everything else by command-api; clients see one origin. \
    A command answers with its `position`; a `GET` with `min_position` waits until it includes it.";

/// The document.
///
/// # Panics
/// When a file of the description is wrong, which a test of this crate excludes.
#[must_use]
pub fn document() -> Value {
    let mut paths = Map::new();
    for (tag, file) in FILES {
        let routes: Map<String, Value> = serde_json::from_str(file).expect("the description is JSON");
        for (route, short) in &routes {
            let (method, path) = route.split_once(' ').expect("a route has a method and a path");
            let item = paths.entry(path.to_owned()).or_insert_with(|| json!({}));
            item[method.to_lowercase()] = operation::expanded(method, path, tag, short);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {"title": "karmyq", "version": env!("CARGO_PKG_VERSION"), "description": DESCRIPTION},
        "servers": [{"url": BASE_PATH}],
        "tags": FILES.map(|(tag, _)| json!({"name": tag})),
        "security": [{"bearer": []}],
        "paths": paths,
        "components": components(),
    })
}

fn components() -> Value {
    let shapes: Map<String, Value> = serde_json::from_str(SCHEMAS).expect("the description is JSON");
    let mut schemas: Map<String, Value> =
        shapes.iter().map(|(name, it)| (name.clone(), notation::schema(it))).collect();
    schemas.insert("Problem".to_owned(), operation::problem());
    schemas.insert("Pagination".to_owned(), operation::pagination());
    let bearer = json!({"type": "http", "scheme": "bearer", "bearerFormat": "JWT"});
    json!({"schemas": schemas, "securitySchemes": {"bearer": bearer}})
}

/// GET /api/v1/openapi.json.
pub(crate) async fn json() -> impl IntoResponse {
    static TEXT: OnceLock<String> = OnceLock::new();
    let text = TEXT.get_or_init(|| document().to_string());
    ([(CONTENT_TYPE, "application/json")], text.as_str())
}

/// GET /docs: shows the document without anything from elsewhere.
pub(crate) async fn page() -> Html<&'static str> {
    Html(include_str!("../openapi/page.html"))
}

#[cfg(test)]
mod tests;

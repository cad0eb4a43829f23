//! The description of the whole API (OpenAPI 3.1), commands included, and the page that shows it.

use axum::Json;
use axum::response::Html;
use serde_json::{Value, json};

/// The document.
#[must_use]
pub fn document() -> Value {
    json!({})
}

/// GET /api/v1/openapi.json.
pub(crate) async fn json() -> Json<Value> {
    Json(document())
}

/// GET /docs.
pub(crate) async fn page() -> Html<&'static str> {
    Html("")
}

//! Style and script of the console, served from the binary. Kept by browsers for a while, so that a page is one call.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;

/// Short enough for a deploy.
const KEPT: &str = "max-age=300";

/// GET /console/style.css.
pub(super) async fn style() -> impl IntoResponse {
    let headers = [(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, KEPT)];
    (headers, include_str!("../../templates/console/style.css"))
}

/// GET /console/console.js: renews what a page shows while it is open.
pub(super) async fn script() -> impl IntoResponse {
    let headers = [(CONTENT_TYPE, "text/javascript; charset=utf-8"), (CACHE_CONTROL, KEPT)];
    (headers, include_str!("../../templates/console/console.js"))
}

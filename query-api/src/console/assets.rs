//! Style and script of the console, served from the binary.

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

/// GET /console/style.css.
pub(super) async fn style() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("../../templates/console/style.css"))
}

/// GET /console/console.js: renews what a page shows while it is open.
pub(super) async fn script() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("../../templates/console/console.js"))
}

//! The operators' console under `/console`: pages that show what `karmyq` shows, and forms that ask for what it does.
//!
//! `entrance` lets operators in and nobody else, `form` takes what a page of ours sends and nothing from elsewhere, `page`
//! renders, `failure` says what went wrong. A file per page: `projections` with `chart`, `orders`, `dead_letters`, `owners`,
//! `flow`. The pages are HTML from `query-api/templates/console`, escaped by the template engine; style and script are part of
//! the binary, so the console works without the internet.
//!
//! Nothing here changes a read model: a form leaves an order in `projection.orders`, and projectors carry it out.

mod assets;
mod chart;
mod dead_letters;
mod entrance;
mod failure;
mod flow;
mod form;
mod orders;
mod owners;
mod page;
mod projections;
mod words;

use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};

pub(crate) use self::entrance::uncounted;
use self::failure::Failure;
pub(crate) use self::failure::dress;
use crate::app::App;

/// Longest work on a page; shorter than that on any answer, which would not say that it was a page.
const TIME_LIMIT: Duration = Duration::from_secs(15);

/// What every page is served with: nothing from elsewhere, nothing inline, in nobody's frame, in no cache by itself. The referrer
/// stays, for our own pages alone: without it a browser would not say where a form comes from.
const HEADERS: [(HeaderName, &str); 5] = [
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'",
    ),
    (CACHE_CONTROL, "no-store"),
    (REFERRER_POLICY, "same-origin"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
];

/// All pages, with full paths.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/console", get(async || Redirect::to("/console/projections")))
        .route("/console/", get(async || Redirect::to("/console/projections")))
        .route("/console/{*elsewhere}", get(async || Failure::not_found("page")))
        .route("/console/login", get(entrance::show).post(entrance::log_in))
        .route("/console/logout", post(entrance::log_out))
        .route("/console/projections", get(projections::list).post(orders::of_all))
        .route("/console/projections/{name}", get(projections::show))
        .route("/console/projections/{name}/{kind}", post(orders::of_projection))
        .route("/console/orders", get(orders::list))
        .route("/console/orders/{id}", get(orders::show))
        .route("/console/dead-letters", get(dead_letters::list))
        .route("/console/dead-letters/{kind}", post(orders::of_dead_letters))
        .route("/console/owners", get(owners::list))
        .route("/console/flow", get(flow::show))
        .route("/console/style.css", get(assets::style))
        .route("/console/console.js", get(assets::script))
        .layer(from_fn(serve))
}

async fn serve(request: Request, next: Next) -> Response {
    let late = |_| Failure::unavailable("this page took too long").into_response();
    let mut response = tokio::time::timeout(TIME_LIMIT, next.run(request)).await.unwrap_or_else(late);
    protect(response.headers_mut());
    response
}

fn protect(headers: &mut HeaderMap) {
    for (name, value) in HEADERS {
        headers.entry(name).or_insert_with(|| HeaderValue::from_static(value));
    }
}

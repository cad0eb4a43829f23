//! A log line and two metrics per request.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::response::Response;
use metrics::{counter, histogram};
use tracing::{info, warn};

/// The route is its template, so neither ids nor query parameters (which may hold tokens) get into logs or
/// labels.
pub(super) async fn request<F>(request: Request, next: impl FnOnce(Request) -> F) -> Response
where
    F: Future<Output = Response>,
{
    let begun = Instant::now();
    let method = method(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next(request).await;
    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str).to_owned();
    let (status, elapsed) = (response.status(), begun.elapsed());
    let latency_ms = elapsed.as_secs_f64() * 1_000.0;
    if status.is_server_error() {
        warn!(target: "http", method, route, status = status.as_u16(), latency_ms, "request failed");
    } else {
        info!(target: "http", method, route, status = status.as_u16(), latency_ms, "request");
    }
    histogram!("http_request_duration_seconds", "method" => method, "route" => route.clone()).record(elapsed);
    counter!("http_requests_total", "method" => method, "route" => route, "status" => status.as_str().to_owned())
        .increment(1);
    response
}

/// A bounded set: a client may send any word as method.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}

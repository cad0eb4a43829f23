//! What a request passes before it meets a route, outermost first: correlation id and span · log and metrics · CORS ·
//! panics become 500 · time limit · body limit · authentication · rate limit.

pub mod correlation;
mod observe;
pub mod rate_limit;

use std::any::Any;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::{ETAG, LOCATION, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowHeaders, AllowMethods, AllowOrigin, CorsLayer};

use crate::answer::{POSITION, Problem, method_not_allowed, unknown_route};
use crate::auth::{Authentication, Authenticator};
use rate_limit::{Class, RateLimits};

/// Largest body, in bytes.
pub const BODY_LIMIT: usize = 1024 * 1024;

/// Everything around the routes of an API.
#[derive(Clone, Debug)]
pub struct Stack {
    /// Finds out who calls.
    pub authenticator: Authenticator,
    /// Counts calls.
    pub limits: RateLimits,
    /// The class that every route counts in.
    pub class: Class,
    /// Origins that browsers may call from (`ALLOWED_ORIGINS`).
    pub allowed_origins: Vec<String>,
    /// Until the headers of an answer; a stream may go on.
    pub time_limit: Duration,
}

impl Stack {
    /// The router with all of it, and with our answers for unknown paths and methods. Health and metrics are merged
    /// after this, because they pass none of it.
    pub fn around(&self, router: Router) -> Router {
        // One layer of all, outermost first: each `layer` by itself would box the route once more, and all boxes are
        // cloned for every request.
        let layers = (
            from_fn(correlation::assign),
            from_fn(observe::request),
            cors(&self.allowed_origins),
            CatchPanicLayer::custom(panicked),
            from_fn_with_state(self.time_limit, limit_time),
            DefaultBodyLimit::max(BODY_LIMIT),
            from_fn_with_state(self.authenticator.clone(), authenticate),
            from_fn_with_state((self.limits.clone(), self.class), rate_limit::check),
        );
        router.fallback(unknown_route).method_not_allowed_fallback(method_not_allowed).layer(layers)
    }
}

async fn authenticate(
    State(authenticator): State<Authenticator>,
    mut request: Request,
    next: Next,
) -> Response {
    let authentication = authenticator.of(request.headers());
    if let Authentication::SignedIn(claims) = &authentication {
        correlation::note_user(claims.user_id);
    }
    request.extensions_mut().insert(authentication);
    next.run(request).await
}

async fn limit_time(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            Problem::unavailable("DEPENDENCY_UNAVAILABLE", "the call took too long", Duration::from_secs(1))
                .into_response()
        }
    }
}

fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text =
        panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    Problem::internal(format_args!("panic: {}", text.unwrap_or("without text"))).into_response()
}

fn cors(allowed_origins: &[String]) -> CorsLayer {
    let origins = allowed_origins.iter().filter_map(|it| HeaderValue::from_str(it).ok());
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_credentials(true)
        .allow_methods(AllowMethods::list([
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ]))
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([
            ETAG,
            LOCATION,
            RETRY_AFTER,
            POSITION,
            correlation::HEADER,
            HeaderName::from_static("idempotent-replay"),
            rate_limit::LIMIT,
            rate_limit::REMAINING,
            rate_limit::RESET,
        ])
        .max_age(Duration::from_secs(600))
}

#[cfg(test)]
mod tests;

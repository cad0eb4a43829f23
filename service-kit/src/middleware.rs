//! What a request passes before it meets a route, outermost first: CORS · a place among those under way · correlation id
//! and span · log and metrics · time limit · panics become 500 · authentication · rate limit.
//!
//! Each is a function that takes the request and what comes next; [`Stack`] is their order.

pub mod correlation;
mod observe;
pub mod rate_limit;

use std::any::Any;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::{ETAG, LOCATION, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use futures::future::BoxFuture;
use metrics::counter;
use tokio::sync::Semaphore;
use tower_http::cors::{AllowHeaders, AllowMethods, AllowOrigin, CorsLayer};

use crate::answer::{POSITION, Problem, method_not_allowed, unknown_route};
use crate::auth::{Authentication, Authenticator};
use rate_limit::{Class, Counted, RateLimits};

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
    /// Calls that may be under way; more are refused at once.
    pub places: Arc<Semaphore>,
    /// Calls that no rate limit is for.
    pub uncounted: Option<Uncounted>,
    /// Calls of people, whose answers may have to become pages.
    pub people: Option<fn(&Request) -> Option<Dress>>,
}

/// Makes a page of an answer of ours that is none; leaves others as they are.
pub type Dress = Box<dyn FnOnce(Response) -> BoxFuture<'static, Response> + Send>;

/// Tells from its headers whether a call is not to be counted: because another instance of the service has counted it and
/// sent it on, or because of whoever calls.
#[derive(Clone)]
pub struct Uncounted(Arc<dyn Fn(&HeaderMap) -> bool + Send + Sync>);

impl Uncounted {
    /// Calls that this function recognises.
    pub fn new(recognise: impl Fn(&HeaderMap) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(recognise))
    }

    /// Marks such a request as [`Counted`].
    pub fn mark(&self, request: &mut Request) {
        if self.0(request.headers()) {
            request.extensions_mut().insert(Counted);
        }
    }
}

impl fmt::Debug for Uncounted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Uncounted")
    }
}

impl Stack {
    /// The router with all of it, and with our answers for unknown paths and methods. Health and metrics are merged
    /// after this, because they pass none of it.
    pub fn around(self, router: Router) -> Router {
        let cors = cors(&self.allowed_origins);
        // One layer and one `from_fn`: axum boxes each of them and clones all that is inside for every request, which
        // cost more than the commands.
        let layers = (cors, from_fn_with_state(Arc::new(self), pass));
        router.fallback(unknown_route).method_not_allowed_fallback(method_not_allowed).layer(layers)
    }

    fn authenticate(&self, request: &mut Request) {
        let authentication = self.authenticator.of(request.headers());
        if let Authentication::SignedIn(claims) = &authentication {
            correlation::note_user(claims.user_id);
        }
        request.extensions_mut().insert(authentication);
    }

    /// Panics become 500, whoever takes too long 503.
    async fn guard(&self, answering: impl Future<Output = Response>) -> Response {
        // What a handler holds goes with it; shared state has no lock that a panic could leave half changed.
        match tokio::time::timeout(self.time_limit, AssertUnwindSafe(answering).catch_unwind()).await {
            Ok(Ok(response)) => response,
            Ok(Err(panic)) => panicked(&*panic),
            Err(_elapsed) => {
                let message = "the call took too long";
                Problem::unavailable("DEPENDENCY_UNAVAILABLE", message, Duration::from_secs(1))
                    .into_response()
            }
        }
    }
}

/// What every request passes.
async fn pass(State(stack): State<Arc<Stack>>, request: Request, next: Next) -> Response {
    let dress = stack.people.and_then(|it| it(&request));
    let response = answer(&stack, request, next).await;
    match dress {
        Some(dress) => dress(response).await,
        None => response,
    }
}

async fn answer(stack: &Stack, mut request: Request, next: Next) -> Response {
    // Before anything that costs: under overload most calls end here.
    let Ok(_place) = stack.places.try_acquire() else {
        counter!("http_requests_shed_total").increment(1);
        return Problem::overloaded().into_response();
    };
    if let Some(uncounted) = &stack.uncounted {
        uncounted.mark(&mut request);
    }
    DefaultBodyLimit::max(BODY_LIMIT).apply(&mut request);
    let admit = async |mut request: Request| {
        stack.authenticate(&mut request);
        rate_limit::pass(&stack.limits, stack.class, request, |request| next.run(request)).await
    };
    let guarded = |request| stack.guard(admit(request));
    correlation::assign(request, |request| observe::request(request, guarded)).await
}

fn panicked(panic: &(dyn Any + Send)) -> Response {
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
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("idempotent-replay"),
            rate_limit::LIMIT,
            rate_limit::REMAINING,
            rate_limit::RESET,
        ])
        .max_age(Duration::from_secs(600))
}

#[cfg(test)]
mod tests;

//! What a request passes before it meets a route, outermost first: CORS, for browsers · a place among those under way ·
//! correlation id and span · log and metrics · time limit · panics become 500 · authentication · rate limit.
//!
//! Each is a function that takes the request and what comes next; [`Stack`] is their order. The first two come before the
//! route is looked for: under overload most calls end there, and what refusing costs is lost to those that are accepted.

pub mod correlation;
mod observe;
pub mod rate_limit;

use std::any::Any;
use std::convert::Infallible;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::{ETAG, LOCATION, ORIGIN, RETRY_AFTER, VARY};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use futures::future::{BoxFuture, Either};
use metrics::counter;
use tokio::sync::Semaphore;
use tower::{Layer, Service, service_fn};
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
        let (cors, stack) = (cors(&self.allowed_origins), Arc::new(self));
        // One `from_fn`: axum boxes each of them and clones all that is inside for every request, which cost more than
        // the commands.
        let passing = from_fn_with_state(Arc::clone(&stack), pass);
        let router =
            router.fallback(unknown_route).method_not_allowed_fallback(method_not_allowed).layer(passing);
        let admitted = service_fn(move |request| admit(Arc::clone(&stack), router.clone(), request));
        // Shared, because axum clones what it calls, and CORS is long lists.
        let browsers = Arc::new(cors.layer(admitted.clone()));
        let front = move |request: Request| match is_of_browser(&request) {
            true => Either::Left(browsers.as_ref().clone().call(request)),
            false => Either::Right(admitted.clone().call(request).map(vary_by_origin)),
        };
        Router::new().fallback_service(service_fn(front))
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

/// Whether cross-origin rules are about the request: CORS costs as much as a tenth of a command.
fn is_of_browser(request: &Request) -> bool {
    request.headers().contains_key(ORIGIN) || request.method() == Method::OPTIONS
}

/// What CORS says of its own answers, for caches that serve both kinds of callers.
fn vary_by_origin(mut answered: Result<Response, Infallible>) -> Result<Response, Infallible> {
    if let Ok(response) = &mut answered {
        response.headers_mut().append(VARY, HeaderValue::from_static("origin"));
    }
    answered
}

/// Lets a request in if there is a place for it.
async fn admit(stack: Arc<Stack>, mut router: Router, request: Request) -> Result<Response, Infallible> {
    let dress = stack.people.and_then(|it| it(&request));
    let response = match stack.places.try_acquire() {
        Ok(_place) => router.call(request).await?,
        Err(_full) => {
            counter!("http_requests_shed_total").increment(1);
            Problem::overloaded().into_response()
        }
    };
    Ok(match dress {
        Some(dress) => dress(response).await,
        None => response,
    })
}

/// What every request passes that was let in.
async fn pass(State(stack): State<Arc<Stack>>, mut request: Request, next: Next) -> Response {
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

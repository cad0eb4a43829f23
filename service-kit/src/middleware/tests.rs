//! Whatever goes wrong around a handler is answered in the usual form.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderValue, Request, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::Value;
use tokio::sync::Semaphore;
use tower::ServiceExt;
use uuid::Uuid;

use super::rate_limit::{Class, RateLimits};
use super::{Stack, correlation};
use crate::answer::{Answer, JsonBody, PathIds, Problem};
use crate::auth::{Authenticator, PublicKeys, Revocations, SignedIn, Verifier};

const PLACES: usize = 2;
const PUBLIC: &str = include_str!("../auth/test-key.pub.pem");

fn router(limits: RateLimits) -> Router {
    with_places(limits, PLACES)
}

fn with_places(limits: RateLimits, places: usize) -> Router {
    let keys = PublicKeys::from_pems([("ours", PUBLIC)]).expect("it is Ed25519");
    let stack = Stack {
        authenticator: Authenticator::new(Arc::new(Verifier::new(keys)), Revocations::none()),
        limits,
        class: Class::Reads,
        allowed_origins: vec!["https://app.example".to_owned()],
        time_limit: Duration::from_millis(50),
        places: Arc::new(Semaphore::new(places)),
        uncounted: None,
        people: None,
    };
    stack.around(
        Router::new()
            .route("/things/{id}", get(|PathIds(id): PathIds<Uuid>| async move { Answer::ok(id) }))
            .route("/mine", get(|_: SignedIn| async { Answer::ok("mine") }))
            .route("/bodies", post(|JsonBody(body): JsonBody<Value>| async move { Answer::ok(body) }))
            .route("/adopting", get(|| async { Answer::ok(correlation::adopt(Uuid::nil()).to_string()) }))
            .route("/panicking", get(panicking))
            .route("/slow", get(|| async { std::future::pending::<Problem>().await })),
    )
}

async fn panicking() -> Problem {
    panic!("on purpose")
}

async fn call(request: Request<Body>) -> Response {
    router(RateLimits::new(true, 1.0)).oneshot(request).await.expect("a router does not fail")
}

fn get_of(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).expect("a request")
}

fn get_of_browser(path: &str) -> Request<Body> {
    let mut request = get_of(path);
    request.headers_mut().insert("origin", HeaderValue::from_static("https://app.example"));
    request
}

async fn code(response: Response) -> (StatusCode, String) {
    let status = response.status();
    let bytes = to_bytes(response.into_body(), usize::MAX).await.expect("a body in memory");
    let body: Value = serde_json::from_slice(&bytes).expect("answers are JSON");
    (status, body["error"]["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn every_refusal_has_the_envelope() {
    let large =
        Request::post("/bodies").body(Body::from(vec![b'1'; super::BODY_LIMIT + 1])).expect("a request");
    let forged = Request::get("/mine").header("authorization", "Bearer x.y.z").body(Body::empty());
    let cases = [
        (get_of("/nowhere"), StatusCode::NOT_FOUND, "NOT_FOUND"),
        (get_of("/bodies"), StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED"),
        (get_of("/things/7"), StatusCode::NOT_FOUND, "NOT_FOUND"),
        (get_of("/mine"), StatusCode::UNAUTHORIZED, "UNAUTHENTICATED"),
        (forged.expect("a request"), StatusCode::UNAUTHORIZED, "TOKEN_INVALID"),
        (large, StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE"),
        (get_of("/panicking"), StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR"),
        (get_of("/slow"), StatusCode::SERVICE_UNAVAILABLE, "DEPENDENCY_UNAVAILABLE"),
    ];
    for (request, status, expected) in cases {
        let path = request.uri().clone();
        assert_eq!(code(call(request).await).await, (status, expected.to_owned()), "{path}");
    }
}

#[tokio::test]
async fn the_correlation_id_is_echoed_minted_or_adopted() {
    let with = |path: &str, id: &str| {
        Request::get(path).header("x-request-id", id).body(Body::empty()).expect("a request")
    };
    let echoed =
        |response: Response| response.headers()[correlation::HEADER].to_str().expect("text").to_owned();
    assert_eq!(echoed(call(with("/nowhere", "req-9")).await), "req-9");
    assert!(Uuid::parse_str(&echoed(call(with("/nowhere", "no good")).await)).is_ok());
    assert_eq!(echoed(call(get_of("/adopting")).await), Uuid::nil().to_string());
    assert_eq!(echoed(call(with("/adopting", "req-9")).await), "req-9");
}

#[tokio::test]
async fn a_caller_over_the_limit_is_told_when_to_come_back() {
    let router = router(RateLimits::new(false, 0.01));
    let mut last = None;
    for left in ["1", "0"] {
        let response = router.clone().oneshot(get_of("/adopting")).await.expect("a router does not fail");
        assert_eq!(response.headers()["ratelimit-remaining"], left);
        last = Some(response);
    }
    assert_eq!(last.map(|it| it.status()), Some(StatusCode::OK));
    let refused = router.oneshot(get_of("/adopting")).await.expect("a router does not fail");
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(code(refused).await, (StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED".to_owned()));
}

#[tokio::test]
async fn calls_beyond_the_places_are_refused_at_once_and_later_ones_are_not() {
    let router = router(RateLimits::new(true, 1.0));
    let slow = || router.clone().oneshot(get_of("/slow"));
    let (mut first, mut second) = (pin!(slow()), pin!(slow()));
    assert!(futures::poll!(&mut first).is_pending() && futures::poll!(&mut second).is_pending());
    let refused = router.clone().oneshot(get_of("/adopting")).await.expect("a router does not fail");
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(code(refused).await, (StatusCode::SERVICE_UNAVAILABLE, "OVERLOADED".to_owned()));
    first.await.expect("a router does not fail");
    let later = router.clone().oneshot(get_of("/adopting")).await.expect("a router does not fail");
    assert_eq!(later.status(), StatusCode::OK);
}

#[tokio::test]
async fn browsers_may_call_from_the_named_origins_only() {
    let preflight = |origin: &str| {
        Request::options("/mine")
            .header("origin", origin)
            .header("access-control-request-method", "GET")
            .body(Body::empty())
            .expect("a request")
    };
    let allowed = call(preflight("https://app.example")).await;
    assert_eq!(allowed.headers()["access-control-allow-origin"], "https://app.example");
    assert_eq!(allowed.headers()["access-control-allow-credentials"], "true");
    let refused = call(preflight("https://evil.example")).await;
    assert!(!refused.headers().contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn a_browser_can_read_that_too_much_is_under_way() {
    let full = with_places(RateLimits::new(true, 1.0), 0);
    let refused = full.oneshot(get_of_browser("/adopting")).await.expect("a router does not fail");
    assert_eq!(refused.headers()["access-control-allow-origin"], "https://app.example");
    assert_eq!(code(refused).await, (StatusCode::SERVICE_UNAVAILABLE, "OVERLOADED".to_owned()));
}

/// A cache that serves browsers and others must not give the one the answer of the other.
#[tokio::test]
async fn every_answer_varies_by_origin() {
    for request in [get_of("/adopting"), get_of_browser("/adopting")] {
        let answer = call(request).await;
        let varies = answer.headers().get_all("vary").iter().filter_map(|it| it.to_str().ok());
        assert!(varies.into_iter().any(|it| it.split(',').any(|it| it.trim() == "origin")));
    }
}

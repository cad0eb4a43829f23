//! A command that reaches another instance is carried out by the owner, once.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures::stream::{self, StreamExt as _};
use tower::ServiceExt;

use service_kit::middleware::Uncounted;

use super::{Forwarder, LONGEST_BODY, carry};
use crate::edge::fingerprint::FingerprintKey;
use crate::edge::key;
use crate::edge::refused::{Elsewhere, Refused};

/// An instance whose only route carries out calls (`to` none) or says that they belong to `to`.
fn instance(to: Option<String>, calls: Arc<AtomicUsize>) -> Router {
    let forwarder = Forwarder::new("http://a", FingerprintKey::new([1; 32])).unwrap();
    let handler = async move |headers: HeaderMap, body: Bytes| -> Response {
        calls.fetch_add(1, Ordering::SeqCst);
        match to {
            Some(address) => Refused::Elsewhere(Elsewhere { address, holder: None }).into_response(),
            None => {
                let key = headers.get(key::IDEMPOTENCY_KEY).cloned().unwrap();
                (StatusCode::CREATED, [(key::IDEMPOTENT_REPLAY, key)], body).into_response()
            }
        }
    };
    Router::new()
        .route("/api/v1/things", post(handler))
        .layer(from_fn_with_state(Arc::new(forwarder.clone()), carry))
        .layer(from_fn_with_state(forwarder.hops(), mark))
}

async fn mark(State(hops): State<Uncounted>, mut request: Request, next: Next) -> Response {
    hops.mark(&mut request);
    next.run(request).await
}

async fn listening(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

fn call(body: impl Into<Body>) -> Request {
    Request::post("/api/v1/things?community_id=x").body(body.into()).unwrap()
}

#[tokio::test]
async fn a_call_is_carried_out_by_the_owner_with_the_key_that_was_made_here() {
    let owner = listening(instance(None, Arc::default())).await;
    let response = instance(Some(owner), Arc::default()).oneshot(call("hello")).await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    let headers = response.headers();
    assert_eq!(headers.get(key::IDEMPOTENCY_KEY), headers.get(key::IDEMPOTENT_REPLAY));
    assert_eq!(to_bytes(response.into_body(), 100).await.unwrap(), "hello");
}

#[tokio::test]
async fn a_call_hops_once() {
    let calls = Arc::new(AtomicUsize::new(0));
    // Whoever asks this one, too, gets an answer that nobody should get.
    let third = listening(instance(None, Arc::clone(&calls))).await;
    let elsewhere = listening(instance(Some(third), Arc::clone(&calls))).await;
    let response = instance(Some(elsewhere), Arc::clone(&calls)).oneshot(call("hello")).await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.headers().contains_key("retry-after"));
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_client_cannot_pretend_to_be_an_instance() {
    let owner = listening(instance(None, Arc::default())).await;
    let mut forged = call("hello");
    forged.headers_mut().insert("x-karmyq-forwarded", "http://a 00ff".parse().unwrap());
    let response = instance(Some(owner), Arc::default()).oneshot(forged).await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED, "it was forwarded like any other");
}

#[tokio::test]
async fn an_owner_that_is_gone_is_told_as_moving() {
    let response =
        instance(Some("http://127.0.0.1:1".to_owned()), Arc::default()).oneshot(call("")).await.unwrap();
    let body = to_bytes(response.into_body(), 1_000).await.unwrap();
    assert!(String::from_utf8_lossy(&body).contains("PARTITION_MOVING"), "{body:?}");
}

#[tokio::test]
async fn a_body_over_a_mebibyte_is_refused() {
    let router = instance(None, Arc::default());
    let response = router.clone().oneshot(call(vec![b'x'; LONGEST_BODY])).await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    let response = router.oneshot(call(vec![b'x'; LONGEST_BODY + 1])).await.unwrap();
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_trickles_is_not_waited_for() {
    let begins = stream::iter([Ok::<_, Infallible>("{\"title\"")]);
    let trickling = Body::from_stream(begins.chain(stream::pending()));
    let response = instance(None, Arc::default()).oneshot(call(trickling)).await.unwrap();
    assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
}

//! Connections that misbehave, on a real socket.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{bind, serve};

/// Where a slow request waits.
#[derive(Default)]
struct Gate {
    entered: Notify,
    go: Notify,
}

/// `/peer` tells who called; `/slow` answers when it is told to.
async fn serving(gate: &'static Gate) -> (SocketAddr, CancellationToken, JoinHandle<()>) {
    let router = Router::new()
        .route("/peer", get(async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.to_string()))
        .route(
            "/slow",
            get(async || {
                gate.entered.notify_one();
                gate.go.notified().await;
            }),
        );
    let listener = bind(([127, 0, 0, 1], 0).into()).await.expect("a free port");
    let (address, shutdown) = (listener.local_addr().expect("an address"), CancellationToken::new());
    let serving = tokio::spawn({
        let shutdown = shutdown.clone();
        async move { serve(listener, router, shutdown).await.expect("it serves") }
    });
    (address, shutdown, serving)
}

fn gate() -> &'static Gate {
    Box::leak(Box::default())
}

#[tokio::test]
async fn a_handler_knows_who_called() {
    let (address, ..) = serving(gate()).await;
    let mut stream = TcpStream::connect(address).await.expect("listening");
    let own = stream.local_addr().expect("an address").to_string();
    stream.write_all(b"GET /peer HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with(&own), "{answer}");
}

/// The limit is half a minute; the clock of the test stands still until nothing else is left to wait for.
#[tokio::test(start_paused = true)]
async fn headers_that_trickle_are_not_waited_for() {
    let (address, ..) = serving(gate()).await;
    let mut stream = TcpStream::connect(address).await.expect("listening");
    stream.write_all(b"GET /peer HTTP/1.1\r\nHos").await.expect("sent");
    let mut answer = Vec::new();
    let closed = tokio::time::timeout(2 * super::HEADERS, stream.read_to_end(&mut answer)).await;
    assert!(closed.is_ok(), "the connection is still open");
}

#[tokio::test]
async fn a_shutdown_waits_for_requests_and_not_for_idle_connections() {
    let gate = gate();
    let (address, shutdown, serving) = serving(gate).await;
    let mut idle = TcpStream::connect(address).await.expect("listening");
    let mut busy = TcpStream::connect(address).await.expect("listening");
    idle.write_all(b"GET /peer HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("sent");
    let mut first = [0; 12];
    idle.read_exact(&mut first).await.expect("an answer");
    busy.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("sent");
    gate.entered.notified().await;
    shutdown.cancel();
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).await.expect("closed");
    assert!(!serving.is_finished(), "a request is in flight");
    gate.go.notify_one();
    let mut answer = String::new();
    busy.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    serving.await.expect("it ended");
}

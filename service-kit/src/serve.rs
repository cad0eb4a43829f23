//! Listening: from an address to a router that serves, within limits, and a drain that ends in time.
//!
//! A connection that is idle, or sends its headers byte by byte, is closed after [`HEADERS`]; how long a call may take
//! once its headers are there is the router's affair (`middleware`). One whose peer takes nothing of an answer for
//! [`UNTAKEN`] is dropped by the kernel, with whatever waits in it. Beyond [`MOST_CONNECTIONS`] new ones wait in the
//! kernel's queue. The number of open files is raised to what the machine allows.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use metrics::gauge;
use rustix::net::sockopt::set_tcp_user_timeout;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::Service;
use tracing::{debug, info, warn};

/// How long requests in flight may go on after the shutdown has begun.
pub const DRAIN: Duration = Duration::from_secs(20);
/// How long the headers of the next request may take, from the first byte of the connection or the answer before.
pub const HEADERS: Duration = Duration::from_secs(30);
/// How long a peer may take nothing, or acknowledge nothing, while there is something for it.
pub const UNTAKEN: Duration = Duration::from_secs(20);
/// Connections at a time.
pub const MOST_CONNECTIONS: usize = 16_384;
/// Pause after a fault of the listener; nothing tells when files may be opened again.
const AFTER_FAULT: Duration = Duration::from_millis(200);

/// Opens the port. Port 0 takes a free one; ask the listener which.
///
/// # Errors
/// When the address is taken or not ours.
pub async fn bind(listen: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(listen)
        .await
        .map_err(|error| io::Error::new(error.kind(), format!("cannot listen on {listen}: {error}")))
}

/// Serves until the token is cancelled, then lets requests in flight end, for at most [`DRAIN`].
///
/// # Errors
/// When the listener has no address.
pub async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) -> io::Result<()> {
    allow_open_files();
    info!(address = %listener.local_addr()?, "listening");
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    while let Some(place) = shutdown.run_until_cancelled(Arc::clone(&places).acquire_owned()).await {
        let Some(accepted) = shutdown.run_until_cancelled(listener.accept()).await else { break };
        match accepted {
            Ok((stream, peer)) => {
                let connection = connection(stream, peer, router.clone(), graceful.watcher());
                tokio::spawn(async move {
                    gauge!("http_connections").increment(1);
                    connection.await;
                    gauge!("http_connections").decrement(1);
                    drop(place);
                });
            }
            Err(error) if is_of_the_peer(&error) => {
                debug!(%error, "a connection broke before it was accepted")
            }
            Err(error) => {
                warn!(%error, "cannot accept a connection");
                tokio::time::sleep(AFTER_FAULT).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
        warn!(limit_s = DRAIN.as_secs(), "requests in flight were cut off");
    }
    Ok(())
}

/// One connection to its end.
async fn connection(stream: TcpStream, peer: SocketAddr, router: Router, watcher: Watcher) {
    // Answers are small: waiting for more to send would only delay them.
    if let Err(error) = stream.set_nodelay(true) {
        warn!(%error, "cannot set TCP_NODELAY");
    }
    // An answer without end would else be held for a peer that is silent, or reads nothing, as long as it likes.
    if let Err(error) = set_tcp_user_timeout(&stream, UNTAKEN.as_millis() as u32) {
        warn!(%error, "cannot set TCP_USER_TIMEOUT");
    }
    let answer = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        let answering = router.clone().call(request);
        async move { answering.await as Result<Response, Infallible> }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .serve_connection(TokioIo::new(stream), answer);
    if let Err(error) = watcher.watch(connection).await {
        debug!(%peer, %error, "a connection broke");
    }
}

fn is_of_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Raises the soft limit of open files to the hard one: the usual 1 024 are fewer than the connections.
fn allow_open_files() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
    {
        warn!(%error, limit = current, "cannot raise the number of open files");
    }
}

#[cfg(test)]
mod tests;

//! From the instance that a call reached to the one that carries it out: one hop, no loops.
//!
//! Whom a name belongs to is known only where it is claimed. When its holder lives elsewhere again, the instance that was
//! reached first is told so, and sends the call there itself: whoever was sent a call never sends it on.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, ETAG, IF_MATCH, LOCATION, RETRY_AFTER, USER_AGENT};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use event_schemas::CommunityId;
use service_kit::answer::{POSITION, Problem};
use service_kit::middleware::rate_limit::Counted;
use service_kit::middleware::{Uncounted, correlation};
use tracing::{debug, warn};

use super::fingerprint::FingerprintKey;
use super::key::{self, IDEMPOTENCY_KEY, IDEMPOTENT_REPLAY};
use super::refused::{Elsewhere, moving, outcome_unknown};

/// Longest body of a call.
pub(crate) const LONGEST_BODY: usize = 1 << 20;
/// How long it may take to come.
const BODY: Duration = Duration::from_secs(10);

/// Says that a call was forwarded already, by whom, and proves it: `<address> <seal>`.
const FORWARDED: HeaderName = HeaderName::from_static("x-karmyq-forwarded");

/// Sent with a call: the community that holds the name which it wants.
const HOLDER: HeaderName = HeaderName::from_static("x-karmyq-holder");

/// Answered to an instance: where the holder lives, `<address> <community>`.
const ELSEWHERE: HeaderName = HeaderName::from_static("x-karmyq-elsewhere");

/// A command takes milliseconds; whoever does not answer for this long has a problem that waiting does not solve.
const TIME_LIMIT: Duration = Duration::from_secs(10);
const CONNECT_LIMIT: Duration = Duration::from_secs(1);

/// What of a call its second recipient needs.
const REQUEST_HEADERS: [HeaderName; 11] = [
    AUTHORIZATION,
    CONTENT_TYPE,
    IF_MATCH,
    USER_AGENT,
    IDEMPOTENCY_KEY,
    HeaderName::from_static("forwarded"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("x-community-context"),
    HeaderName::from_static("x-community-id"),
    HeaderName::from_static("x-correlation-id"),
    X_FORWARDED_FOR,
];

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// What of its answer belongs to the caller; everything else is each hop's own.
const ANSWER_HEADERS: [HeaderName; 7] =
    [CONTENT_TYPE, ETAG, LOCATION, RETRY_AFTER, POSITION, IDEMPOTENCY_KEY, IDEMPOTENT_REPLAY];

/// Sends calls to their owners. Clones share the connections.
#[derive(Clone, Debug)]
pub(crate) struct Forwarder {
    client: reqwest::Client,
    /// What this instance says of itself.
    signature: HeaderValue,
    key: FingerprintKey,
}

impl Forwarder {
    /// A forwarder of the instance with this address.
    ///
    /// # Errors
    /// When the address is no header value, or the client cannot be built.
    pub(crate) fn new(own_address: &str, key: FingerprintKey) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .timeout(TIME_LIMIT)
            .connect_timeout(CONNECT_LIMIT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        let signature = HeaderValue::from_str(&format!("{own_address} {}", key.seal_of(own_address)))?;
        Ok(Self { client, signature, key })
    }

    /// Recognises what other instances sent here.
    pub(crate) fn hops(&self) -> Uncounted {
        let forwarder = self.clone();
        Uncounted::new(move |headers| forwarder.is_from_instance(headers))
    }

    /// Whether another instance sent the call: a client could only guess the seal.
    fn is_from_instance(&self, headers: &HeaderMap) -> bool {
        let signed = headers.get(FORWARDED).and_then(|it| it.to_str().ok()?.split_once(' '));
        signed.is_some_and(|(address, seal)| self.key.confirms(address, seal))
    }

    /// Sends a call to its owner, and on to where that one knows it to belong.
    async fn follow(&self, to: &Elsewhere, call: &Call) -> Response {
        let (answer, onward) = self.send(to, call).await;
        match onward {
            Some(to) => self.send(&to, call).await.0,
            None => answer,
        }
    }

    /// The answer, and where the call belongs as this instance says.
    async fn send(&self, to: &Elsewhere, call: &Call) -> (Response, Option<Elsewhere>) {
        let path = call.uri.path_and_query().map_or("/", |it| it.as_str());
        let mut request = self
            .client
            .request(call.method.clone(), format!("{}{path}", to.address.trim_end_matches('/')))
            .headers(call.onward())
            .header(FORWARDED, self.signature.clone())
            .body(call.body.clone());
        if let Some(holder) = to.holder {
            request = request.header(HOLDER, holder.to_string());
        }
        match request.send().await {
            Ok(answer) => {
                let onward = elsewhere(answer.headers());
                (answered(answer).await, onward)
            }
            Err(error) if error.is_connect() => {
                debug!(owner = to.address, %error, "the owner of the partition cannot be reached");
                (moving().into_response(), None)
            }
            Err(error) => {
                warn!(owner = to.address, %error, "the owner of the partition did not answer");
                (outcome_unknown().into_response(), None)
            }
        }
    }
}

/// On a call that another instance sent: the community that holds the name which it wants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holder(pub(crate) CommunityId);

impl Holder {
    fn of(headers: &HeaderMap) -> Option<Self> {
        headers.get(HOLDER)?.to_str().ok()?.parse().ok().map(Self)
    }
}

fn elsewhere(headers: &HeaderMap) -> Option<Elsewhere> {
    let (address, holder) = headers.get(ELSEWHERE)?.to_str().ok()?.split_once(' ')?;
    Some(Elsewhere { address: address.to_owned(), holder: Some(holder.parse().ok()?) })
}

/// A call as it can be sent again.
struct Call {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    peer: Option<IpAddr>,
    body: Bytes,
}

impl Call {
    /// What the second recipient needs of the headers, with where the call came from.
    fn onward(&self) -> HeaderMap {
        let mut headers = only(&self.headers, &REQUEST_HEADERS);
        if let Some(peer) = self.peer.and_then(|it| HeaderValue::from_str(&it.to_string()).ok()) {
            headers.entry(X_FORWARDED_FOR).or_insert(peer);
        }
        if let Some(id) = correlation::current().and_then(|it| HeaderValue::from_str(it.as_str()).ok()) {
            headers.insert(correlation::HEADER, id);
        }
        headers
    }
}

/// Middleware of all commands: a call has a key, and is repeated at the owner when the handler says that it is elsewhere.
pub(crate) async fn carry(State(forwarder): State<Arc<Forwarder>>, request: Request, next: Next) -> Response {
    key::ensure(request, |request| forward(&forwarder, request, next)).await
}

async fn forward(forwarder: &Forwarder, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let body = match tokio::time::timeout(BODY, to_bytes(body, LONGEST_BODY)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return Problem::payload_too_large().into_response(),
        Err(_elapsed) => return Problem::request_timeout().into_response(),
    };
    let call = Call {
        method: parts.method.clone(),
        uri: parts.uri.clone(),
        headers: parts.headers.clone(),
        peer: parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|it| it.0.ip()),
        body: body.clone(),
    };
    let has_hopped = parts.extensions.get::<Counted>().is_some();
    if let (true, Some(holder)) = (has_hopped, Holder::of(&parts.headers)) {
        parts.extensions.insert(holder);
    }
    let mut response = next.run(Request::from_parts(parts, Body::from(body))).await;
    match response.extensions_mut().remove::<Elsewhere>() {
        Some(to) if !has_hopped => forwarder.follow(&to, &call).await,
        Some(Elsewhere { address, holder: Some(holder) }) => {
            let place = HeaderValue::from_str(&format!("{address} {holder}"));
            response.headers_mut().extend(place.ok().map(|it| (ELSEWHERE, it)));
            response
        }
        _ => response,
    }
}

async fn answered(answer: reqwest::Response) -> Response {
    let (status, headers) = (answer.status(), only(answer.headers(), &ANSWER_HEADERS));
    match answer.bytes().await {
        Ok(body) => (status, headers, body).into_response(),
        Err(error) => {
            warn!(%error, "the owner's answer broke off");
            outcome_unknown().into_response()
        }
    }
}

fn only(headers: &HeaderMap, names: &[HeaderName]) -> HeaderMap {
    let kept = |name: &HeaderName| headers.get(name).map(|value| (name.clone(), value.clone()));
    names.iter().filter_map(kept).collect()
}

#[cfg(test)]
mod tests;

//! The correlation id: accepted from the client or minted, echoed, and known to everything that runs for the request.

use std::fmt;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use parking_lot::Mutex;
use tracing::{Instrument, Span, field, info_span};
use uuid::Uuid;

use crate::telemetry::trace::TraceContext;

/// The header, also of answers.
pub const HEADER: HeaderName = HeaderName::from_static("x-correlation-id");
/// Its alias in requests.
const ALIAS: HeaderName = HeaderName::from_static("x-request-id");

tokio::task_local! {
    static CURRENT: Current;
}

struct Current {
    id: Mutex<CorrelationId>,
    given: bool,
    trace: Option<TraceContext>,
    span: Span,
}

/// 1-128 of `[A-Za-z0-9._:-]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorrelationId(String);

impl CorrelationId {
    /// The id, when the text is one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let allowed = |it: u8| it.is_ascii_alphanumeric() || b"._:-".contains(&it);
        ((1..=128).contains(&text.len()) && text.bytes().all(allowed)).then(|| Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The id of the request that this task works for; none outside of requests.
#[must_use]
pub fn current() -> Option<CorrelationId> {
    CURRENT.try_with(|it| it.id.lock().clone()).ok()
}

/// Takes another id, unless the client named one. A command without an id of its client is known by its command id.
/// Returns what is now in force.
pub fn adopt(id: Uuid) -> CorrelationId {
    let own = CorrelationId(id.to_string());
    let adopted = CURRENT.try_with(|it| {
        if it.given {
            return it.id.lock().clone();
        }
        it.span.record("correlation_id", own.as_str());
        *it.id.lock() = own.clone();
        own.clone()
    });
    adopted.unwrap_or(own)
}

/// Adds the person to the log lines of the request.
pub fn note_user(id: Uuid) {
    record("user_id", id);
}

/// Adds the community to the log lines of the request.
pub fn note_community(id: Uuid) {
    record("community_id", id);
}

/// Does nothing outside of requests, where there is no line to add to.
fn record(name: &str, id: Uuid) {
    let record = |it: &Current| {
        it.span.record(name, field::display(id));
    };
    CURRENT.try_with(record).unwrap_or_default();
}

/// The trace context that the request came with.
pub(crate) fn incoming_trace() -> Option<TraceContext> {
    CURRENT.try_with(|it| it.trace.clone()).ok().flatten()
}

/// Opens the span of the request and answers with the id in the header.
pub(super) async fn assign<F>(request: Request, next: impl FnOnce(Request) -> F) -> Response
where
    F: Future<Output = Response>,
{
    let named = from_headers(request.headers());
    let given = named.is_some();
    let id = named.unwrap_or_else(|| CorrelationId(Uuid::now_v7().to_string()));
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str);
    let span = info_span!(
        "request",
        otel.name = format!("{} {route}", request.method()),
        otel.kind = "server",
        otel.status_code = field::Empty,
        correlation_id = id.as_str(),
        user_id = field::Empty,
        community_id = field::Empty,
    );
    let trace = TraceContext::from_request(request.headers());
    if let Some(trace) = &trace {
        trace.adopt(&span);
    }
    let scope = Current { id: Mutex::new(id), given, trace, span: span.clone() };
    let answered = async {
        let mut response = next(request).await;
        if response.status().is_server_error() {
            Span::current().record("otel.status_code", "ERROR");
        }
        if let Some(value) = current().and_then(|it| HeaderValue::from_str(it.as_str()).ok()) {
            response.headers_mut().insert(HEADER, value);
        }
        response
    };
    CURRENT.scope(scope, answered.instrument(span)).await
}

fn from_headers(headers: &HeaderMap) -> Option<CorrelationId> {
    [HEADER, ALIAS].iter().filter_map(|name| headers.get(name)?.to_str().ok()).find_map(CorrelationId::parse)
}

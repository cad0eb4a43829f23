//! The W3C trace context on its way through HTTP and Kafka headers.

use std::collections::HashMap;

use axum::http::HeaderMap;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TraceContextExt;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::middleware::correlation;

/// A place in a trace, as the two headers say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// `traceparent`, well-formed.
    pub traceparent: String,
    /// `tracestate`, when there is any.
    pub tracestate: Option<String>,
}

impl TraceContext {
    /// From the headers of a Kafka record or anything else that has them as text; none when `traceparent` is missing
    /// or malformed.
    #[must_use]
    pub fn from_headers(traceparent: Option<&str>, tracestate: Option<&str>) -> Option<Self> {
        let traceparent = traceparent.filter(|it| is_traceparent(it))?.to_owned();
        Some(Self { traceparent, tracestate: tracestate.filter(|it| !it.is_empty()).map(str::to_owned) })
    }

    /// From the headers of a request.
    #[must_use]
    pub fn from_request(headers: &HeaderMap) -> Option<Self> {
        let text = |name| headers.get(name).and_then(|it| it.to_str().ok());
        Self::from_headers(text("traceparent"), text("tracestate"))
    }

    /// Where the current span is. Without an exporter there are no spans to be in; then it is what the request came
    /// with, so that traces of others go through us unbroken.
    #[must_use]
    pub fn current() -> Option<Self> {
        let context = Span::current().context();
        if !context.span().span_context().is_valid() {
            return correlation::incoming_trace();
        }
        let mut carrier = HashMap::new();
        TraceContextPropagator::new().inject_context(&context, &mut carrier);
        Self::from_headers(
            carrier.get("traceparent").map(String::as_str),
            carrier.get("tracestate").map(String::as_str),
        )
    }

    /// Makes the span a child of this place, before it is entered for the first time.
    pub fn adopt(&self, span: &Span) {
        let mut carrier = HashMap::from([("traceparent".to_owned(), self.traceparent.clone())]);
        carrier.extend(self.tracestate.clone().map(|it| ("tracestate".to_owned(), it)));
        // Refused only for spans that are not exported, which need no parent.
        drop(span.set_parent(TraceContextPropagator::new().extract(&carrier)));
    }
}

/// `00-<32 hex>-<16 hex>-<2 hex>`, ids not zero.
fn is_traceparent(text: &str) -> bool {
    let hex = |it: &str, length| {
        it.len() == length && it.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let id = |it: &str, length| hex(it, length) && it.bytes().any(|b| b != b'0');
    let parts: Vec<_> = text.split('-').collect();
    matches!(parts.as_slice(), [version, trace, span, flags]
        if hex(version, 2) && *version != "ff" && id(trace, 32) && id(span, 16) && hex(flags, 2))
}

#[cfg(test)]
mod tests {
    use super::TraceContext;

    #[test]
    fn only_a_well_formed_context_counts() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let context = TraceContext::from_headers(Some(good), Some("a=1")).expect("it is well-formed");
        assert_eq!((context.traceparent.as_str(), context.tracestate.as_deref()), (good, Some("a=1")));
        let zero = format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32));
        for bad in
            ["", "x", "00-4bf9-00f0-01", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", &zero]
        {
            assert_eq!(TraceContext::from_headers(Some(bad), None), None, "{bad}");
        }
    }
}

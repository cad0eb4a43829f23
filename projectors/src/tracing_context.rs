//! Spans of a batch: the traces of its records go on here.

use std::collections::BTreeSet;

use event_log::{Record, TopicPartition};
use event_schemas::headers::TRACEPARENT;
use service_kit::telemetry::trace::TraceContext;
use tracing::{Span, info_span};

/// Most traces that one batch continues; a batch is that large only while catching up.
const MOST: usize = 16;

/// A span per trace that the records belong to; one without parent when they belong to none.
pub(crate) fn batch_spans(projection: &'static str, of: &TopicPartition, records: &[Record]) -> Vec<Span> {
    let span = || info_span!("project", projection, partition = %of, records = records.len());
    let parents: BTreeSet<_> = records.iter().filter_map(|it| it.header(TRACEPARENT)).take(MOST).collect();
    let mut spans = Vec::new();
    for context in parents.into_iter().filter_map(|it| TraceContext::from_headers(Some(it), None)) {
        let child = span();
        context.adopt(&child);
        spans.push(child);
    }
    if spans.is_empty() {
        spans.push(span());
    }
    spans
}

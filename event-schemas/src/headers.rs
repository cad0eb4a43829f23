//! Headers of a Kafka record: CloudEvents in binary mode, the hop's trace context, the call's fingerprint.

use crate::{Entry, Envelope};

/// The first 16 hex digits of the fingerprint of the client's call; only on the first event of a client command.
pub const FINGERPRINT: &str = "kq_fingerprint";
/// W3C trace context of this hop.
pub const TRACEPARENT: &str = "traceparent";

/// Name and value of a header.
pub type Header = (&'static str, String);

/// The headers that follow from type and envelope, in their fixed order.
#[must_use]
pub fn cloud_events(entry: &Entry, envelope: &Envelope) -> Vec<Header> {
    let mut headers = Vec::with_capacity(12);
    headers.extend([
        ("ce_specversion", "1.0".to_owned()),
        ("ce_id", envelope.event_id.to_string()),
        ("ce_type", entry.name.to_owned()),
        ("ce_source", entry.domain.source().to_owned()),
        ("ce_subject", format!("{}/{}", envelope.aggregate_type.name(), envelope.aggregate_id)),
        ("ce_time", envelope.timestamp.to_string()),
        ("ce_correlationid", envelope.correlation_id.to_string()),
        ("content-type", "application/avro".to_owned()),
    ]);
    headers.extend(envelope.causation_id.map(|it| ("ce_causationid", it.to_string())));
    headers.extend(envelope.community_id.map(|it| ("ce_communityid", it.to_string())));
    headers
}

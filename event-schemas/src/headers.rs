//! Headers of a Kafka record: CloudEvents in binary mode, the hop's trace context, the call's fingerprint.

use std::borrow::Cow;

use crate::{Entry, Envelope};

/// The first 16 hex digits of the fingerprint of the client's call; only on the first event of a client command.
pub const FINGERPRINT: &str = "kq_fingerprint";
/// The id of the event or command; every record of a writer of ours has it.
pub const ID: &str = "ce_id";
/// W3C trace context of this hop.
pub const TRACEPARENT: &str = "traceparent";

/// Name and value of a header; the names of ours are constants, those of a copied record are its own.
pub type Header = (Cow<'static, str>, Vec<u8>);

/// A header of ours.
#[must_use]
pub fn header(name: &'static str, value: impl Into<String>) -> Header {
    (Cow::Borrowed(name), value.into().into_bytes())
}

/// The headers that follow from type and envelope, in their fixed order.
#[must_use]
pub fn cloud_events(entry: &Entry, envelope: &Envelope) -> Vec<Header> {
    let mut headers = Vec::with_capacity(12);
    headers.extend([
        header("ce_specversion", "1.0"),
        header(ID, envelope.event_id.to_string()),
        header("ce_type", entry.name),
        header("ce_source", entry.domain.source()),
        header("ce_subject", format!("{}/{}", envelope.aggregate_type.name(), envelope.aggregate_id)),
        header("ce_time", envelope.timestamp.to_string()),
        header("ce_correlationid", envelope.correlation_id.as_str()),
        header("content-type", "application/avro"),
    ]);
    headers.extend(envelope.causation_id.map(|it| header("ce_causationid", it.to_string())));
    headers.extend(envelope.community_id.map(|it| header("ce_communityid", it.to_string())));
    headers
}

//! What goes over the wire, as server-sent events have it, and the ids that a stream resumes from.

use axum::body::Bytes;
use event_log::TopicPartition;
use serde_json::json;

use crate::views::notifications::Notification;

/// A comment, which keeps the connection open.
pub(super) const COMMENT: Bytes = Bytes::from_static(b":\n\n");

/// An item as all streams of its person get it. Clones share the text.
#[derive(Clone, Debug)]
pub(super) struct Message {
    /// Offset of the item; messages of a person come in this order.
    pub(super) offset: i64,
    /// The event.
    pub(super) text: Bytes,
}

impl Message {
    /// The event that shows this item.
    ///
    /// # Errors
    /// When the item cannot be written as JSON.
    pub(super) fn of(item: &Notification) -> serde_json::Result<Self> {
        let text = format!("id: {}\ndata: {}\n\n", item.position, serde_json::to_string(item)?);
        Ok(Self { offset: item.offset, text: text.into() })
    }
}

/// A message about the stream itself, and where a client resumes that gets nothing after it.
pub(super) fn control(r#type: &str, resume: Option<&str>) -> Bytes {
    let id = resume.map(|it| format!("id: {it}\n")).unwrap_or_default();
    format!("{id}data: {}\n\n", json!({"type": r#type})).into()
}

/// The id of everything up to an offset. `-1` says that there was nothing yet.
pub(super) fn id(of: &TopicPartition, offset: i64) -> String {
    format!("{of}@{offset}")
}

/// The offset of an id of this partition; none when it is no such id.
pub(super) fn offset(id: &str, of: &TopicPartition) -> Option<i64> {
    let offset = id.strip_prefix(&of.to_string())?.strip_prefix('@')?;
    let digits = offset.strip_prefix('-').unwrap_or(offset);
    let number: i64 = offset.parse().ok()?;
    (number >= -1 && digits.bytes().all(|it| it.is_ascii_digit())).then_some(number)
}

#[cfg(test)]
mod tests {
    use event_log::TopicPartition;

    use super::{id, offset};

    #[test]
    fn an_id_says_what_a_client_has() {
        let of = TopicPartition::new("notification-events", 3);
        for known in [-1, 0, 1_042] {
            assert_eq!(offset(&id(&of, known), &of), Some(known));
        }
        for foreign in ["", "notification-events/4@1", "notification-events/3@-2", "notification-events/3@+1"]
        {
            assert_eq!(offset(foreign, &of), None, "{foreign}");
        }
    }
}

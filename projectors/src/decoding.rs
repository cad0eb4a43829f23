//! From Kafka bytes to facts: schema, sealed fields, and what is unreadable for good.

use std::sync::Arc;

use event_log::{LogError, Record};
use event_schemas::{Codec, Event, Recorded};

use crate::batch::Content;
use crate::projection::{Fact, Interest, Projection};

/// Decodes records. Clones share their caches.
#[derive(Clone, Debug)]
pub struct Decoding {
    codec: Arc<Codec>,
}

impl Decoding {
    /// stand-in
    #[must_use]
    pub fn local() -> Self {
        Self { codec: Arc::new(Codec::local()) }
    }

    pub(crate) async fn content(
        &self,
        projection: &dyn Projection,
        record: &Record,
    ) -> Result<Content, LogError> {
        let interest = record.header("ce_type").map_or(Interest::Texts, |it| projection.interest(it));
        if interest == Interest::Nothing {
            return Ok(Content::Ignored);
        }
        let Some(value) = &record.value else { return Ok(Content::Unreadable("a tombstone".into())) };
        Ok(match self.codec.decode::<Event>(value) {
            Ok(Recorded { envelope, payload }) => {
                Content::Fact(Box::new(Fact { position: record.position.clone(), envelope, event: payload }))
            }
            Err(e) => Content::Unreadable(e.to_string()),
        })
    }
}

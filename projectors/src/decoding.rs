//! From Kafka bytes to facts: schemas, sealed fields, and what is unreadable for good.

use event_log::{Decoder, KeyRing, LogError, ReadError, Record};
use event_schemas::Event;

use crate::batch::{Content, Item};
use crate::projection::{Fact, Interest, Projection};

/// Name of the header that tells a record's type without decoding it.
const TYPE: &str = "ce_type";

/// Decodes and opens records. Clones share schemas and keys.
#[derive(Clone, Debug)]
pub struct Decoding {
    decoder: Decoder,
    keys: KeyRing,
}

impl Decoding {
    /// Decodes with these schemas and opens with these keys.
    #[must_use]
    pub const fn new(decoder: Decoder, keys: KeyRing) -> Self {
        Self { decoder, keys }
    }

    /// Waits until every key is known that is on the log now.
    pub(crate) async fn know_all_keys(&self) -> Result<(), LogError> {
        self.keys.ready().await
    }

    /// What each record is to the projection.
    ///
    /// # Errors
    /// Only passing ones: registry or key topic do not answer. What is wrong with a record itself is its content.
    pub(crate) async fn items(
        &self,
        projection: &dyn Projection,
        records: Vec<Record>,
        mut keys: Keys,
    ) -> Result<Vec<Item>, LogError> {
        let mut items = Vec::with_capacity(records.len());
        for record in records {
            let content = self.content(projection, &record, &mut keys).await?;
            items.push(Item { record, content });
        }
        Ok(items)
    }

    async fn content(
        &self,
        projection: &dyn Projection,
        record: &Record,
        keys: &mut Keys,
    ) -> Result<Content, LogError> {
        let interest = record.header(TYPE).map_or(Interest::Texts, |it| projection.interest(it));
        if interest == Interest::Nothing {
            return Ok(Content::Ignored);
        }
        let mut recorded = match self.decoder.decode::<Event>(record).await {
            Ok(recorded) => recorded,
            Err(ReadError::Registry(error @ LogError::Unavailable(_))) => return Err(error),
            Err(error) => return Ok(Content::Unreadable(error.to_string())),
        };
        if interest == Interest::Texts {
            if *keys == Keys::MayCome && !self.keys.knows_keys_of(&mut recorded) {
                self.keys.catch_up().await?;
                *keys = Keys::AllKnown;
            }
            if let Err(error) = self.keys.open_known(&mut recorded) {
                return Ok(Content::Unreadable(error.to_string()));
            }
        }
        let position = record.position.clone();
        Ok(Content::Fact(Box::new(Fact { position, envelope: recorded.envelope, event: recorded.payload })))
    }
}

/// Whether keys of the records at hand may still be on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    /// A key comes in the transaction of its first record, by another topic: an unknown one is waited for, once a batch.
    MayCome,
    /// They were all waited for: an unknown one was destroyed.
    AllKnown,
}

//! From Kafka bytes to facts: schemas, sealed fields, and what is unreadable for good.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::LazyLock;

use event_log::{Decoder, KeyRing, LogError, ReadError, Record};
use event_schemas::{Event, entries};
use futures::FutureExt as _;

use crate::folding::{Cause, Content, Item};
use crate::projection::{Fact, Interest, Projection};

/// Name of the header that tells a record's type without decoding it.
const TYPE: &str = "ce_type";

/// The names of all types that this code knows.
static KNOWN: LazyLock<HashSet<&str>> = LazyLock::new(|| entries().map(|it| it.name).collect());

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

    /// Reads records without opening what is sealed in them.
    #[must_use]
    pub const fn decoder(&self) -> &Decoder {
        &self.decoder
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
            // A decoder that panics on damaged bytes has changed nothing by then: it only reads.
            let decoded = AssertUnwindSafe(self.content(projection, &record, &mut keys)).catch_unwind().await;
            let content = decoded.unwrap_or_else(|it| Ok(Content::Poison(Cause::panicked(it.as_ref()))))?;
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
        // Whether a type that nobody knows here means something to the projection cannot be known either.
        let known = record.header(TYPE).filter(|it| KNOWN.contains(it));
        let interest = known.map_or(Interest::Texts, |it| projection.interest(it));
        if interest == Interest::Nothing {
            return Ok(Content::Ignored);
        }
        let mut recorded = match self.decoder.decode::<Event>(record).await {
            Ok(recorded) => recorded,
            Err(ReadError::Registry(error @ LogError::Unavailable(_))) => return Err(error),
            Err(error) => return Ok(Content::Poison(Cause::unreadable(error))),
        };
        if interest == Interest::Texts {
            if *keys == Keys::MayCome && !self.keys.knows_keys_of(&mut recorded) {
                self.keys.catch_up().await?;
                *keys = Keys::AllKnown;
            }
            if let Err(error) = self.keys.open_known(&mut recorded) {
                return Ok(Content::Poison(Cause::unreadable(error)));
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

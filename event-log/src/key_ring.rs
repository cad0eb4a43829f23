//! The data keys of personal fields: followed from `data-keys`, drawn when first needed, gone once destroyed.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use event_schemas::state::WrappedKey;
pub use event_schemas::topics::DATA_KEYS;
use event_schemas::topics::{self, Profile};
use event_schemas::{
    DataKey, Event, KeyId, Payload, Recorded, SealError, SealedFields, SealedValue, Timestamp, open_field,
    seal_field,
};
use parking_lot::RwLock;
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::{
    Decoder, Encoder, EventLog, Fold, LogError, NewRecord, Record, Tail, TopicPartition, WriteError,
};

/// Number of partitions of [`DATA_KEYS`]; see [`KeyRing::follow`].
#[must_use]
pub fn data_key_partitions(profile: Profile) -> i32 {
    topics::manifest(profile).iter().find(|it| it.name == DATA_KEYS).map_or(1, |it| it.partitions)
}

/// Stands for the event type where a value is kept beside the events.
const KEPT: &str = "snapshot";

/// How long a reader waits for keys that it lacks.
const PATIENCE: Duration = Duration::from_secs(2);

/// The key that wraps all data keys; it comes from outside Kafka and never goes there.
#[derive(Clone)]
pub struct MasterKey(DataKey);

impl MasterKey {
    /// The master key with these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(DataKey::new(bytes))
    }

    fn wrap(&self, key: &DataKey, id: &KeyId, at: Timestamp) -> Result<WrappedKey, WriteError> {
        let nonce = random::<12>()?;
        let wrapped = self.0.encrypt(&nonce, key.bytes(), id.id.as_bytes())?;
        Ok(WrappedKey {
            key_id: id.id.clone(),
            subject: id.subject,
            nonce: nonce.to_vec(),
            wrapped,
            created_at: at,
        })
    }

    fn unwrap(&self, wrapped: &WrappedKey) -> Result<DataKey, SealError> {
        let bytes = self.0.decrypt(&wrapped.nonce, &wrapped.wrapped, wrapped.key_id.as_bytes())?;
        bytes.try_into().map(DataKey::new).map_err(|_| SealError::Cipher)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

/// The living keys by id.
#[derive(Debug, Default)]
struct Keys {
    /// From the topic; an error where the record of a key does not unwrap, which is not to be taken for destroyed.
    known: HashMap<String, Result<DataKey, Unwrappable>>,
    /// Drawn here, and not on the topic yet. Apart from the known ones, because a transaction that its owner gives up for
    /// lost may have been committed, and what it drew is then on the topic for good.
    drawn: HashMap<String, DataKey>,
}

impl Keys {
    fn get(&self, id: &str) -> Option<Result<DataKey, Unwrappable>> {
        self.known.get(id).cloned().or_else(|| self.drawn.get(id).cloned().map(Ok))
    }

    fn contains(&self, id: &str) -> bool {
        self.known.contains_key(id) || self.drawn.contains_key(id)
    }

    fn learn(&mut self, id: String, key: Result<DataKey, Unwrappable>) {
        self.drawn.remove(&id);
        self.known.insert(id, key);
    }

    fn forget(&mut self, id: &str) {
        self.drawn.remove(id);
        self.known.remove(id);
    }
}

/// A data key is there, but not under this master key.
#[derive(Clone, Copy, Debug)]
struct Unwrappable;

impl From<Unwrappable> for SealError {
    fn from(Unwrappable: Unwrappable) -> Self {
        Self::Cipher
    }
}

/// All living data keys; cheap to clone.
#[derive(Clone, Debug)]
pub struct KeyRing {
    keys: Arc<RwLock<Keys>>,
    master: MasterKey,
    encoder: Encoder,
    tail: Tail,
}

impl KeyRing {
    /// Follows `data-keys`, which has this many partitions, until `stop`.
    ///
    /// # Errors
    /// When the topic cannot be read.
    pub async fn follow(
        log: Arc<dyn EventLog>,
        decoder: Decoder,
        encoder: Encoder,
        master: MasterKey,
        partitions: i32,
        stop: CancellationToken,
    ) -> Result<Self, LogError> {
        let keys = Arc::<RwLock<Keys>>::default();
        let fold = FoldKeys { keys: Arc::clone(&keys), master: master.clone(), decoder };
        let partitions = (0..partitions).map(|it| TopicPartition::new(DATA_KEYS, it)).collect();
        let tail = Tail::follow(log, partitions, fold, stop).await?;
        Ok(Self { keys, master, encoder, tail })
    }

    /// Waits until every key that is on the topic now is known.
    ///
    /// # Errors
    /// [`LogError::Unavailable`] when that takes longer than two seconds or the log cannot be asked.
    pub async fn catch_up(&self) -> Result<(), LogError> {
        let late = |_| LogError::Unavailable("the data keys did not catch up in time".to_owned());
        tokio::time::timeout(PATIENCE, self.tail.reach_end(|_| true)).await.map_err(late)?
    }

    /// Waits, without a limit, until every key that is on the topic now is known.
    ///
    /// # Errors
    /// When the log cannot be asked for its ends.
    pub async fn ready(&self) -> Result<(), LogError> {
        self.tail.reach_end(|_| true).await
    }

    /// Seals the clear fields of an event. Returns the records of keys that it drew, to be appended in the same
    /// transaction; should that come to nothing, [`Self::discard`] them.
    ///
    /// # Errors
    /// [`WriteError::KeyGone`] when a field belongs to something that was forgotten.
    pub fn seal(&self, event: &mut Recorded<Event>, at: Timestamp) -> Result<Vec<NewRecord>, WriteError> {
        let (event_type, mut drawn) = (event.payload.entry().name, Vec::new());
        for mut slot in event.payload.sealed_fields() {
            let known = self.keys.read().get(&slot.key.id);
            let key = match known {
                Some(key) => key.map_err(SealError::from)?,
                None => {
                    let (key, record) = self.draw(&slot.key, at)?;
                    drawn.push(record);
                    key
                }
            };
            seal_field(&mut slot, event_type, &event.envelope.aggregate_id, &key, random()?)?;
        }
        Ok(drawn)
    }

    /// Forgets keys that were drawn for a transaction that came to nothing, or may have: nobody else will ever know them,
    /// unless they are on the topic after all.
    pub fn discard(&self, ids: impl IntoIterator<Item = String>) {
        let mut keys = self.keys.write();
        for id in ids {
            keys.drawn.remove(&id);
        }
    }

    /// Opens the sealed fields of an event. A key that is unknown here is waited for; one that is gone from the topic was
    /// destroyed, and its field reads as forgotten.
    ///
    /// # Errors
    /// [`OpenError::Log`] when the keys cannot catch up; [`OpenError::Seal`] when a field does not open with its key.
    pub async fn open(&self, event: &mut Recorded<Event>) -> Result<(), OpenError> {
        if !self.knows_keys_of(event) {
            self.catch_up().await?;
        }
        Ok(self.open_known(event)?)
    }

    /// Whether every key that seals a field of the event is known. One that is not may still come, or was destroyed.
    pub fn knows_keys_of(&self, event: &mut Recorded<Event>) -> bool {
        let keys = self.keys.read();
        event.payload.sealed_fields().iter().all(|it| keys.contains(&it.key.id))
    }

    /// Opens the sealed fields of an event that was committed before the last [`Self::catch_up`] began: what is unknown
    /// now was destroyed. A replay, which meets many destroyed keys, waits once for all of them.
    ///
    /// # Errors
    /// When a field does not open with its key.
    pub fn open_known(&self, event: &mut Recorded<Event>) -> Result<(), SealError> {
        let keys = self.keys.read();
        let event_type = event.payload.entry().name;
        for mut slot in event.payload.sealed_fields() {
            let key = keys.get(&slot.key.id).transpose()?;
            open_field(&mut slot, event_type, &event.envelope.aggregate_id, key.as_ref())?;
        }
        Ok(())
    }

    /// Seals the clear fields of what is kept of an aggregate beside its events, without drawing keys: a field whose key
    /// is unknown was forgotten, and is sealed as nothing.
    ///
    /// # Errors
    /// When a key does not unwrap, the cipher refuses or there is no randomness.
    pub fn seal_kept(&self, kept: &mut impl SealedFields, aggregate_id: &str) -> Result<(), WriteError> {
        for mut slot in kept.sealed_fields() {
            let key = self.keys.read().get(&slot.key.id);
            match key.transpose().map_err(SealError::from)? {
                Some(key) => seal_field(&mut slot, KEPT, aggregate_id, &key, random()?)?,
                None => slot.field.forget(),
            }
            if slot.field.sealed().is_none() {
                let (nonce, ciphertext) = (Vec::new(), Vec::new());
                slot.field.set_sealed(SealedValue { key_id: slot.key.id.clone(), nonce, ciphertext });
            }
        }
        Ok(())
    }

    /// Opens what [`Self::seal_kept`] sealed; as [`Self::open_known`] only after a [`Self::catch_up`].
    ///
    /// # Errors
    /// When a field does not open with its key.
    pub fn open_kept(&self, kept: &mut impl SealedFields, aggregate_id: &str) -> Result<(), SealError> {
        let keys = self.keys.read();
        for mut slot in kept.sealed_fields() {
            let key = keys.get(&slot.key.id).transpose()?;
            let is_something = slot.field.sealed().is_some_and(|it| !it.nonce.is_empty());
            open_field(&mut slot, KEPT, aggregate_id, key.as_ref().filter(|_| is_something))?;
        }
        Ok(())
    }

    fn draw(&self, id: &KeyId, at: Timestamp) -> Result<(DataKey, NewRecord), WriteError> {
        if id.subject.is_none() {
            return Err(WriteError::KeyGone(id.id.clone()));
        }
        let key = DataKey::new(random()?);
        let wrapped = self.master.wrap(&key, id, at)?;
        let record = self.encoder.state(DATA_KEYS, &id.id, Some(&wrapped), at)?;
        self.keys.write().drawn.insert(id.id.clone(), key.clone());
        Ok((key, record))
    }
}

/// Sealed fields could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The keys could not catch up.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A field does not open with its key.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// Folds `data-keys`.
struct FoldKeys {
    keys: Arc<RwLock<Keys>>,
    master: MasterKey,
    decoder: Decoder,
}

#[async_trait]
impl Fold for FoldKeys {
    async fn fold(&mut self, records: Vec<Record>) {
        for record in records {
            let id = String::from_utf8_lossy(&record.key).into_owned();
            match self.decoder.decode_state::<WrappedKey>(&record).await {
                Ok(None) => self.keys.write().forget(&id),
                Ok(Some(wrapped)) => {
                    let key = self.master.unwrap(&wrapped).map_err(|fault| {
                        let position = &record.position;
                        error!(%position, %fault, "a data key does not unwrap: is this the right master key?");
                        Unwrappable
                    });
                    self.keys.write().learn(id, key);
                }
                Err(fault) => error!(position = %record.position, %fault, "a data key is not readable"),
            }
        }
    }
}

/// Fresh bytes from the operating system's generator.
fn random<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;

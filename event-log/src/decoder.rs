//! From records to values, with whatever schema wrote them.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use event_schemas::{Codec, DecodeError, Payload, Recorded, RegisteredSchema, SchemaId};
use parking_lot::RwLock;
use serde::de::DeserializeOwned;

use crate::{LogError, Record};

/// Where schemas are looked up that this version did not bring along.
#[async_trait]
pub trait SchemaSource: Send + Sync + fmt::Debug {
    /// The text of a schema.
    ///
    /// # Errors
    /// [`LogError::Refused`] when there is none of this id.
    async fn fetch(&self, id: SchemaId) -> Result<String, LogError>;
}

/// Decodes records; cheap to clone. Schemas that it meets for the first time are fetched once.
#[derive(Clone, Debug)]
pub struct Decoder {
    codec: Arc<RwLock<Arc<Codec>>>,
    source: Arc<dyn SchemaSource>,
}

impl Decoder {
    /// A decoder that begins with the schemas of `codec`.
    pub fn new(codec: Codec, source: Arc<dyn SchemaSource>) -> Self {
        Self { codec: Arc::new(RwLock::new(Arc::new(codec))), source }
    }

    /// A decoder for what [`Codec::local`] wrote, without a registry.
    #[must_use]
    pub fn local() -> Self {
        Self::new(Codec::local(), Arc::new(NoRegistry))
    }

    /// The event or command in a record, personal fields still sealed.
    ///
    /// # Errors
    /// [`ReadError`]; only [`ReadError::Registry`] may pass.
    pub async fn decode<P: Payload>(&self, record: &Record) -> Result<Recorded<P>, ReadError> {
        let value = record.value.as_deref().ok_or(ReadError::Tombstone)?;
        self.with_schemas(|codec| codec.decode(value)).await
    }

    /// The full name of its type and the record as JSON, for people to look at: also of a type that this version does not
    /// know. Sealed fields stay sealed.
    ///
    /// # Errors
    /// As [`Self::decode`].
    pub async fn decode_json(&self, record: &Record) -> Result<(String, serde_json::Value), ReadError> {
        let value = record.value.as_deref().ok_or(ReadError::Tombstone)?;
        self.with_schemas(|codec| codec.decode_json(value)).await
    }

    /// The value of a record of a state topic; none for a tombstone.
    ///
    /// # Errors
    /// As [`Self::decode`].
    pub async fn decode_state<T: DeserializeOwned>(&self, record: &Record) -> Result<Option<T>, ReadError> {
        let Some(value) = record.value.as_deref() else { return Ok(None) };
        self.with_schemas(|codec| codec.decode_state(value)).await.map(Some)
    }

    async fn with_schemas<T>(
        &self,
        decode: impl Fn(&Codec) -> Result<T, DecodeError>,
    ) -> Result<T, ReadError> {
        let codec = Arc::clone(&self.codec.read());
        match decode(&codec) {
            Err(DecodeError::UnknownSchema(id)) => {
                self.learn(id).await?;
                let codec = Arc::clone(&self.codec.read());
                Ok(decode(&codec)?)
            }
            decoded => Ok(decoded?),
        }
    }

    async fn learn(&self, id: SchemaId) -> Result<(), ReadError> {
        let schema = RegisteredSchema::parse(&self.source.fetch(id).await?)?;
        let mut codec = self.codec.write();
        Arc::make_mut(&mut codec).learn(id, schema);
        Ok(())
    }
}

/// Knows no schema.
#[derive(Debug)]
struct NoRegistry;

#[async_trait]
impl SchemaSource for NoRegistry {
    async fn fetch(&self, id: SchemaId) -> Result<String, LogError> {
        Err(LogError::Refused(format!("schema {id} is unknown and there is no registry")))
    }
}

/// A record could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It has no value where one belongs.
    #[error("the record has no value")]
    Tombstone,
    /// Its bytes are not what they should be.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// Its schema could not be fetched.
    #[error("its schema could not be fetched: {0}")]
    Registry(#[from] LogError),
}

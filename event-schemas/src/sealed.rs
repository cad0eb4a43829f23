//! Sealed fields: personal data that is encrypted before it leaves the process.
//!
//! AES-256-GCM under a data key whose id says whose data it is; destroying that key forgets the text for ever while the
//! event stays valid. The additional authenticated data binds a value to its event type, aggregate and field, so that
//! it cannot be moved to another place. The clear value is the JSON of the field.

use std::fmt;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{CommunityId, RequestId, UserId};

/// A personal value in an event: clear while the domain decides, sealed on the wire, forgotten once its key is gone.
#[derive(Clone, PartialEq, Eq)]
pub enum Sealable<T> {
    /// Readable; refuses to be encoded.
    Clear(T),
    /// As it stands on Kafka.
    Sealed(SealedValue),
    /// The key was destroyed; readers show a placeholder.
    Forgotten,
}

impl<T> Sealable<T> {
    /// The clear value, when it is readable.
    #[must_use]
    pub const fn clear(&self) -> Option<&T> {
        match self {
            Self::Clear(value) => Some(value),
            Self::Sealed(_) | Self::Forgotten => None,
        }
    }

    /// The clear value, else what stands for it when its key is gone.
    pub fn reveal(&self, placeholder: Placeholder) -> T
    where
        T: Clone + From<&'static str>,
    {
        self.clear().cloned().unwrap_or_else(|| T::from(placeholder.text()))
    }
}

/// What readers show for a value whose key was destroyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placeholder {
    /// Texts.
    Forgotten,
    /// Names.
    DeletedUser,
}

impl Placeholder {
    /// The text that stands for the value.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Forgotten => "[forgotten]",
            Self::DeletedUser => "[deleted user]",
        }
    }
}

// Personal data must not reach a log line by way of `{:?}`.
impl<T> fmt::Debug for Sealable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Clear(_) => "Clear(…)",
            Self::Sealed(_) => "Sealed(…)",
            Self::Forgotten => "Forgotten",
        })
    }
}

impl<T> Serialize for Sealable<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Sealed(value) => value.serialize(serializer),
            Self::Clear(_) | Self::Forgotten => {
                Err(serde::ser::Error::custom("a personal field must be sealed before it is encoded"))
            }
        }
    }
}

impl<'de, T> Deserialize<'de> for Sealable<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        SealedValue::deserialize(deserializer).map(Self::Sealed)
    }
}

/// `karmyq.common.v1.Sealed`: a value under a data key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename = "Sealed")]
pub struct SealedValue {
    /// Which data key opens it, see [`KeyId`].
    pub key_id: String,
    /// 12 random bytes, never twice under one key.
    #[serde(with = "apache_avro::serde::bytes")]
    pub nonce: Vec<u8>,
    /// AES-256-GCM ciphertext with its 16-byte tag.
    #[serde(with = "apache_avro::serde::bytes")]
    pub ciphertext: Vec<u8>,
}

/// The id of a data key and the person whose erasure destroys it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyId {
    /// `user/<id>` or `content/…`.
    pub id: String,
    /// The person, where the event tells; the record that first uses a key always does.
    pub subject: Option<UserId>,
}

impl KeyId {
    /// `^U`: destroyed when the user is erased.
    #[must_use]
    pub fn user(user: UserId) -> Self {
        Self { id: format!("user/{user}"), subject: Some(user) }
    }

    /// `^R`: destroyed when the request's text is forgotten.
    #[must_use]
    pub fn request(request: RequestId, requester: Option<UserId>) -> Self {
        Self { id: format!("content/{request}"), subject: requester }
    }

    /// `^F`: an author's words on a request, destroyed with the request's text.
    #[must_use]
    pub fn author(request: RequestId, author: UserId) -> Self {
        Self { id: format!("content/{request}.{author}"), subject: Some(author) }
    }

    /// `^J`: the message of a join request, destroyed 30 days after its decision.
    #[must_use]
    pub fn join_message(community: CommunityId, applicant: UserId) -> Self {
        Self { id: format!("content/{community}.{applicant}"), subject: Some(applicant) }
    }
}

/// A 256-bit data key. Never printed, never written unwrapped.
#[derive(Clone, PartialEq, Eq)]
pub struct DataKey([u8; 32]);

impl DataKey {
    /// The key with these bytes; the caller draws them from the operating system's generator.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The raw bytes, for wrapping.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Encrypts `clear` under this key; `nonce` must be fresh.
    ///
    /// # Errors
    /// [`SealError::Cipher`] when the cipher refuses (a text beyond 64 GiB).
    pub fn encrypt(&self, nonce: &[u8; 12], clear: &[u8], context: &[u8]) -> Result<Vec<u8>, SealError> {
        let payload = Payload { msg: clear, aad: context };
        Aes256Gcm::new(&self.0.into()).encrypt(&Nonce::from(*nonce), payload).map_err(|_| SealError::Cipher)
    }

    /// Decrypts what [`Self::encrypt`] made with the same context.
    ///
    /// # Errors
    /// [`SealError::Cipher`] when key, nonce, context or text do not belong together.
    pub fn decrypt(&self, nonce: &[u8], sealed: &[u8], context: &[u8]) -> Result<Vec<u8>, SealError> {
        let nonce: [u8; 12] = nonce.try_into().map_err(|_| SealError::Cipher)?;
        let payload = Payload { msg: sealed, aad: context };
        Aes256Gcm::new(&self.0.into()).decrypt(&Nonce::from(nonce), payload).map_err(|_| SealError::Cipher)
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(…)")
    }
}

/// A payload tells which of its fields are sealed, and under which keys.
pub trait SealedFields {
    /// The sealed fields that are present, in wire order. None by default: most payloads hold nothing personal, and a
    /// test compares this list with the schema of every type.
    fn sealed_fields(&mut self) -> Vec<SealedSlot<'_>> {
        Vec::new()
    }
}

/// One sealed field of one payload.
pub struct SealedSlot<'a> {
    /// Path of the field in `data`, as in the schema (`home`, `categorySealed`).
    pub path: &'static str,
    /// The key that seals it.
    pub key: KeyId,
    /// The field itself.
    pub field: &'a mut dyn SealableField,
}

impl<'a> SealedSlot<'a> {
    /// The slot of an optional field; none when the field is absent.
    pub fn of<T>(path: &'static str, key: KeyId, field: &'a mut Option<Sealable<T>>) -> Option<Self>
    where
        T: Serialize + DeserializeOwned + Send,
    {
        field.as_mut().map(|field| Self { path, key, field })
    }
}

impl fmt::Debug for SealedSlot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedSlot").field("path", &self.path).field("key", &self.key).finish_non_exhaustive()
    }
}

/// A [`Sealable`] of any type, for the code that seals and opens.
pub trait SealableField: Send {
    /// The clear value as JSON; none when it is not clear.
    fn clear_json(&self) -> Option<serde_json::Result<Vec<u8>>>;
    /// The sealed value; none when it is not sealed.
    fn sealed(&self) -> Option<&SealedValue>;
    /// Takes the sealed form.
    fn set_sealed(&mut self, value: SealedValue);
    /// Takes the clear form from JSON.
    ///
    /// # Errors
    /// When the JSON is not of the field's type.
    fn set_clear(&mut self, json: &[u8]) -> serde_json::Result<()>;
    /// The key is gone.
    fn forget(&mut self);
}

impl<T: Serialize + DeserializeOwned + Send> SealableField for Sealable<T> {
    fn clear_json(&self) -> Option<serde_json::Result<Vec<u8>>> {
        self.clear().map(serde_json::to_vec)
    }

    fn sealed(&self) -> Option<&SealedValue> {
        match self {
            Self::Sealed(value) => Some(value),
            Self::Clear(_) | Self::Forgotten => None,
        }
    }

    fn set_sealed(&mut self, value: SealedValue) {
        *self = Self::Sealed(value);
    }

    fn set_clear(&mut self, json: &[u8]) -> serde_json::Result<()> {
        *self = Self::Clear(serde_json::from_slice(json)?);
        Ok(())
    }

    fn forget(&mut self) {
        *self = Self::Forgotten;
    }
}

/// Seals one clear field in place; a field that is already sealed stays as it is.
///
/// # Errors
/// [`SealError`] when the value has no JSON form or the cipher refuses; the field is unchanged then.
pub fn seal_field(
    slot: &mut SealedSlot<'_>,
    event_type: &str,
    aggregate_id: &str,
    key: &DataKey,
    nonce: [u8; 12],
) -> Result<(), SealError> {
    let Some(json) = slot.field.clear_json() else { return Ok(()) };
    let ciphertext = key.encrypt(&nonce, &json?, &context(event_type, aggregate_id, slot.path))?;
    slot.field.set_sealed(SealedValue { key_id: slot.key.id.clone(), nonce: nonce.to_vec(), ciphertext });
    Ok(())
}

/// Opens one sealed field in place; without a key it becomes [`Sealable::Forgotten`].
///
/// # Errors
/// [`SealError`] when the key does not fit or the clear text is not of the field's type.
pub fn open_field(
    slot: &mut SealedSlot<'_>,
    event_type: &str,
    aggregate_id: &str,
    key: Option<&DataKey>,
) -> Result<(), SealError> {
    let Some(sealed) = slot.field.sealed() else { return Ok(()) };
    let Some(key) = key else {
        slot.field.forget();
        return Ok(());
    };
    let json =
        key.decrypt(&sealed.nonce, &sealed.ciphertext, &context(event_type, aggregate_id, slot.path))?;
    Ok(slot.field.set_clear(&json)?)
}

/// The additional authenticated data: event type, aggregate id and field path, a line each.
fn context(event_type: &str, aggregate_id: &str, path: &str) -> Vec<u8> {
    format!("{event_type}\n{aggregate_id}\n{path}").into_bytes()
}

/// Sealing or opening failed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// Key, nonce, context and text do not belong together.
    #[error("the sealed value does not open with its key")]
    Cipher,
    /// The clear text is not of the field's type.
    #[error("the clear text of a sealed field has another type")]
    Json(#[from] serde_json::Error),
}

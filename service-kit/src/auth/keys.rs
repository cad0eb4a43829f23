//! Public keys: a directory of PEM files whose names without `.pem` are the key ids.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::DecodingKey;
use serde_json::{Value, json};

/// What precedes the 32 bytes of an Ed25519 key in its DER form (RFC 8410).
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The keys that tokens may be signed with; at a rotation the old and the new one.
#[derive(Clone)]
pub struct PublicKeys(pub(super) BTreeMap<String, PublicKey>);

#[derive(Clone)]
pub(super) struct PublicKey {
    pub(super) decoding: DecodingKey,
    x: String,
}

impl PublicKeys {
    /// Reads every `*.pem` of the directory.
    ///
    /// # Errors
    /// [`KeyError`] when the directory or a file cannot be read, a file holds no Ed25519 key, or there is no key at all.
    pub fn from_directory(directory: impl AsRef<Path>) -> Result<Self, KeyError> {
        let directory = directory.as_ref();
        let mut keys = BTreeMap::new();
        for entry in fs::read_dir(directory).map_err(|error| KeyError::unreadable(directory, error))? {
            let path = entry.map_err(|error| KeyError::unreadable(directory, error))?.path();
            let (Some(kid), Some("pem")) = (path.file_stem(), path.extension().and_then(|it| it.to_str()))
            else {
                continue;
            };
            let pem = fs::read_to_string(&path).map_err(|error| KeyError::unreadable(&path, error))?;
            let key =
                PublicKey::from_pem(&pem).ok_or_else(|| KeyError::NotEd25519(path.display().to_string()))?;
            keys.insert(kid.to_string_lossy().into_owned(), key);
        }
        if keys.is_empty() {
            return Err(KeyError::None(directory.display().to_string()));
        }
        Ok(Self(keys))
    }

    /// Keys given as (key id, PEM).
    ///
    /// # Errors
    /// [`KeyError::NotEd25519`] with the key id.
    pub fn from_pems<'a>(pems: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, KeyError> {
        let parse = |(kid, pem): (&str, &str)| {
            let key = PublicKey::from_pem(pem).ok_or_else(|| KeyError::NotEd25519(kid.to_owned()))?;
            Ok((kid.to_owned(), key))
        };
        pems.into_iter().map(parse).collect::<Result<_, _>>().map(Self)
    }

    /// The JSON Web Key Set (RFC 7517, 8037).
    #[must_use]
    pub fn jwks(&self) -> Value {
        let key = |(kid, key): (&String, &PublicKey)| json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": kid, "x": key.x});
        json!({"keys": self.0.iter().map(key).collect::<Vec<_>>()})
    }
}

impl fmt::Debug for PublicKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PublicKeys").field(&self.0.keys()).finish()
    }
}

impl PublicKey {
    fn from_pem(pem: &str) -> Option<Self> {
        let base64: String = pem.lines().map(str::trim).filter(|it| !it.starts_with("-----")).collect();
        let der = STANDARD.decode(base64).ok()?;
        let raw = der.strip_prefix(&SPKI_PREFIX).filter(|it| it.len() == 32)?;
        let x = URL_SAFE_NO_PAD.encode(raw);
        Some(Self { decoding: DecodingKey::from_ed_components(&x).ok()?, x })
    }
}

/// The keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A file or directory cannot be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A file holds something else.
    #[error("{0} is no PEM public key of Ed25519")]
    NotEd25519(String),
    /// There is no key.
    #[error("{0} has no public key (*.pem)")]
    None(String),
    /// The signing key is no PKCS#8 PEM of Ed25519, or its public half is missing among the public keys.
    #[error("the signing key is no Ed25519 key in PKCS#8 PEM whose public half is among the public keys")]
    Signing,
}

impl KeyError {
    fn unreadable(path: &Path, source: io::Error) -> Self {
        Self::Unreadable { path: path.display().to_string(), source }
    }
}

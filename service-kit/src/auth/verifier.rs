//! Checking access tokens.

use std::fmt;
use std::sync::Arc;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use quick_cache::sync::Cache;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{AUDIENCE, Claims, ISSUER, PublicKeys};

/// Tokens remembered; an entry is about 1 KiB.
const REMEMBERED: usize = 20_000;

/// Checks signature and claims of tokens. A signature costs about 50 µs, so the claims of a verified token are kept
/// under the digest of its text until it expires.
pub struct Verifier {
    keys: PublicKeys,
    validation: Validation,
    verified: Cache<[u8; 32], Arc<Claims>>,
}

impl Verifier {
    /// A verifier that trusts these keys.
    #[must_use]
    pub fn new(keys: PublicKeys) -> Self {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // Expiry is looked at below, with the caller's clock, also for remembered tokens.
        validation.validate_exp = false;
        Self { keys, validation, verified: Cache::new(REMEMBERED) }
    }

    /// The claims of a valid token; `now` in seconds since the epoch.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn verify(&self, token: &str, now: i64) -> Result<Arc<Claims>, TokenError> {
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let claims = match self.verified.get(&digest) {
            Some(claims) => claims,
            None => {
                let claims = Arc::new(self.check(token)?);
                if claims.exp > now {
                    self.verified.insert(digest, Arc::clone(&claims));
                }
                claims
            }
        };
        if claims.exp <= now {
            self.verified.remove(&digest);
            return Err(TokenError::Expired);
        }
        Ok(claims)
    }

    /// The public keys as a JSON Web Key Set.
    #[must_use]
    pub fn jwks(&self) -> Value {
        self.keys.jwks()
    }

    pub(super) fn key_ids(&self) -> impl Iterator<Item = &str> {
        self.keys.0.keys().map(String::as_str)
    }

    fn check(&self, token: &str) -> Result<Claims, TokenError> {
        let header = decode_header(token).map_err(|_| TokenError::Invalid)?;
        if header.alg != Algorithm::EdDSA {
            return Err(TokenError::Invalid);
        }
        let key = header.kid.and_then(|kid| self.keys.0.get(&kid)).ok_or(TokenError::Invalid)?;
        match decode::<Claims>(token, &key.decoding, &self.validation) {
            Ok(token) if token.claims.sub == token.claims.user_id => Ok(token.claims),
            Ok(_) => Err(TokenError::Invalid),
            Err(error) if matches!(error.kind(), ErrorKind::ExpiredSignature) => Err(TokenError::Expired),
            Err(_) => Err(TokenError::Invalid),
        }
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("keys", &self.keys).finish_non_exhaustive()
    }
}

/// Why a token does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Garbled, forged, of an unknown key or another algorithm, or of a revoked session.
    #[error("the token is not valid")]
    Invalid,
    /// Past its time.
    #[error("the token has expired")]
    Expired,
    /// Whether the session was revoked cannot be told at the moment.
    #[error("the revoked sessions are not known")]
    RevocationsUnknown,
}

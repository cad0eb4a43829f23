//! Issuing access tokens.

use std::fmt;

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use uuid::Uuid;

use super::{AUDIENCE, Claims, ISSUER, KeyError, Verifier};
use crate::config::Secret;

/// Signs access tokens with the service's private key.
pub struct Signer {
    key: EncodingKey,
    header: Header,
}

impl Signer {
    /// A signer from a PKCS#8 PEM. Its key id is found by trying which of the verifier's keys accepts it, so a token
    /// that the other services would refuse is never issued.
    ///
    /// # Errors
    /// [`KeyError::Signing`].
    pub fn new(pkcs8_pem: &Secret, verifier: &Verifier) -> Result<Self, KeyError> {
        let key = EncodingKey::from_ed_pem(pkcs8_pem.expose().as_bytes()).map_err(|_| KeyError::Signing)?;
        let mut signer = Self { key, header: Header::new(Algorithm::EdDSA) };
        for kid in verifier.key_ids() {
            signer.header.kid = Some(kid.to_owned());
            let probe = signer.sign(&probe()).map_err(|_| KeyError::Signing)?;
            if verifier.verify(&probe, 0).is_ok() {
                return Ok(signer);
            }
        }
        Err(KeyError::Signing)
    }

    /// The token with these claims.
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn sign(&self, claims: &Claims) -> Result<String, jsonwebtoken::errors::Error> {
        encode(&self.header, claims, &self.key)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("kid", &self.header.kid).finish_non_exhaustive()
    }
}

/// Of nobody, and expired since 1970.
fn probe() -> Claims {
    Claims {
        user_id: Uuid::nil(),
        email: String::new(),
        community_memberships: Vec::new(),
        iat: 0,
        exp: 1,
        jti: Uuid::nil(),
        sub: Uuid::nil(),
        sid: Uuid::nil(),
        iss: ISSUER.to_owned(),
        aud: AUDIENCE.to_owned(),
        email_verified: false,
        platform_role: None,
    }
}

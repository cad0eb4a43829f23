//! Random tokens, and addresses at rest.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use event_schemas::{DataKey, SealError, UserId};
use sha2::{Digest, Sha256};

use crate::config::Secret32;

const NONCE_BYTES: usize = 12;

/// 32 random bytes for a client, of which the database knows only the digest.
pub(super) struct SecretToken {
    /// What the client gets: base64url.
    pub(super) text: String,
    /// What the database keeps: SHA-256.
    pub(super) hash: [u8; 32],
}

impl SecretToken {
    /// A fresh one.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub(super) fn draw() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        let text = URL_SAFE_NO_PAD.encode(bytes);
        Ok(Self { hash: hash_of(&text), text })
    }
}

/// The digest under which the database knows a client's token.
pub(super) fn hash_of(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// Seals addresses at rest: AES-256-GCM, bound to the user.
#[derive(Clone, Debug)]
pub(super) struct AddressKey(DataKey);

impl AddressKey {
    /// A key of its own for this purpose, derived from the master key.
    pub(super) fn new(master: &Secret32) -> Self {
        let derived = Sha256::new().chain_update(b"karmyq/credentials/email\n").chain_update(master.expose());
        Self(DataKey::new(derived.finalize().into()))
    }

    /// Nonce and ciphertext of an address.
    ///
    /// # Errors
    /// When the system gives no randomness or the cipher refuses.
    pub(super) fn seal(&self, user: UserId, address: &str) -> anyhow::Result<Vec<u8>> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce)?;
        let sealed = self.0.encrypt(&nonce, address.as_bytes(), user.to_string().as_bytes())?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// The address.
    ///
    /// # Errors
    /// When it was sealed under another key or for another user.
    pub(super) fn open(&self, user: UserId, sealed: &[u8]) -> Result<String, SealError> {
        let (nonce, text) = sealed.split_at_checked(NONCE_BYTES).ok_or(SealError::Cipher)?;
        let clear = self.0.decrypt(nonce, text, user.to_string().as_bytes())?;
        String::from_utf8(clear).map_err(|_| SealError::Cipher)
    }
}

#[cfg(test)]
mod tests {
    use event_schemas::UserId;
    use uuid::Uuid;

    use super::{AddressKey, SecretToken, hash_of};
    use crate::config::Secret32;

    #[test]
    fn an_address_opens_for_its_user_only() {
        let key = AddressKey::new(&Secret32::new([1; 32]));
        let (ana, eva) = (UserId::new(Uuid::from_u128(1)), UserId::new(Uuid::from_u128(2)));
        let sealed = key.seal(ana, "ana@example.org").unwrap();
        assert!(!sealed.windows(3).any(|it| it == b"ana"));
        assert_eq!(key.open(ana, &sealed).unwrap(), "ana@example.org");
        assert!(key.open(eva, &sealed).is_err());
        assert!(AddressKey::new(&Secret32::new([2; 32])).open(ana, &sealed).is_err());
        assert!(key.open(ana, &sealed[..5]).is_err());
    }

    #[test]
    fn tokens_are_long_random_and_known_by_their_digest() {
        let (one, other) = (SecretToken::draw().unwrap(), SecretToken::draw().unwrap());
        assert_eq!(one.text.len(), 43);
        assert_ne!(one.text, other.text);
        assert_eq!(hash_of(&one.text), one.hash);
    }
}

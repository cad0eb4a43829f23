//! Accounts: what must never be on a topic. Passwords, sessions and tokens, in PostgreSQL's schema `auth`.
//!
//! `registration` and `login` are the two ways in · `passwords` hashes and compares · `credentials` who may log in · `sessions` who is logged in · `tokens` what a logged
//! in person carries · `secrets` random tokens and addresses at rest · `completion` finishes what a crash left half done.
//! When PostgreSQL is away, only the routes below `/auth` and the founding of communities answer 503.

pub(crate) mod completion;
pub(crate) mod credentials;
pub(crate) mod failures;
pub(crate) mod login;
pub(crate) mod passwords;
pub(crate) mod registration;
mod secrets;
pub(crate) mod sessions;
pub(crate) mod tokens;

use service_kit::auth::Revocations;
use sqlx::PgPool;

use self::failures::UnknownAddresses;
use self::passwords::Passwords;
use self::secrets::AddressKey;
use self::tokens::Tokens;
use crate::config::Secret32;

/// Accounts, as the routes use them.
#[derive(Clone, Debug)]
pub(crate) struct Accounts {
    /// Compares and hashes passwords.
    pub(crate) passwords: Passwords,
    /// Issues access tokens.
    pub(crate) tokens: Tokens,
    /// Sessions that ended before their tokens.
    pub(crate) revocations: Revocations,
    pool: PgPool,
    addresses: AddressKey,
    unknown: UnknownAddresses,
}

impl Accounts {
    /// Accounts in this database; `master` seals addresses at rest.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub(crate) fn new(
        pool: PgPool,
        tokens: Tokens,
        revocations: Revocations,
        master: &Secret32,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            passwords: Passwords::new()?,
            tokens,
            revocations,
            pool,
            addresses: AddressKey::new(master),
            unknown: UnknownAddresses::default(),
        })
    }

    /// The database.
    pub(crate) const fn pool(&self) -> &PgPool {
        &self.pool
    }
}

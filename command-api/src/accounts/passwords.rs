//! Passwords: argon2id, off the async threads and with bounded concurrency.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use service_kit::answer::Problem;
use tokio::sync::Semaphore;

/// Memory of one hash in KiB, passes and lanes; the least that the specification allows.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Longest wait for a free slot.
const PATIENCE: Duration = Duration::from_secs(5);

/// Hashes and checks passwords. Clones share the slots.
#[derive(Clone, Debug)]
pub(crate) struct Passwords {
    slots: Arc<Semaphore>,
    /// Hash of a password that nobody has: an unknown address costs the same time as a wrong password.
    decoy: Arc<str>,
}

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is the password.
    Right {
        /// Whether the hash was made with weaker parameters than today's.
        outdated: bool,
    },
    /// It is not, or there is no such account.
    Wrong,
}

impl Passwords {
    /// With one slot per core.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub(crate) fn new() -> Result<Self, argon2::password_hash::Error> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let decoy = hash("")?;
        Ok(Self { slots: Arc::new(Semaphore::new(cores)), decoy: decoy.into() })
    }

    /// The hash of a password, in PHC form with a random salt.
    ///
    /// # Errors
    /// 503 when too many wait, 500 when the system gives no randomness.
    pub(crate) async fn hash(&self, password: String) -> Result<String, Problem> {
        self.off_thread(move || hash(&password)).await?.map_err(Problem::internal)
    }

    /// Compares a password with a stored hash; without one it takes as long and is wrong.
    ///
    /// # Errors
    /// 503 when too many wait, 500 when the stored hash is none.
    pub(crate) async fn verify(&self, password: String, stored: Option<String>) -> Result<Verdict, Problem> {
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.decoy.as_ref().to_owned());
        let verdict =
            self.off_thread(move || verify(&password, &stored)).await?.map_err(Problem::internal)?;
        Ok(if known { verdict } else { Verdict::Wrong })
    }

    async fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let slot = tokio::time::timeout(PATIENCE, Arc::clone(&self.slots).acquire_owned()).await;
        let Ok(Ok(slot)) = slot else {
            return Err(Problem::unavailable(
                "OVERLOADED",
                "too many passwords wait to be checked",
                PATIENCE,
            ));
        };
        let done = tokio::task::spawn_blocking(move || {
            let _slot = slot;
            work()
        });
        done.await.map_err(Problem::internal)
    }
}

fn argon2() -> Argon2<'static> {
    let params =
        Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the parameters are within argon2's limits");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash(password: &str) -> Result<String, argon2::password_hash::Error> {
    Ok(argon2().hash_password(password.as_bytes())?.to_string())
}

fn verify(password: &str, stored: &str) -> Result<Verdict, argon2::password_hash::Error> {
    let parsed = PasswordHash::new(stored)?;
    match argon2().verify_password(password.as_bytes(), &parsed) {
        Ok(()) => Ok(Verdict::Right { outdated: is_outdated(&parsed) }),
        Err(argon2::password_hash::Error::PasswordInvalid) => Ok(Verdict::Wrong),
        Err(error) => Err(error),
    }
}

/// Whether any parameter of the hash is below today's.
fn is_outdated(stored: &PasswordHash) -> bool {
    let weaker = |name: &str, least: u32| stored.params.get_decimal(name).is_none_or(|it| it < least);
    stored.algorithm.as_str() != "argon2id"
        || weaker("m", MEMORY_KIB)
        || weaker("t", PASSES)
        || weaker("p", LANES)
}

#[cfg(test)]
mod tests {
    use argon2::password_hash::PasswordHasher;
    use argon2::{Algorithm, Argon2, Params, Version};

    use super::{Passwords, Verdict};

    #[tokio::test]
    async fn the_password_is_right_and_any_other_is_wrong() {
        let passwords = Passwords::new().unwrap();
        let hash = passwords.hash("correct horse".to_owned()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let of = |password: &str| passwords.verify(password.to_owned(), Some(hash.clone()));
        assert_eq!(of("correct horse").await.unwrap(), Verdict::Right { outdated: false });
        assert_eq!(of("correct hose").await.unwrap(), Verdict::Wrong);
    }

    #[tokio::test]
    async fn nobody_has_the_password_of_an_unknown_account() {
        let passwords = Passwords::new().unwrap();
        assert_eq!(passwords.verify(String::new(), None).await.unwrap(), Verdict::Wrong);
    }

    #[tokio::test]
    async fn a_hash_with_weaker_parameters_is_outdated() {
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8_192, 1, 1, None).unwrap());
        let hash = weak.hash_password(b"old").unwrap().to_string();
        let verdict = Passwords::new().unwrap().verify("old".to_owned(), Some(hash)).await.unwrap();
        assert_eq!(verdict, Verdict::Right { outdated: true });
    }
}

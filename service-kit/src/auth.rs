//! Access tokens: Ed25519 JWTs of 15 minutes.
//!
//! [`Verifier`] checks signature and claims (`none` and symmetric algorithms are refused, a token once verified is
//! remembered until it expires), [`Revocations`] knows the sessions that ended before their tokens, [`Signer`] issues,
//! [`Authenticator`] is the first two together as the middleware uses them, and [`SignedIn`] is what a handler asks for.

mod caller;
mod claims;
mod keys;
mod revocations;
mod signer;
mod verifier;

pub use caller::{Authentication, Authenticator, SignedIn};
pub use claims::{AUDIENCE, Claims, ISSUER, MembershipClaim, PlatformRole};
pub use keys::{KeyError, PublicKeys};
pub use revocations::Revocations;
pub use signer::Signer;
pub use verifier::{TokenError, Verifier};

/// Life of an access token in seconds.
pub const TOKEN_LIFE_S: i64 = 15 * 60;

#[cfg(test)]
mod tests;

//! Who calls: found by the middleware, asked for by handlers.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use chrono::Utc;

use super::{Claims, Revocations, TokenError, Verifier};
use crate::answer::Problem;

/// Checks the token of a request. Clones share everything.
#[derive(Clone, Debug)]
pub struct Authenticator {
    verifier: Arc<Verifier>,
    revocations: Revocations,
}

impl Authenticator {
    /// Accepts what the verifier accepts and is not revoked.
    #[must_use]
    pub const fn new(verifier: Arc<Verifier>, revocations: Revocations) -> Self {
        Self { verifier, revocations }
    }

    /// The keys as a JSON Web Key Set.
    #[must_use]
    pub fn jwks(&self) -> serde_json::Value {
        self.verifier.jwks()
    }

    /// The revoked sessions.
    #[must_use]
    pub const fn revocations(&self) -> &Revocations {
        &self.revocations
    }

    /// The claims of a token, by the clock of this machine.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn authenticate(&self, token: &str) -> Result<Arc<Claims>, TokenError> {
        let claims = self.verifier.verify(token, Utc::now().timestamp())?;
        self.revocations.check(claims.sid)?;
        Ok(claims)
    }

    pub(crate) fn of(&self, headers: &HeaderMap) -> Authentication {
        let Some(header) = headers.get(AUTHORIZATION) else { return Authentication::Anonymous };
        let text = header.to_str().unwrap_or_default();
        match text.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                match self.authenticate(token.trim()) {
                    Ok(claims) => Authentication::SignedIn(claims),
                    Err(error) => Authentication::Refused(error),
                }
            }
            _ => Authentication::Refused(TokenError::Invalid),
        }
    }
}

/// What the middleware found out. A refused token is told only by routes that need one.
#[derive(Clone, Debug)]
pub enum Authentication {
    /// No token.
    Anonymous,
    /// A valid token.
    SignedIn(Arc<Claims>),
    /// A token that does not count.
    Refused(TokenError),
}

/// The signed-in caller. A handler with this argument answers 401 to everybody else.
#[derive(Clone, Debug)]
pub struct SignedIn(pub Arc<Claims>);

impl<S: Send + Sync> FromRequestParts<S> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match parts.extensions.get::<Authentication>() {
            Some(Authentication::SignedIn(claims)) => Ok(Self(Arc::clone(claims))),
            Some(Authentication::Refused(error)) => Err((*error).into()),
            Some(Authentication::Anonymous) | None => Err(Problem::unauthenticated()),
        }
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Invalid => Self::token_invalid(),
            TokenError::Expired => Self::token_expired(),
            TokenError::RevocationsUnknown => Self::unavailable(
                "DEPENDENCY_UNAVAILABLE",
                "sessions cannot be checked at the moment",
                Duration::from_secs(2),
            ),
        }
    }
}

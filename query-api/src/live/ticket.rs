//! Who a stream's client is: by `Authorization`, or in the query by `ticket` or `access_token`, because a browser's
//! `EventSource` cannot send headers. Query parameters are never logged.

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use chrono::{DateTime, Utc};
use service_kit::answer::Problem;
use service_kit::auth::SignedIn;
use service_kit::middleware::correlation;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::app::App;
use crate::params::Params;

/// The client of a stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listener {
    pub(super) user_id: Uuid,
    pub(super) session_id: Uuid,
    /// The stream ends with the token.
    pub(super) token_expires_at: DateTime<Utc>,
}

impl FromRequestParts<App> for Listener {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let params = Params::of_query(parts.uri.query());
        let listener = if parts.headers.contains_key(AUTHORIZATION) {
            let SignedIn(claims) = SignedIn::from_request_parts(parts, app).await?;
            Self::with_token(&claims)
        } else if let Some(ticket) = params.text("ticket") {
            Self::with_ticket(app, &ticket).await?
        } else if let Some(token) = params.text("access_token") {
            Self::with_token(&*app.authenticator.authenticate(&token)?)
        } else {
            return Err(Problem::unauthenticated());
        };
        correlation::note_user(listener.user_id);
        Ok(listener)
    }
}

impl Listener {
    fn with_token(claims: &service_kit::auth::Claims) -> Self {
        let token_expires_at = DateTime::from_timestamp(claims.exp, 0).unwrap_or_else(Utc::now);
        Self { user_id: claims.user_id, session_id: claims.sid, token_expires_at }
    }

    /// A ticket is good once; the database holds only its digest.
    async fn with_ticket(app: &App, ticket: &str) -> Result<Self, Problem> {
        let digest: [u8; 32] = Sha256::digest(ticket.as_bytes()).into();
        let row: Option<(Uuid, Uuid, DateTime<Utc>)> =
            sqlx::query_as("SELECT user_id, session_id, token_expires_at FROM auth.use_stream_ticket($1)")
                .bind(digest.as_slice())
                .fetch_optional(&app.pool)
                .await?;
        let (user_id, session_id, token_expires_at) = row.ok_or_else(Problem::token_invalid)?;
        app.authenticator.revocations().check(session_id)?;
        if token_expires_at <= Utc::now() {
            return Err(Problem::token_expired());
        }
        Ok(Self { user_id, session_id, token_expires_at })
    }
}

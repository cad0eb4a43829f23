//! Refusals and faults as clients see them. A constructor per generic code of the specification; domains add their own
//! through [`Problem::new`].

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use axum::Json;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value, json};
use tracing::error;

use crate::middleware::correlation;
use crate::postgres;

/// An answer that is no success. Boxed inside, so that `Result<_, Problem>` stays small.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem(Box<Content>);

#[derive(Clone, Debug, PartialEq)]
struct Content {
    status: StatusCode,
    code: Cow<'static, str>,
    message: Cow<'static, str>,
    details: Map<String, Value>,
    fields: Vec<FieldFault>,
    retry_after: Option<Duration>,
}

/// What is wrong with one field of a body or one parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldFault {
    /// Path in the body: `payload.roles[0].roleName`.
    pub field: String,
    /// `REQUIRED`, `INVALID_TYPE`, `OUT_OF_RANGE` and the like.
    pub code: Cow<'static, str>,
    /// A sentence for people.
    pub message: String,
}

impl FieldFault {
    /// A fault of this field.
    #[must_use]
    pub fn new(
        field: impl Into<String>,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self { field: field.into(), code: code.into(), message: message.into() }
    }
}

impl Problem {
    /// Any status and code.
    #[must_use]
    pub fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self(Box::new(Content {
            status,
            code: code.into(),
            message: message.into(),
            details: Map::new(),
            fields: Vec::new(),
            retry_after: None,
        }))
    }

    /// 400 with a code of the domain.
    #[must_use]
    pub fn bad_request(code: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// 400 `VALIDATION_ERROR` with all faults at once; the first one is the message.
    #[must_use]
    pub fn validation(fields: Vec<FieldFault>) -> Self {
        let message =
            fields.first().map_or_else(|| "the call is not valid".to_owned(), |it| it.message.clone());
        let mut problem = Self::bad_request("VALIDATION_ERROR", message);
        problem.0.fields = fields;
        problem
    }

    /// 401 `UNAUTHENTICATED`: no token where one is needed.
    #[must_use]
    pub fn unauthenticated() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", "an access token is needed")
    }

    /// 401 `TOKEN_INVALID`: garbled, forged or revoked.
    #[must_use]
    pub fn token_invalid() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "TOKEN_INVALID", "the access token is not valid")
    }

    /// 401 `TOKEN_EXPIRED`.
    #[must_use]
    pub fn token_expired() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "TOKEN_EXPIRED", "the access token has expired")
    }

    /// 403 `NOT_A_MEMBER`: not an active member of the community of the call.
    #[must_use]
    pub fn not_a_member() -> Self {
        Self::new(StatusCode::FORBIDDEN, "NOT_A_MEMBER", "this is for active members of the community")
    }

    /// 403 `ROLE_REQUIRED`: in the community without the role, or no operator; `required` is the least role that would do.
    #[must_use]
    pub fn role_required(required: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "ROLE_REQUIRED", "the caller has not the role for this")
            .detail("required", json!(required))
    }

    /// 403 `FORBIDDEN`: somebody else's thing, where no role helps.
    #[must_use]
    pub fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "FORBIDDEN", "this is not the caller's")
    }

    /// 404 with `NOT_FOUND` or `<THING>_NOT_FOUND`.
    #[must_use]
    pub fn not_found(code: &'static str) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, "there is nothing here for the caller")
    }

    /// 503 `OVERLOADED`: refused at once, so that what was accepted is answered in time.
    #[must_use]
    pub fn overloaded() -> Self {
        Self::unavailable("OVERLOADED", "too many calls at once", Duration::from_secs(1))
    }

    /// 409 with a code of the domain.
    #[must_use]
    pub fn conflict(code: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, code, message)
    }

    /// 408 `REQUEST_TIMEOUT`.
    #[must_use]
    pub fn request_timeout() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "REQUEST_TIMEOUT", "the body did not come in time")
    }

    /// 412 `VERSION_CONFLICT`.
    #[must_use]
    pub fn version_conflict(current: i64) -> Self {
        Self::new(StatusCode::PRECONDITION_FAILED, "VERSION_CONFLICT", "the version has moved on")
            .detail("current", json!(current))
    }

    /// 413 `PAYLOAD_TOO_LARGE`.
    #[must_use]
    pub fn payload_too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE", "a body has at most 1 MiB")
    }

    /// 422 `IDEMPOTENCY_KEY_REUSED`.
    #[must_use]
    pub fn idempotency_key_reused() -> Self {
        let message = "the Idempotency-Key belongs to a different call";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED", message)
    }

    /// 429 `RATE_LIMITED`.
    #[must_use]
    pub fn rate_limited(retry_after: Duration) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", "too many calls")
            .detail("retryAfter", json!(whole_seconds(retry_after)))
            .retry_after(retry_after)
    }

    /// 500 `INTERNAL_ERROR`, opaque; the cause is logged here, with the correlation id that the client is told.
    #[must_use]
    pub fn internal(cause: impl fmt::Display) -> Self {
        error!(error = %cause, "a call failed by a fault of ours");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR", "something went wrong on our side")
    }

    /// 503 with `PARTITION_MOVING`, `OUTCOME_UNKNOWN`, `NOT_YET_VISIBLE` or `DEPENDENCY_UNAVAILABLE`.
    #[must_use]
    pub fn unavailable(
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
        retry_after: Duration,
    ) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message).retry_after(retry_after)
    }

    /// The same with one more entry of `details`.
    #[must_use]
    pub fn detail(mut self, name: &str, value: Value) -> Self {
        self.0.details.insert(name.to_owned(), value);
        self
    }

    /// The same with `Retry-After`.
    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.0.retry_after = Some(after);
        self
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// The faults of fields.
    #[must_use]
    pub fn fields(&self) -> &[FieldFault] {
        &self.0.fields
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.0.status.as_u16(), self.0.code, self.0.message)
    }
}

/// A database that does not answer is 503, anything else a fault of ours.
impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        if postgres::is_passing(&error) {
            tracing::warn!(%error, "the database did not serve a call");
            Self::unavailable(
                "DEPENDENCY_UNAVAILABLE",
                "the database does not answer",
                Duration::from_secs(1),
            )
        } else {
            Self::internal(error)
        }
    }
}

/// The body of an answer that is no success.
#[derive(Serialize)]
struct Told {
    success: bool,
    error: Error,
}

#[derive(Serialize)]
struct Error {
    code: Cow<'static, str>,
    message: Cow<'static, str>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    details: Map<String, Value>,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Content { status, code, message, mut details, fields, retry_after } = *self.0;
        if !fields.is_empty() {
            details.insert("fields".to_owned(), json!(fields));
        }
        if status == StatusCode::INTERNAL_SERVER_ERROR
            && let Some(id) = correlation::current()
        {
            details.insert("correlationId".to_owned(), json!(id.as_str()));
        }
        let told = Told { success: false, error: Error { code, message, details } };
        let mut response = (status, Json(told)).into_response();
        if let Some(after) = retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(whole_seconds(after)));
        }
        response
    }
}

/// Rounded up, at least one.
fn whole_seconds(span: Duration) -> u64 {
    span.as_secs().saturating_add(u64::from(span.subsec_nanos() > 0)).max(1)
}

/// Fallback of a router: 404 `NOT_FOUND`.
pub async fn unknown_route() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "NOT_FOUND", "no such route")
}

/// Fallback of a router for the other methods of a known path: 405 `METHOD_NOT_ALLOWED`.
pub async fn method_not_allowed() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", "this route has other methods")
}

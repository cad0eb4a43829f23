//! `Idempotency-Key`: every call has one. A missing one is made here, before anything looks at the call, and returned.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use service_kit::answer::{FieldFault, Problem};
use uuid::Uuid;

/// Names a call, so that repeating it changes nothing.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Says that the answer is that of an earlier attempt.
pub(crate) const IDEMPOTENT_REPLAY: HeaderName = HeaderName::from_static("idempotent-replay");

/// Longest key.
const LONGEST: usize = 128;

/// Makes sure that the call has a key, and returns it.
pub(super) async fn ensure<F>(mut request: Request, next: impl FnOnce(Request) -> F) -> Response
where
    F: Future<Output = Response>,
{
    let key = match request.headers().get(IDEMPOTENCY_KEY) {
        Some(key) if is_valid(key) => key.clone(),
        Some(_) => {
            let message = "Idempotency-Key must be 1 to 128 printable ASCII characters";
            let fault = FieldFault::new("Idempotency-Key", "INVALID", message);
            return Problem::validation(vec![fault]).into_response();
        }
        None => {
            let made = Uuid::now_v7().to_string();
            let made = HeaderValue::from_str(&made).expect("a UUID is a header value");
            request.headers_mut().insert(IDEMPOTENCY_KEY, made.clone());
            made
        }
    };
    let mut response = next(request).await;
    response.headers_mut().insert(IDEMPOTENCY_KEY, key);
    response
}

fn is_valid(key: &HeaderValue) -> bool {
    (1..=LONGEST).contains(&key.len()) && key.as_bytes().iter().all(|it| (0x20..=0x7e).contains(it))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::is_valid;

    #[test]
    fn a_key_is_printable_and_short() {
        let long = "x".repeat(128);
        for (key, valid) in [("k", true), ("a b~!", true), (long.as_str(), true), ("", false)] {
            assert_eq!(is_valid(&HeaderValue::from_str(key).unwrap()), valid, "{key:?}");
        }
        assert!(!is_valid(&HeaderValue::from_str(&format!("{long}x")).unwrap()));
        assert!(!is_valid(&HeaderValue::from_bytes(b"caf\xe9").unwrap()));
        assert!(!is_valid(&HeaderValue::from_bytes(b"a\tb").unwrap()));
    }
}

//! What operators may ask of one instance, proved by the key that all instances share: to give its partitions back and
//! stay out of the writers' group, and to come back. `karmyq owners` asks.

use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::HeaderName;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use chrono::Utc;
use serde_json::json;
use service_kit::answer::{Answer, Problem};
use tracing::info;

use crate::edge::fingerprint::FingerprintKey;
use crate::writer::Attendance;

/// Carries `<milliseconds since the epoch> <seal>`.
pub const SEAL: HeaderName = HeaderName::from_static("x-karmyq-operator");

/// Where an instance is asked to leave the writers' group; it answers once it has left.
pub const DRAIN: &str = "/ownership/drain";

/// Where an instance is asked to join the writers' group again.
pub const RESUME: &str = "/ownership/resume";

/// How far the clocks of an operator and an instance may differ; a seal that somebody overheard is worthless afterwards.
const CLOCKS: Duration = Duration::from_secs(60);

/// How long an instance may take to finish its windows; a hanging broker would hold the answer back for ever.
const PATIENCE: Duration = Duration::from_secs(10);

/// Proves to the instance with this advertised `address` that whoever asks for `path` now knows the instances' key.
#[must_use]
pub fn seal(key: [u8; 32], address: &str, path: &str) -> String {
    let at = Utc::now().timestamp_millis();
    format!("{at} {}", FingerprintKey::new(key).seal_of(&sealed(address, path, at)))
}

/// The routes of the instance with this advertised `address`.
pub(crate) fn routes(key: FingerprintKey, address: &str, attendance: Attendance) -> Router {
    let proof = Proof { key, address: address.to_owned() };
    Router::new()
        .route(DRAIN, post(drain))
        .route(RESUME, post(resume))
        .route_layer(from_fn_with_state(proof, proved))
        .with_state(attendance)
}

async fn drain(State(attendance): State<Attendance>) -> Response {
    info!("an operator takes this instance out of the writers' group");
    match tokio::time::timeout(PATIENCE, attendance.drain()).await {
        Ok(true) => Answer::ok(json!({"state": "drained"})).into_response(),
        Ok(false) => Problem::conflict("RESUMED", "the instance was let back meanwhile").into_response(),
        Err(_elapsed) => {
            Problem::unavailable("DRAINING", "the instance has not left the group yet", PATIENCE)
                .into_response()
        }
    }
}

async fn resume(State(attendance): State<Attendance>) -> Response {
    info!("an operator lets this instance back into the writers' group");
    attendance.resume();
    Answer::ok(json!({"state": "joining"})).into_response()
}

/// What an operator's seal is checked against.
#[derive(Clone, Debug)]
struct Proof {
    key: FingerprintKey,
    address: String,
}

impl Proof {
    /// Whether the header is a seal for this path, made here and now.
    fn holds(&self, header: &str, path: &str, now: i64) -> bool {
        let Some((at, seal)) = header.split_once(' ') else { return false };
        let Ok(at) = at.parse::<i64>() else { return false };
        u128::from(at.abs_diff(now)) <= CLOCKS.as_millis()
            && self.key.confirms(&sealed(&self.address, path, at), seal)
    }
}

async fn proved(State(proof): State<Proof>, request: Request, next: Next) -> Response {
    let header = request.headers().get(SEAL).and_then(|it| it.to_str().ok()).unwrap_or_default();
    if proof.holds(header, request.uri().path(), Utc::now().timestamp_millis()) {
        return next.run(request).await;
    }
    Problem::forbidden().into_response()
}

/// What a seal says. An instance's own seal says an address, which has no line break, so neither passes for the other.
fn sealed(address: &str, path: &str, at: i64) -> String {
    format!("operator\n{address}\n{path}\n{at}")
}

#[cfg(test)]
mod tests {
    use chrono::Utc;

    use super::{DRAIN, Proof, RESUME, seal};
    use crate::edge::fingerprint::FingerprintKey;

    const KEY: [u8; 32] = [7; 32];
    const HERE: &str = "http://one:8080";

    fn proof() -> Proof {
        Proof { key: FingerprintKey::new(KEY), address: HERE.to_owned() }
    }

    #[test]
    fn a_seal_holds_for_its_path_its_instance_and_its_minute() {
        let (now, minute) = (Utc::now().timestamp_millis(), 60_000);
        let drain = seal(KEY, HERE, DRAIN);
        assert!(proof().holds(&drain, DRAIN, now));
        assert!(!proof().holds(&drain, RESUME, now), "another path");
        assert!(!proof().holds(&seal(KEY, "http://two:8080", DRAIN), DRAIN, now), "another instance");
        assert!(!proof().holds(&drain, DRAIN, now + 2 * minute), "overheard and sent again");
        assert!(!proof().holds(&drain, DRAIN, now - 2 * minute), "from the future");
    }

    #[test]
    fn what_is_no_seal_does_not_hold() {
        let now = Utc::now().timestamp_millis();
        let others = seal([8; 32], HERE, DRAIN);
        let forwarding = format!("{HERE} {}", FingerprintKey::new(KEY).seal_of(HERE));
        for header in ["", "now", &others, &forwarding, &format!("{now} ")] {
            assert!(!proof().holds(header, DRAIN, now), "{header}");
        }
    }
}

//! Health: alive, ready, and why not.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use parking_lot::Mutex;
use serde::Serialize;
use sqlx::PgPool;

use crate::routes::BASE_PATH;

/// Longest wait for one probe.
const PROBE_LIMIT: Duration = Duration::from_secs(2);

type Probe = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send + Sync>;

/// The named conditions of readiness of one service. Clones are the same registry.
#[derive(Clone)]
pub struct Health {
    service: &'static str,
    checks: Arc<Mutex<Vec<(&'static str, Check)>>>,
}

#[derive(Clone)]
enum Check {
    Gate(Gate),
    Probe(Probe),
}

impl Health {
    /// A service without conditions: ready.
    #[must_use]
    pub fn new(service: &'static str) -> Self {
        Self { service, checks: Arc::default() }
    }

    /// Adds a condition that the holder of the gate opens and closes; closed at first, with "starting".
    #[must_use]
    pub fn gate(&self, name: &'static str) -> Gate {
        let gate = Gate(Arc::new(Mutex::new(State::Closed("starting".to_owned()))));
        self.checks.lock().push((name, Check::Gate(gate.clone())));
        gate
    }

    /// Adds a condition that is looked up whenever somebody asks; slower than two seconds counts as failed.
    pub fn probe<F>(&self, name: &'static str, probe: impl Fn() -> F + Send + Sync + 'static)
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.checks.lock().push((name, Check::Probe(Arc::new(move || Box::pin(probe())))));
    }

    /// Adds the condition that PostgreSQL answers.
    pub fn postgres(&self, pool: &PgPool) {
        let pool = pool.clone();
        self.probe("postgres", move || {
            let pool = pool.clone();
            // The error may carry the address; that is for operators, who are the readers of readiness.
            async move { sqlx::query("SELECT 1").execute(&pool).await.map(drop).map_err(|it| it.to_string()) }
        });
    }

    /// `/health`, `/health/live` and `/health/ready`, also below `/api/v1`.
    pub fn routes<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let service = self.service;
        let healthy = move || async move { Json(Status { status: "healthy", service, reasons: Vec::new() }) };
        let live = move || async move { Json(Status { status: "live", service, reasons: Vec::new() }) };
        let health = self.clone();
        let ready = move || async move { health.readiness().await };
        let mut router = Router::new();
        for base in ["", BASE_PATH] {
            router = router
                .route(&format!("{base}/health"), get(healthy))
                .route(&format!("{base}/health/live"), get(live))
                .route(&format!("{base}/health/ready"), get(ready.clone()));
        }
        router
    }

    /// Names and texts of the conditions that fail; empty when ready.
    pub async fn reasons(&self) -> Vec<Reason> {
        let checks = self.checks.lock().clone();
        let mut reasons = Vec::new();
        for (name, check) in checks {
            let result = match check {
                Check::Gate(gate) => match gate.0.lock().clone() {
                    State::Closed(reason) => Err(reason),
                    State::Open | State::Degraded(_) => Ok(()),
                },
                Check::Probe(probe) => tokio::time::timeout(PROBE_LIMIT, probe())
                    .await
                    .unwrap_or_else(|_| Err("no answer in two seconds".to_owned())),
            };
            reasons.extend(result.err().map(|reason| Reason { name, reason }));
        }
        reasons
    }

    /// Names and texts of the conditions that hold, but not as they should.
    pub fn warnings(&self) -> Vec<Reason> {
        let checks = self.checks.lock().clone();
        let degraded = checks.into_iter().filter_map(|(name, check)| match check {
            Check::Gate(gate) => match gate.0.lock().clone() {
                State::Degraded(reason) => Some(Reason { name, reason }),
                State::Open | State::Closed(_) => None,
            },
            Check::Probe(_) => None,
        });
        degraded.collect()
    }

    async fn readiness(&self) -> (StatusCode, Json<Status>) {
        let (mut reasons, warnings) = (self.reasons().await, self.warnings());
        let (code, status) = match (reasons.is_empty(), warnings.is_empty()) {
            (true, true) => (StatusCode::OK, "ready"),
            (true, false) => (StatusCode::OK, "degraded"),
            (false, _) => (StatusCode::SERVICE_UNAVAILABLE, "not_ready"),
        };
        reasons.extend(warnings);
        (code, Json(Status { status, service: self.service, reasons }))
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.checks.lock().iter().map(|(name, _)| *name).collect();
        f.debug_struct("Health").field("service", &self.service).field("checks", &names).finish()
    }
}

/// A condition that one holder opens and closes.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Mutex<State>>);

#[derive(Clone, Debug)]
enum State {
    Open,
    Degraded(String),
    Closed(String),
}

impl Gate {
    /// The condition holds.
    pub fn open(&self) {
        *self.0.lock() = State::Open;
    }

    /// The condition holds, but somebody should look: the service stays ready and says why.
    pub fn degrade(&self, reason: impl Into<String>) {
        *self.0.lock() = State::Degraded(reason.into());
    }

    /// The condition does not hold, for this reason.
    pub fn close(&self, reason: impl Into<String>) {
        *self.0.lock() = State::Closed(reason.into());
    }
}

/// A condition that fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// Name of the condition.
    pub name: &'static str,
    /// Why it fails.
    pub reason: String,
}

#[derive(Debug, Serialize)]
struct Status {
    status: &'static str,
    service: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<Reason>,
}

#[cfg(test)]
mod tests {
    use super::Health;

    #[tokio::test]
    async fn readiness_names_what_fails_and_nothing_else() {
        let health = Health::new("query-api");
        let gate = health.gate("positions");
        let open = health.gate("keys");
        health.probe("postgres", || async { Err("refused".to_owned()) });
        open.open();
        let names = |reasons: Vec<super::Reason>| reasons.into_iter().map(|it| it.name).collect::<Vec<_>>();
        assert_eq!(names(health.reasons().await), ["positions", "postgres"]);
        gate.degrade("one key is parked");
        assert_eq!(names(health.reasons().await), ["postgres"]);
        assert_eq!(names(health.warnings()), ["positions"]);
    }
}

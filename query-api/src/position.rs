//! Read your own writes: a GET with `min_position` waits until the projections that serve it have passed it.
//!
//! Two steps. `tracker` is the one task of the process that looks at the checkpoints for all who wait, so the load on
//! PostgreSQL does not grow with their number; what it says is a hint, for a model may be swapped a moment later. What an
//! answer includes is decided by `snapshot`, in the transaction that the answer is read in (`reading`).

mod snapshot;
mod tracker;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use event_log::Position;
use event_schemas::Domain;
use event_schemas::topics::{Profile, partitions};
use metrics::histogram;
use service_kit::answer::Problem;
use service_kit::auth::Authentication;
use sqlx::PgPool;
use sqlx::postgres::PgConnection;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::bulkhead::Bulkhead;
use crate::params::Params;
use crate::projections::Projection;
pub(crate) use snapshot::{checkpoints, visible};
use tracker::Tracker;

/// `wait_ms` unless the client says otherwise.
const DEFAULT_WAIT_MS: u32 = 2_000;
/// Largest `wait_ms`.
const MAX_WAIT_MS: u32 = 10_000;

/// A record that a projection has to have come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Goal {
    pub(crate) by: Projection,
    pub(crate) domain: Domain,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) need: Need,
}

/// What it takes to have come to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Need {
    /// It is in the rows.
    Folded,
    /// It is in the rows or parked.
    Passed,
}

/// How far the projections are. Clones share one background task.
#[derive(Clone, Debug)]
pub(crate) struct Positions {
    profile: Profile,
    tracker: Tracker,
}

impl Positions {
    /// Starts the task, which ends with the shutdown.
    pub(crate) fn follow(pool: PgPool, profile: Profile, shutdown: CancellationToken) -> Self {
        Self { profile, tracker: Tracker::follow(pool, shutdown) }
    }

    /// Waits until all of it is visible. Whoever reads afterwards has to ask [`visible`] in their own transaction.
    pub(crate) async fn wait(&self, goals: Arc<[Goal]>) {
        self.tracker.wait(goals).await;
    }

    /// Reads a position that these projections are to pass; those that do not fold its topic have passed it already.
    /// None when it is no position.
    fn goals(&self, text: &str, projections: &[Projection]) -> Option<Vec<Goal>> {
        let Position { of, offset } = text.parse().ok()?;
        let Some(domain) = Domain::ALL.into_iter().find(|it| it.events_topic() == &*of.topic) else {
            return Some(Vec::new());
        };
        if of.partition >= partitions(domain, self.profile) {
            return None;
        }
        let goal = |by| Goal { by, domain, partition: of.partition, offset, need: Need::Folded };
        let folding = projections.iter().filter(|it| it.domains().contains(&domain));
        Some(folding.map(|by| goal(*by)).collect())
    }
}

/// What an answer has to include, and by when it has to be there. Stands in the extensions of a request that names
/// positions.
#[derive(Clone, Debug)]
pub(crate) struct Promised {
    positions: Positions,
    goals: Arc<[Goal]>,
    deadline: Instant,
}

impl Promised {
    /// Whether what this transaction reads includes all of it.
    pub(crate) async fn is_seen_by(&self, transaction: &mut PgConnection) -> sqlx::Result<bool> {
        Ok(visible(transaction, &*self.goals).await?.into_iter().all(|it| it))
    }

    /// Waits until a new transaction should see all of it.
    ///
    /// # Errors
    /// 503 at the deadline.
    pub(crate) async fn wait(&self) -> Result<(), Problem> {
        let begun = Instant::now();
        let waiting = self.positions.wait(Arc::clone(&self.goals));
        let passed = tokio::time::timeout_at(self.deadline, waiting).await.is_ok();
        histogram!("karmyq_position_wait_seconds", "passed" => if passed { "yes" } else { "no" })
            .record(begun.elapsed());
        if passed {
            return Ok(());
        }
        let message = "the read models have not come as far as min_position yet";
        Err(Problem::unavailable("NOT_YET_VISIBLE", message, Duration::from_secs(1)))
    }
}

/// What a route waits for: the projections that serve it, and a place with the database.
#[derive(Clone, Debug)]
pub(crate) struct Serving {
    pub(crate) positions: Positions,
    pub(crate) projections: &'static [Projection],
    pub(crate) bulkhead: Bulkhead,
}

/// Middleware of a route: waits for `min_position`. Who is not signed in does not wait; the handler refuses them.
pub(crate) async fn await_position(
    State(serving): State<Serving>,
    mut request: Request,
    next: Next,
) -> Response {
    let signed_in = matches!(request.extensions().get(), Some(Authentication::SignedIn(_)));
    if signed_in {
        match serving.promised(&mut Params::of_query(request.uri().query())).await {
            Ok(Some(promised)) => _ = request.extensions_mut().insert(promised),
            Ok(None) => {}
            Err(problem) => return problem.into_response(),
        }
    }
    // The reading takes the place, so that nobody who still waits for a position has one.
    request.extensions_mut().insert(serving.bulkhead);
    next.run(request).await
}

impl Serving {
    async fn promised(&self, params: &mut Params) -> Result<Option<Promised>, Problem> {
        let goals = params.all("min_position").map(|text| self.positions.goals(text, self.projections));
        let Some(goals) = goals.collect::<Option<Vec<_>>>() else {
            return Err(Problem::bad_request(
                "INVALID_POSITION",
                "a position has the form topic/partition@offset",
            ));
        };
        let wait_ms = params.integer("wait_ms", 0..=MAX_WAIT_MS).unwrap_or(DEFAULT_WAIT_MS);
        std::mem::take(params).finish()?;
        let goals: Arc<[Goal]> = goals.concat().into();
        if goals.is_empty() {
            return Ok(None);
        }
        let limit = Duration::from_millis(wait_ms.into());
        let promised =
            Promised { positions: self.positions.clone(), goals, deadline: Instant::now() + limit };
        // Who does not want to wait is told by the reading alone.
        if !limit.is_zero() && !self.positions.tracker.has_passed(&promised.goals) {
            promised.wait().await?;
        }
        Ok(Some(promised))
    }
}

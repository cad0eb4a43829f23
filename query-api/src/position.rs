//! Read your own writes: a GET with `min_position` waits until the projections that serve it have passed it.
//!
//! One task per process reads the checkpoints, and only while somebody waits, so the load on PostgreSQL does not grow
//! with the number of waiting requests. (PostgreSQL's NOTIFY would take a database-wide lock at every commit.)

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
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
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::bulkhead::Bulkhead;
use crate::params::Params;
use crate::projections::Projection;

/// Pause between two readings of the checkpoints.
const INTERVAL: Duration = Duration::from_millis(10);
/// Pause after a reading that failed.
const RETRY_AFTER: Duration = Duration::from_millis(200);
/// `wait_ms` unless the client says otherwise.
const DEFAULT_WAIT_MS: u32 = 2_000;
/// Largest `wait_ms`.
const MAX_WAIT_MS: u32 = 10_000;
/// An older reading does not count: a rebuilt projection may have taken its place since.
const FRESH: Duration = Duration::from_secs(1);

/// A partition of a projection.
type Folded = (String, String, i32);

/// How far the projections are, and what they passed without folding it.
#[derive(Debug, Default)]
struct Checkpoints {
    /// The offset to fold next.
    next: HashMap<Folded, i64>,
    /// Offsets of parked records: behind the checkpoint, and yet in no row.
    parked: HashSet<(Folded, i64)>,
}

/// How far the projections are. Clones share one background task.
#[derive(Clone, Debug)]
pub(crate) struct Positions(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    profile: Profile,
    waiting: AtomicUsize,
    somebody_waits: Notify,
    known: watch::Sender<Option<(Instant, Checkpoints)>>,
}

/// A position together with the projections that have to pass it.
#[derive(Clone, Debug)]
pub(crate) struct Awaited {
    position: Position,
    by: Vec<Projection>,
}

impl Positions {
    /// Starts the task, which ends with the shutdown.
    pub(crate) fn follow(pool: PgPool, profile: Profile, shutdown: CancellationToken) -> Self {
        let positions = Self(Arc::new(Shared {
            profile,
            waiting: AtomicUsize::new(0),
            somebody_waits: Notify::new(),
            known: watch::Sender::new(None),
        }));
        tokio::spawn(shutdown.run_until_cancelled_owned(keep_reading(Arc::clone(&positions.0), pool)));
        positions
    }

    /// Reads a position that these projections are to pass; those that do not fold its topic have passed it already.
    pub(crate) fn awaited(&self, text: &str, projections: &[Projection]) -> Option<Awaited> {
        let position: Position = text.parse().ok()?;
        let domain = Domain::ALL.into_iter().find(|it| it.events_topic() == &*position.of.topic);
        let by = match domain {
            Some(domain) if position.of.partition >= partitions(domain, self.0.profile) => return None,
            Some(domain) => projections.iter().copied().filter(|it| it.domains().contains(&domain)).collect(),
            None => Vec::new(),
        };
        Some(Awaited { position, by })
    }

    /// Waits until all of it is visible; false when that takes longer than `limit`.
    pub(crate) async fn wait(&self, awaited: &[Awaited], limit: Duration) -> bool {
        let visible = |known: &Option<(Instant, Checkpoints)>| {
            known.as_ref().is_some_and(|(read_at, checkpoints)| {
                read_at.elapsed() <= FRESH && awaited.iter().all(|it| it.passed(checkpoints))
            })
        };
        if awaited.iter().all(|it| it.by.is_empty()) || visible(&self.0.known.borrow()) {
            return true;
        }
        let mut known = self.0.known.subscribe();
        let (begun, _waiting) = (Instant::now(), Waiting::begin(&self.0));
        let passed = tokio::time::timeout(limit, known.wait_for(visible)).await.is_ok_and(|it| it.is_ok());
        histogram!("karmyq_position_wait_seconds", "passed" => if passed { "yes" } else { "no" })
            .record(begun.elapsed());
        passed
    }
}

impl Awaited {
    fn passed(&self, checkpoints: &Checkpoints) -> bool {
        let Position { of, offset } = &self.position;
        self.by.iter().all(|projection| {
            let key = (projection.name().to_owned(), of.topic.to_string(), of.partition);
            checkpoints.next.get(&key).is_some_and(|next| next > offset)
                && !checkpoints.parked.contains(&(key, *offset))
        })
    }
}

/// Counts one waiting request for as long as it lives.
struct Waiting<'a>(&'a Shared);

impl<'a> Waiting<'a> {
    fn begin(shared: &'a Shared) -> Self {
        shared.waiting.fetch_add(1, Ordering::SeqCst);
        shared.somebody_waits.notify_one();
        Self(shared)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn keep_reading(shared: Arc<Shared>, pool: PgPool) {
    loop {
        while shared.waiting.load(Ordering::SeqCst) == 0 {
            shared.somebody_waits.notified().await;
        }
        match read(&pool).await {
            Ok(checkpoints) => {
                shared.known.send_replace(Some((Instant::now(), checkpoints)));
                tokio::time::sleep(INTERVAL).await;
            }
            Err(error) => {
                warn!(%error, "the checkpoints could not be read");
                tokio::time::sleep(RETRY_AFTER).await;
            }
        }
    }
}

async fn read(pool: &PgPool) -> sqlx::Result<Checkpoints> {
    let rows: Vec<(String, String, i32, i64)> = sqlx::query_as(
        "SELECT c.projection, c.topic, c.partition, c.next_offset
         FROM projection.active AS a JOIN projection.checkpoints AS c USING (projection, version)",
    )
    .fetch_all(pool)
    .await?;
    // Afterwards: what a checkpoint of before has passed is parked by now, if it is.
    let parked: Vec<(String, String, i32, i64)> = sqlx::query_as(
        "SELECT p.projection, p.topic, p.partition, p.record_offset
         FROM projection.active AS a JOIN projection.parked AS p USING (projection, version)",
    )
    .fetch_all(pool)
    .await?;
    let keyed = |(projection, topic, partition, offset)| ((projection, topic, partition), offset);
    Ok(Checkpoints {
        next: rows.into_iter().map(keyed).collect(),
        parked: parked.into_iter().map(keyed).collect(),
    })
}

/// What a route waits for: the projections that serve it, and a place with the database.
#[derive(Clone, Debug)]
pub(crate) struct Serving {
    pub(crate) positions: Positions,
    pub(crate) projections: &'static [Projection],
    pub(crate) bulkhead: Bulkhead,
}

/// Middleware of a route: waits for `min_position`. Who is not signed in does not wait; the handler refuses them.
pub(crate) async fn await_position(State(serving): State<Serving>, request: Request, next: Next) -> Response {
    let signed_in = matches!(request.extensions().get(), Some(Authentication::SignedIn(_)));
    if signed_in && let Err(problem) = serving.awaited_by(&mut Params::of_query(request.uri().query())).await
    {
        return problem.into_response();
    }
    match serving.bulkhead.enter().await {
        Ok(_place) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

impl Serving {
    async fn awaited_by(&self, params: &mut Params) -> Result<(), Problem> {
        let awaited = params.all("min_position").map(|text| self.positions.awaited(text, self.projections));
        let Some(awaited) = awaited.collect::<Option<Vec<_>>>() else {
            return Err(Problem::bad_request(
                "INVALID_POSITION",
                "a position has the form topic/partition@offset",
            ));
        };
        let wait_ms = params.integer("wait_ms", 0..=MAX_WAIT_MS).unwrap_or(DEFAULT_WAIT_MS);
        std::mem::take(params).finish()?;
        if self.positions.wait(&awaited, Duration::from_millis(wait_ms.into())).await {
            return Ok(());
        }
        let message = "the read models have not come as far as min_position yet";
        Err(Problem::unavailable("NOT_YET_VISIBLE", message, Duration::from_secs(1)))
    }
}

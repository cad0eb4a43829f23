//! The one task of the process that looks how far the projections are, on behalf of all who wait.
//!
//! It looks only while somebody waits, and less often the longer they do. (PostgreSQL's NOTIFY would save the looks, but
//! it takes a lock on the whole database at every commit that notifies: projectors would commit one after the other.)

use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use parking_lot::Mutex;
use sqlx::PgPool;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::Goal;
use super::snapshot::{self, Checkpoints};

/// Least pause between two looks.
const BRIEFEST: Duration = Duration::from_millis(10);
/// Longest pause, when everybody has waited for long: for a parked record, or a projection that stands still.
const LONGEST: Duration = Duration::from_millis(250);
/// The pause is this part of how long the youngest has waited, so nobody waits much longer because of it.
const SHARE: u32 = 20;
/// Pause after a look that failed.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// Clones share the task.
#[derive(Clone, Debug)]
pub(super) struct Tracker(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    somebody_waits: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// As of the last look.
    checkpoints: Checkpoints,
    waits: Vec<Wait>,
}

#[derive(Debug)]
struct Wait {
    goals: Arc<[Goal]>,
    begun: Instant,
    told: oneshot::Sender<()>,
}

impl Tracker {
    /// Starts the task, which ends with the shutdown.
    pub(super) fn follow(pool: PgPool, shutdown: CancellationToken) -> Self {
        let tracker = Self(Arc::default());
        tokio::spawn(shutdown.run_until_cancelled_owned(keep_looking(Arc::clone(&tracker.0), pool)));
        tracker
    }

    /// Whether the checkpoints had passed all of it at the last look, however long ago that was.
    pub(super) fn has_passed(&self, goals: &[Goal]) -> bool {
        all_passed(goals, &self.0.state.lock().checkpoints)
    }

    /// Waits until a look that begins from now on finds all of it visible; for ever when the process stops.
    pub(super) async fn wait(&self, goals: Arc<[Goal]>) {
        let (told, visible) = oneshot::channel();
        self.0.state.lock().waits.push(Wait { goals, begun: Instant::now(), told });
        self.0.somebody_waits.notify_one();
        if visible.await.is_err() {
            std::future::pending().await
        }
    }
}

async fn keep_looking(shared: Arc<Shared>, pool: PgPool) {
    loop {
        let Some(pause) = shared.pause() else {
            shared.somebody_waits.notified().await;
            continue;
        };
        if let Err(error) = shared.look(&pool).await {
            warn!(%error, "the checkpoints could not be read");
            sleep(RETRY_AFTER).await;
        }
        sleep(BRIEFEST).await;
        // Whoever comes meanwhile is young.
        let _woken = timeout(pause.saturating_sub(BRIEFEST), shared.somebody_waits.notified()).await;
    }
}

impl Shared {
    /// How long to pause between two looks; none when nobody waits any more.
    fn pause(&self) -> Option<Duration> {
        let waits = &mut self.state.lock().waits;
        waits.retain(|it| !it.told.is_closed());
        let youngest = waits.iter().map(|it| it.begun).max()?;
        Some((youngest.elapsed() / SHARE).clamp(BRIEFEST, LONGEST))
    }

    /// Looks once, and tells those for whom all is visible.
    async fn look(&self, pool: &PgPool) -> sqlx::Result<()> {
        counter!("karmyq_position_looks_total").increment(1);
        let checkpoints = snapshot::checkpoints(pool).await?;
        let candidates = {
            let State { checkpoints: known, waits } = &mut *self.state.lock();
            *known = checkpoints;
            waits.extract_if(.., |it| all_passed(&it.goals, known)).collect::<Vec<_>>()
        };
        if candidates.is_empty() {
            return Ok(());
        }
        // What a checkpoint has passed may be parked, or another version live by now.
        let visible = snapshot::visible(pool, candidates.iter().flat_map(|it| it.goals.iter())).await;
        let (mut visible, failed) = match visible {
            Ok(visible) => (visible.into_iter(), None),
            Err(error) => (Vec::new().into_iter(), Some(error)),
        };
        for wait in candidates {
            let seen = visible.by_ref().take(wait.goals.len()).filter(|it| *it).count();
            if seen == wait.goals.len() {
                // Nobody is told who has gone.
                let _gone = wait.told.send(());
            } else {
                self.state.lock().waits.push(wait);
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

fn all_passed(goals: &[Goal], checkpoints: &Checkpoints) -> bool {
    goals
        .iter()
        .all(|it| checkpoints.get(&(it.by, it.domain, it.partition)).is_some_and(|next| *next > it.offset))
}

//! Bulkheads: the readings of one route hold at most a part of the connections to PostgreSQL, so that a route whose
//! queries have become slow (they are cancelled at `statement_timeout`) does not take the others with it.

use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use service_kit::answer::Problem;
use service_kit::postgres::MAX_CONNECTIONS;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Readings of one route that may be with the database at once. Routes that read the same tables become slow together, so
/// three of them leave a part, too.
const PLACES: u32 = MAX_CONNECTIONS / 4;
/// Longest wait for a place: as long as a reading waits for a connection.
const PATIENCE: Duration = Duration::from_secs(3);

/// The places of one route. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Bulkhead(Arc<Semaphore>);

impl Bulkhead {
    /// One with all places free.
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(PLACES as usize)))
    }

    /// Waits for a place, which is kept as long as the value lives; 503 when none becomes free in time.
    pub(crate) async fn enter(&self) -> Result<OwnedSemaphorePermit, Problem> {
        if let Ok(Ok(place)) = timeout(PATIENCE, Arc::clone(&self.0).acquire_owned()).await {
            return Ok(place);
        }
        counter!("karmyq_bulkhead_refused_total").increment(1);
        let message = "queries of this kind take too long at the moment";
        Err(Problem::unavailable("DEPENDENCY_UNAVAILABLE", message, Duration::from_secs(1)))
    }
}

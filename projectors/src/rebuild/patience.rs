//! Faults that pass: a broker or PostgreSQL that is away is waited for, and what cannot pass is an error at once.

use std::time::{Duration, Instant};

use service_kit::postgres;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::Error;
use crate::backoff::Backoff;

/// A fault that lasts for longer is none that passes.
const LIMIT: Duration = Duration::from_secs(600);

/// The patience for one piece of work.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    backoff: Backoff,
    since: Option<Instant>,
}

impl Patience {
    /// Waits before the next attempt.
    ///
    /// # Errors
    /// The error itself, when it does not pass or has not in ten minutes; [`Error::Cancelled`].
    pub(crate) async fn after(&mut self, error: Error, cancelled: &CancellationToken) -> Result<(), Error> {
        let since = *self.since.get_or_insert_with(Instant::now);
        if !is_passing(&error) || since.elapsed() > LIMIT {
            return Err(error);
        }
        warn!(%error, attempt = self.backoff.attempts(), "a rebuild does not get on, trying again");
        if self.backoff.wait(cancelled).await { Ok(()) } else { Err(Error::Cancelled) }
    }

    /// It got on.
    pub(crate) fn renew(&mut self) {
        *self = Self::default();
    }
}

/// Whether the same may succeed later.
fn is_passing(error: &Error) -> bool {
    match error {
        Error::Replay(error) => error.is_passing(),
        Error::Database(error) => postgres::is_passing(error),
        Error::Busy => true,
        Error::Unknown(_)
        | Error::Running { .. }
        | Error::Cancelled
        | Error::GivenUp
        | Error::InUse(_)
        | Error::Group(..)
        | Error::DeadLetters(_)
        | Error::NothingKept(_)
        | Error::OtherKept(..)
        | Error::Unfit { .. } => false,
    }
}

//! Waiting between attempts: longer each time, and never in step with others.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(30);

/// The waits of one series of attempts.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// Attempts that have failed.
    pub(crate) const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Waits before the next attempt; false when cancelled meanwhile.
    pub(crate) async fn wait(&mut self, cancelled: &CancellationToken) -> bool {
        let longest = FIRST.saturating_mul(1 << self.attempts.min(20)).min(LONGEST);
        self.attempts += 1;
        // Half fixed, half random.
        let wait = longest / 2 + (longest / 2).mul_f64(jitter());
        cancelled.run_until_cancelled(tokio::time::sleep(wait)).await.is_some()
    }
}

/// A number in 0..1 that differs between workers; its quality does not matter.
fn jitter() -> f64 {
    f64::from(uuid::Uuid::now_v7().as_u128() as u16) / f64::from(u16::MAX)
}

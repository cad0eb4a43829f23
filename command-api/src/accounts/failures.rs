//! Failed logins at addresses that nobody has: they are counted like those of accounts, else the limit would tell which
//! addresses exist.

use std::sync::Arc;
use std::time::{Duration, Instant};

use quick_cache::sync::Cache;

use super::secrets::hash_of;

/// Failures after which an account, or what looks like one, answers 429.
pub(crate) const MOST_FAILURES: i32 = 10;
/// For how long.
pub(crate) const WINDOW: Duration = Duration::from_secs(15 * 60);

/// Addresses remembered; an attacker with more of them meets the limit per network first.
const REMEMBERED: usize = 10_000;

/// Failures of one window.
#[derive(Clone, Copy, Debug)]
struct Failures {
    since: Instant,
    count: i32,
}

/// The counts of unknown addresses, in this process only. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct UnknownAddresses(Arc<Cache<[u8; 32], Failures>>);

impl Default for UnknownAddresses {
    fn default() -> Self {
        Self(Arc::new(Cache::new(REMEMBERED)))
    }
}

impl UnknownAddresses {
    /// Time until the address may be tried again; none when it may be now.
    pub(super) fn locked_for(&self, address: &str, now: Instant) -> Option<Duration> {
        let failures = self.0.get(&hash_of(address)).filter(|it| it.count >= MOST_FAILURES)?;
        WINDOW.checked_sub(now.duration_since(failures.since)).filter(|it| !it.is_zero())
    }

    /// Counts a failure.
    pub(super) fn note(&self, address: &str, now: Instant) {
        let key = hash_of(address);
        let running = self.0.get(&key).filter(|it| now.duration_since(it.since) < WINDOW);
        let failures = running.unwrap_or(Failures { since: now, count: 0 });
        self.0.insert(key, Failures { count: failures.count + 1, ..failures });
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{MOST_FAILURES, UnknownAddresses, WINDOW};

    #[test]
    fn the_tenth_failure_locks_the_address_until_the_window_ends() {
        let (unknown, start) = (UnknownAddresses::default(), Instant::now());
        for _ in 0..MOST_FAILURES {
            assert_eq!(unknown.locked_for("a@b.c", start), None);
            unknown.note("a@b.c", start);
        }
        assert_eq!(
            unknown.locked_for("a@b.c", start + Duration::from_secs(60)),
            Some(Duration::from_secs(14 * 60))
        );
        assert_eq!(unknown.locked_for("x@b.c", start), None);
        assert_eq!(unknown.locked_for("a@b.c", start + WINDOW), None);
        unknown.note("a@b.c", start + WINDOW);
        assert_eq!(unknown.locked_for("a@b.c", start + WINDOW), None);
    }
}

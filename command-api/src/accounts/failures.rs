//! Failed logins at addresses that nobody has: they are counted like those of accounts, else the limit would tell which
//! addresses exist.

use std::sync::Arc;
use std::time::{Duration, Instant};

use quick_cache::sync::Cache;

use super::secrets::hash_of;

/// Failures after which an account, or what looks like one, answers 429; scaled by `RATE_LIMIT_MULTIPLIER`.
pub(crate) const MOST_FAILURES: i32 = 10;
/// For how long they count.
const WINDOW: Duration = Duration::from_secs(15 * 60);

/// Addresses remembered; an attacker with more of them meets the limit per network first.
const REMEMBERED: usize = 10_000;

/// Failed logins that still count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Failures {
    /// How many.
    pub(super) count: i32,
    /// Time until they are forgotten.
    pub(super) remaining: Duration,
}

impl Failures {
    /// Time until another login may be tried; none when it may be now.
    pub(crate) fn locked_for(self, limit: i32) -> Option<Duration> {
        (self.count >= limit && !self.remaining.is_zero()).then_some(self.remaining)
    }
}

/// The counts of unknown addresses, in this process only. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct UnknownAddresses(Arc<Cache<[u8; 32], (Instant, i32)>>);

impl Default for UnknownAddresses {
    fn default() -> Self {
        Self(Arc::new(Cache::new(REMEMBERED)))
    }
}

impl UnknownAddresses {
    /// The failures at an address that still count.
    pub(super) fn at(&self, address: &str, now: Instant) -> Option<Failures> {
        let (since, count) = self.0.get(&hash_of(address))?;
        let remaining = WINDOW.saturating_sub(now.duration_since(since));
        (!remaining.is_zero()).then_some(Failures { count, remaining })
    }

    /// Counts a failure.
    pub(super) fn note(&self, address: &str, now: Instant) {
        let key = hash_of(address);
        let running = self.0.get(&key).filter(|(since, _)| now.duration_since(*since) < WINDOW);
        let (since, count) = running.unwrap_or((now, 0));
        self.0.insert(key, (since, count + 1));
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{MOST_FAILURES, UnknownAddresses, WINDOW};

    #[test]
    fn the_tenth_failure_locks_the_address_until_the_window_ends() {
        let (unknown, start) = (UnknownAddresses::default(), Instant::now());
        let locked_for = |address: &str, at: Instant| unknown.at(address, at)?.locked_for(MOST_FAILURES);
        for _ in 0..MOST_FAILURES {
            assert_eq!(locked_for("a@b.c", start), None);
            unknown.note("a@b.c", start);
        }
        assert_eq!(locked_for("a@b.c", start + Duration::from_secs(60)), Some(Duration::from_secs(14 * 60)));
        assert_eq!(locked_for("x@b.c", start), None);
        assert_eq!(locked_for("a@b.c", start + WINDOW), None);
        unknown.note("a@b.c", start + WINDOW);
        assert_eq!(locked_for("a@b.c", start + WINDOW), None);
    }
}

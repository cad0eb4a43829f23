//! A bound on how fast records are read, so that a rebuild leaves broker and machine to others.

use std::num::NonZeroU32;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Records of a pace that are read at once, as a part of a second.
const PARTS: u32 = 10;

/// A pace; none is as fast as it goes.
#[derive(Debug)]
pub struct Pace(Option<(NonZeroU32, Mutex<Instant>)>);

impl Pace {
    /// At most so many records a second.
    pub(crate) fn of(per_second: Option<NonZeroU32>) -> Self {
        Self(per_second.map(|it| (it, Mutex::new(Instant::now()))))
    }

    /// How many records to take at once, at most `most`.
    pub(crate) fn at_once(&self, most: usize) -> usize {
        let few = |it: &(NonZeroU32, _)| usize::try_from(it.0.get() / PARTS).unwrap_or(usize::MAX).max(1);
        self.0.as_ref().map_or(most, few).min(most)
    }

    /// Waits until so many records more are due.
    pub(crate) async fn keep(&self, records: usize) {
        if let Some(due) = self.due(Instant::now(), records) {
            tokio::time::sleep_until(due).await;
        }
    }

    fn due(&self, now: Instant, records: usize) -> Option<Instant> {
        let (per_second, due) = self.0.as_ref()?;
        let mut due = due.lock();
        // Time that was not used is not made up for.
        *due = now.max(*due) + Duration::from_secs(1).mul_f64(records as f64 / f64::from(per_second.get()));
        Some(*due)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use tokio::time::Instant;

    use super::Pace;

    #[test]
    fn a_pace_is_kept_and_idle_time_is_not_made_up_for() {
        let now = Instant::now();
        let pace = Pace::of(NonZeroU32::new(100));
        assert_eq!((pace.at_once(2_000), Pace::of(None).at_once(2_000)), (10, 2_000));
        let start = pace.due(now, 0).expect("it is bound");
        assert_eq!(pace.due(now, 50), Some(start + Duration::from_millis(500)));
        assert_eq!(pace.due(now, 50), Some(start + Duration::from_secs(1)));
        let later = start + Duration::from_secs(60);
        assert_eq!(pace.due(later, 10), Some(later + Duration::from_millis(100)));
        assert_eq!(Pace::of(None).due(now, 50), None);
    }
}

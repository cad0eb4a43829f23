//! When a window is closed, as far as that is for the callers' sake.
//!
//! Who is answered asks again at once, as a rule. Were the next window closed the moment its predecessor is decided, they
//! would miss it: callers part into two crowds, each waits out the other's window, and the log takes twice the transactions
//! for the same commands. So a window waits a moment for as many as the one before has answered.

use std::time::Duration;

use tokio::time::Instant;

/// Longest wait for those who were answered: they need no longer when they are near, and nobody waits long for those who
/// stay away.
const MOMENT: Duration = Duration::from_millis(2);

/// Who is expected back.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gathering {
    until: Option<Instant>,
    wanted: usize,
}

impl Gathering {
    /// A window was decided and has answered so many callers; so many others wait in the next one already.
    pub(super) fn begin(&mut self, answered: usize, waiting: usize) {
        *self = Self { until: Some(Instant::now() + MOMENT), wanted: answered + waiting };
    }

    /// Until when a window with so many callers stays open, which may have passed; none when nobody else is expected.
    pub(super) fn until(&self, waiting: usize) -> Option<Instant> {
        self.until.filter(|_| waiting < self.wanted)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::{Gathering, MOMENT};

    #[tokio::test]
    async fn a_window_waits_a_moment_for_those_who_were_answered() {
        let mut gathering = Gathering::default();
        assert_eq!(gathering.until(0), None, "nobody was answered");
        gathering.begin(2, 1);
        assert!(gathering.until(2).is_some_and(|it| it <= Instant::now() + MOMENT), "one more is expected");
        assert_eq!(gathering.until(3), None, "all are back");
    }

    #[tokio::test]
    async fn somebody_alone_does_not_wait() {
        let mut gathering = Gathering::default();
        gathering.begin(1, 0);
        assert_eq!(gathering.until(1), None);
    }
}

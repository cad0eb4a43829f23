//! Whether an instance takes part in the writers' group: an operator may take it out, and let it back.
//!
//! It is a wish of the operator, kept in memory: a process that starts anew takes part.

use std::sync::Arc;

use metrics::gauge;
use tokio::sync::watch;

/// How this instance stands to the writers' group, as operators want it; cheap to clone.
#[derive(Clone, Debug)]
pub struct Attendance(Arc<watch::Sender<Stance>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stance {
    /// Joins, and joins again after each fault.
    Member,
    /// Was asked to leave; its windows are being finished.
    Leaving,
    /// Has left.
    Out,
}

impl Attendance {
    /// Takes part.
    pub(super) fn new() -> Self {
        let attendance = Self(Arc::new(watch::Sender::new(Stance::Member)));
        attendance.resume();
        attendance
    }

    /// Asks the instance to finish its windows, give its partitions back and leave the group, and waits until it has;
    /// false when it was let back meanwhile.
    pub async fn drain(&self) -> bool {
        self.0.send_if_modified(|it| replace(it, Stance::Member, Stance::Leaving));
        self.becomes(|it| it != Stance::Leaving).await == Stance::Out
    }

    /// Asks the instance to join the group again; what it is assigned then comes by and by.
    pub fn resume(&self) {
        self.0.send_replace(Stance::Member);
        gauge!("karmyq_writer_drained").set(0.0);
    }

    /// Whether it has left the group at an operator's wish. It still takes calls, and forwards them.
    #[must_use]
    pub fn is_out(&self) -> bool {
        *self.0.borrow() == Stance::Out
    }

    pub(super) fn is_member(&self) -> bool {
        *self.0.borrow() == Stance::Member
    }

    /// Waits until an operator wants the instance out.
    pub(super) async fn is_asked_to_leave(&self) {
        self.becomes(|it| it != Stance::Member).await;
    }

    /// Tells those who wait that the instance has left, and waits until it is asked for something else.
    pub(super) async fn stay_out(&self) {
        self.0.send_if_modified(|it| replace(it, Stance::Leaving, Stance::Out));
        if self.is_out() {
            gauge!("karmyq_writer_drained").set(1.0);
        }
        self.becomes(|it| it != Stance::Out).await;
    }

    async fn becomes(&self, wanted: impl Fn(Stance) -> bool) -> Stance {
        let mut stance = self.0.subscribe();
        // The sender lives as long as whoever waits, so this only returns once it is so.
        stance.wait_for(|it| wanted(*it)).await.map_or(Stance::Member, |it| *it)
    }
}

/// Turns one stance into another; false when it is neither.
fn replace(stance: &mut Stance, from: Stance, to: Stance) -> bool {
    let applies = *stance == from;
    if applies {
        *stance = to;
    }
    applies
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::Attendance;

    #[tokio::test]
    async fn a_drain_is_answered_once_the_instance_has_left() {
        let attendance = Attendance::new();
        assert!(attendance.is_member());
        let mut drain = Box::pin(attendance.drain());
        assert_eq!((&mut drain).now_or_never(), None, "its windows are not finished");
        attendance.is_asked_to_leave().await;
        assert_eq!(attendance.stay_out().now_or_never(), None, "nobody lets it back");
        assert!(drain.await);
        assert!(attendance.is_out());
        assert!(attendance.drain().await, "asked twice, it stays out");
    }

    #[tokio::test]
    async fn whoever_lets_it_back_ends_the_wait_of_whoever_wanted_it_out() {
        let attendance = Attendance::new();
        let mut drain = Box::pin(attendance.drain());
        assert_eq!((&mut drain).now_or_never(), None);
        attendance.resume();
        assert!(!drain.await);
        assert_eq!(attendance.is_asked_to_leave().now_or_never(), None);
    }
}

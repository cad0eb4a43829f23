//! How a projection does in this process; readiness follows it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use event_log::TopicPartition;
use parking_lot::Mutex;
use service_kit::health::Gate;

/// The standing of one projection; clones are the same.
#[derive(Clone)]
pub(crate) struct Standing(Arc<Inner>);

struct Inner {
    gate: Gate,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Why this process has no part in the group's work.
    unassigned: Option<String>,
    /// Partitions whose workers cannot go on, with the reason.
    failing: BTreeMap<TopicPartition, String>,
}

impl Standing {
    /// Not assigned yet.
    pub(crate) fn new(gate: Gate) -> Self {
        let unassigned = Some("its group has assigned nothing yet".to_owned());
        let standing =
            Self(Arc::new(Inner { gate, state: Mutex::new(State { unassigned, failing: BTreeMap::new() }) }));
        standing.change(|_| {});
        standing
    }

    /// The group has answered. A member without partitions is ready, too: it stands by.
    pub(crate) fn assigned(&self) {
        self.change(|state| state.unassigned = None);
    }

    /// This process is not in the group.
    pub(crate) fn unassigned(&self, reason: String) {
        self.change(|state| state.unassigned = Some(reason));
    }

    /// The worker of this partition cannot go on.
    pub(crate) fn failing(&self, of: &TopicPartition, reason: String) {
        self.change(|state| _ = state.failing.insert(of.clone(), reason));
    }

    /// The worker of this partition goes on, or the partition is not this process's business any more.
    pub(crate) fn fine(&self, of: &TopicPartition) {
        self.change(|state| _ = state.failing.remove(of));
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.0.state.lock();
        change(&mut state);
        match (&state.unassigned, state.failing.iter().next()) {
            (Some(reason), _) => self.0.gate.close(reason.clone()),
            (None, Some((of, reason))) => {
                self.0
                    .gate
                    .close(format!("{} partition(s) do not move, {of}: {reason}", state.failing.len()));
            }
            (None, None) => self.0.gate.open(),
        }
    }
}

impl fmt::Debug for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Standing").field(&*self.0.state.lock()).finish()
    }
}

#[cfg(test)]
mod tests {
    use event_log::TopicPartition;
    use service_kit::health::Health;

    use super::Standing;

    #[tokio::test]
    async fn a_projection_is_ready_once_assigned_and_while_every_worker_goes_on() {
        let health = Health::new("projectors");
        let standing = Standing::new(health.gate("feed"));
        let of = TopicPartition::new("user-events", 1);
        assert_eq!(health.reasons().await.len(), 1);
        standing.assigned();
        assert!(health.reasons().await.is_empty());
        standing.failing(&of, "no route".to_owned());
        let reasons = health.reasons().await;
        assert_eq!(reasons[0].reason, "1 partition(s) do not move, user-events/1: no route");
        standing.unassigned("no broker".to_owned());
        standing.fine(&of);
        assert_eq!(health.reasons().await[0].reason, "no broker");
    }
}

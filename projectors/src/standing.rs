//! How a projection does in this process; readiness follows it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use chrono::Utc;
use event_log::TopicPartition;
use parking_lot::Mutex;
use service_kit::health::Gate;

use crate::claimed::ParkedNow;
use crate::parking::Limits;

/// The standing of one projection; clones are the same.
#[derive(Clone)]
pub(crate) struct Standing(Arc<Inner>);

struct Inner {
    gate: Gate,
    limits: Limits,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Why this process has no part in the group's work.
    unassigned: Option<String>,
    /// Partitions whose workers cannot go on, with the reason.
    failing: BTreeMap<TopicPartition, String>,
    /// Partitions that hold keys back.
    parked: BTreeMap<TopicPartition, ParkedNow>,
    /// Partitions whose end a transaction holds back that nobody ends.
    held_back: BTreeMap<TopicPartition, String>,
}

impl Standing {
    /// Not assigned yet.
    pub(crate) fn new(gate: Gate, limits: Limits) -> Self {
        let unassigned = Some("its group has assigned nothing yet".to_owned());
        let state = State {
            unassigned,
            failing: BTreeMap::new(),
            parked: BTreeMap::new(),
            held_back: BTreeMap::new(),
        };
        let standing = Self(Arc::new(Inner { gate, limits, state: Mutex::new(state) }));
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

    /// So much of this partition is parked; none when nothing is.
    pub(crate) fn parked(&self, of: &TopicPartition, parked: Option<ParkedNow>) {
        self.change(|state| {
            _ = match parked {
                Some(parked) => state.parked.insert(of.clone(), parked),
                None => state.parked.remove(of),
            }
        });
    }

    /// The partition is not this process's business any more.
    pub(crate) fn gone(&self, of: &TopicPartition) {
        self.change(|state| {
            state.failing.remove(of);
            state.parked.remove(of);
            state.held_back.remove(of);
        });
    }

    /// A transaction holds back the end of this partition, for this reason; or none does. Nothing that a restart of this
    /// process would change, so it stays ready.
    pub(crate) fn held_back(&self, of: &TopicPartition, reason: Option<String>) {
        self.change(|state| {
            _ = match reason {
                Some(reason) => state.held_back.insert(of.clone(), reason),
                None => state.held_back.remove(of),
            }
        });
    }

    /// The worker of this partition goes on.
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
            (None, None) => match warning(&state, self.0.limits) {
                Some(reason) => self.0.gate.degrade(reason),
                None => self.0.gate.open(),
            },
        }
    }
}

fn warning(state: &State, limits: Limits) -> Option<String> {
    let held_back = state.held_back.iter().next().map(|(of, reason)| format!("{of} is frozen: {reason}"));
    held_back.or_else(|| too_much(&state.parked, limits))
}

/// Why what is parked should be looked at; none as long as it is little and young.
fn too_much(parked: &BTreeMap<TopicPartition, ParkedNow>, limits: Limits) -> Option<String> {
    let keys: usize = parked.values().map(|it| it.keys).sum();
    let (of, first) = parked.iter().min_by_key(|(_, it)| it.since)?;
    let seconds = (Utc::now() - first.since).num_seconds();
    let old = u64::try_from(seconds).is_ok_and(|it| it >= limits.degraded_after.as_secs());
    (old || keys >= limits.degraded_keys).then(|| {
        format!("{keys} key(s) are parked, the first for {seconds} s in {of}: see karmyq dead-letters")
    })
}

impl fmt::Debug for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Standing").field(&*self.0.state.lock()).finish()
    }
}

#[cfg(test)]
mod tests {
    use chrono::{TimeDelta, Utc};
    use event_log::TopicPartition;
    use service_kit::health::Health;

    use super::Standing;
    use crate::claimed::ParkedNow;
    use crate::parking::Limits;

    #[tokio::test]
    async fn a_projection_is_ready_once_assigned_and_while_every_worker_goes_on() {
        let health = Health::new("projectors");
        let standing = Standing::new(health.gate("feed"), Limits::default());
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

    #[tokio::test]
    async fn many_parked_keys_or_old_ones_degrade_and_do_not_make_it_unready() {
        let health = Health::new("projectors");
        let standing = Standing::new(health.gate("feed"), Limits::default());
        let (one, other) = (TopicPartition::new("user-events", 1), TopicPartition::new("user-events", 2));
        standing.assigned();
        standing.parked(&one, Some(ParkedNow { keys: 9, since: Utc::now() }));
        assert!(health.warnings().is_empty());
        standing.parked(&other, Some(ParkedNow { keys: 1, since: Utc::now() }));
        assert!(health.warnings()[0].reason.starts_with("10 key(s) are parked"), "{:?}", health.warnings());
        standing.parked(&one, None);
        assert!(health.warnings().is_empty());
        standing.parked(&other, Some(ParkedNow { keys: 1, since: Utc::now() - TimeDelta::hours(2) }));
        assert!(health.warnings()[0].reason.contains("the first for 7200 s in user-events/2"));
        assert!(health.reasons().await.is_empty());
        standing.gone(&other);
        assert!(health.warnings().is_empty());
    }
}

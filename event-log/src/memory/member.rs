//! Membership: a task that turns the group's orders into events and hands over records.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use super::Shared;
use super::group::Order;
use crate::standing::Standing;
use crate::{Fence, GroupConfig, GroupEvent, LogError, Membership, TopicPartition, Window};

/// Events that may wait for the member.
const EVENTS: usize = 4096;
/// How long committed offsets may take while an open transaction holds one of them.
const COMMITTED: Duration = Duration::from_secs(10);

/// A member of a group.
#[derive(Debug)]
pub(super) struct MemoryMembership {
    member: Arc<Member>,
    closing: watch::Sender<bool>,
    closed: watch::Receiver<bool>,
}

/// The membership as it was after so many losses.
#[derive(Debug)]
pub(super) struct MemoryFence {
    member: Arc<Member>,
    losses: u64,
}

#[derive(Debug)]
struct Member {
    shared: Arc<Shared>,
    config: GroupConfig,
    /// Its number in the group, another one after each time it joins.
    number: AtomicU64,
    standing: Standing,
}

impl MemoryMembership {
    /// Joins the group and starts the task.
    pub(super) fn join(shared: Arc<Shared>, config: GroupConfig) -> (Self, mpsc::Receiver<GroupEvent>) {
        let member = Member { shared, config, number: AtomicU64::new(0), standing: Standing::default() };
        let member = Arc::new(member);
        let (events, receiver) = mpsc::channel(EVENTS);
        let (closing, is_closing) = watch::channel(false);
        let (has_closed, closed) = watch::channel(false);
        let task = Task::start(Arc::clone(&member), events);
        tokio::spawn(async move {
            task.run(is_closing).await;
            has_closed.send_replace(true);
        });
        (Self { member, closing, closed }, receiver)
    }

    /// The group's name.
    pub(super) fn group(&self) -> &str {
        &self.member.config.group
    }

    /// See [`super::MemoryLog::evict`].
    pub(super) fn evict(&self) {
        self.member.standing.lose();
        let removed = self.member.shared.change(|state| state.remove(self.group(), self.member.number()));
        if let Some((owned, orders)) = removed {
            // A task that is gone has nothing to lose.
            let _ = orders.send(Order::Lose(owned));
        }
    }
}

impl Drop for MemoryMembership {
    fn drop(&mut self) {
        self.closing.send_replace(true);
    }
}

impl MemoryFence {
    /// The fence that a window presents.
    pub(super) fn of(window: &Window) -> Result<&Self, String> {
        let fence = window.fence.as_any().downcast_ref::<Self>();
        fence.ok_or_else(|| "the fence is of another log".to_owned())
    }

    /// The group that it speaks for.
    pub(super) fn group(&self) -> &str {
        &self.member.config.group
    }

    /// Refuses a member that is none any more.
    pub(super) fn check(&self) -> Result<(), String> {
        self.member.standing.check(self.losses)?;
        let is_member = self.member.shared.state.lock().is_member(self.group(), self.member.number());
        is_member.then_some(()).ok_or_else(|| "the group does not know this member".to_owned())
    }
}

impl Fence for MemoryFence {
    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Fence for MemoryMembership {
    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[async_trait]
impl Membership for MemoryMembership {
    fn fence(&self) -> Arc<dyn Fence> {
        Arc::new(MemoryFence { member: Arc::clone(&self.member), losses: self.member.standing.losses() })
    }

    async fn committed(&self, of: Vec<TopicPartition>) -> Result<Vec<(TopicPartition, i64)>, LogError> {
        let shared = &self.member.shared;
        let mut changes = shared.changes.listen();
        let settled = async {
            loop {
                changes.forget();
                let next = shared.state.lock().committed(self.group(), &of);
                if next.iter().all(|(_, next)| *next != GroupEvent::UNSETTLED) {
                    return next;
                }
                changes.changed().await;
            }
        };
        let held = |_| LogError::Unavailable("an open transaction holds an offset".to_owned());
        timeout(COMMITTED, settled).await.map_err(held)
    }

    async fn leave(&self) -> Result<(), LogError> {
        self.closing.send_replace(true);
        let gone = |_| LogError::Unavailable("the member's task ended".to_owned());
        self.closed.clone().wait_for(|closed| *closed).await.map(drop).map_err(gone)
    }
}

impl Member {
    fn number(&self) -> u64 {
        self.number.load(Ordering::Acquire)
    }

    fn enter(&self, orders: &mpsc::UnboundedSender<Order>) {
        let GroupConfig { group, topics, .. } = &self.config;
        self.shared.change(|state| {
            let number = state.join(group, topics, orders.clone());
            // Under the lock: no window may be fenced by a number that is not stored yet.
            self.number.store(number, Ordering::Release);
        });
    }
}

/// Waits until the membership is left or dropped.
async fn closed(closing: &mut watch::Receiver<bool>) {
    // An error means that the membership is gone.
    let _ = closing.wait_for(|closing| *closing).await.map(drop);
}

/// The member's task.
struct Task {
    member: Arc<Member>,
    events: mpsc::Sender<GroupEvent>,
    order: mpsc::UnboundedSender<Order>,
    orders: mpsc::UnboundedReceiver<Order>,
    /// Where each owned partition goes on.
    positions: BTreeMap<TopicPartition, i64>,
}

impl Task {
    fn start(member: Arc<Member>, events: mpsc::Sender<GroupEvent>) -> Self {
        let (order, orders) = mpsc::unbounded_channel();
        member.enter(&order);
        Self { member, events, order, orders, positions: BTreeMap::new() }
    }

    async fn run(mut self, mut closing: watch::Receiver<bool>) {
        let mut changes = self.member.shared.changes.listen();
        let events = self.events.clone();
        loop {
            changes.forget();
            let record = if self.member.config.fetch { self.peek() } else { None };
            let has_record = record.is_some();
            tokio::select! {
                biased;
                () = closed(&mut closing) => break,
                Some(order) = self.orders.recv() => self.obey(order).await,
                Ok(place) = events.reserve(), if has_record => {
                    if let Some((of, next, event)) = record {
                        self.positions.insert(of, next);
                        place.send(event);
                    }
                }
                () = changes.changed(), if !has_record => {}
            }
            if events.is_closed() {
                break;
            }
        }
        self.leave().await;
    }

    /// The first record that can be handed over.
    fn peek(&mut self) -> Option<(TopicPartition, i64, GroupEvent)> {
        let state = self.member.shared.state.lock();
        let group = &self.member.config.group;
        for (of, position) in &mut self.positions {
            if *position == GroupEvent::UNSETTLED {
                *position = state.committed(group, std::slice::from_ref(of))[0].1;
            }
        }
        let mut settled = self.positions.iter().filter(|(_, position)| **position != GroupEvent::UNSETTLED);
        settled.find_map(|(of, position)| {
            let (records, next) = state.partition(of)?.read(*position, 1);
            let record = records.into_iter().next()?;
            Some((of.clone(), next, GroupEvent::Record(record)))
        })
    }

    async fn obey(&mut self, order: Order) {
        match order {
            Order::Take(taken) => {
                self.positions.extend(taken.iter().cloned());
                let _ = self.events.send(GroupEvent::Assigned(taken)).await;
            }
            Order::Release(partitions) => {
                self.revoke(&partitions, false).await;
                let (group, number) = (&self.member.config.group, self.member.number());
                self.member.shared.change(|state| state.release(group, number, &partitions));
            }
            Order::Lose(partitions) => {
                self.revoke(&partitions, true).await;
                self.member.enter(&self.order);
            }
        }
    }

    /// Tells that partitions go away and waits for the answer, at most a session timeout.
    async fn revoke(&mut self, partitions: &[TopicPartition], lost: bool) {
        if partitions.is_empty() {
            return;
        }
        self.positions.retain(|of, _| !partitions.contains(of));
        let (done, mut is_done) = oneshot::channel();
        let told =
            self.events.send(GroupEvent::Revoked { partitions: partitions.to_vec(), lost, done }).await;
        let patience = self.member.config.session_timeout;
        if told.is_ok() && timeout(patience, &mut is_done).await.is_err() {
            self.member.standing.owe(is_done);
        }
    }

    async fn leave(mut self) {
        let (group, number) = (self.member.config.group.clone(), self.member.number());
        let owned = self.member.shared.state.lock().owned(&group, number);
        if !owned.is_empty() {
            self.revoke(&owned, false).await;
        }
        self.member.shared.change(|state| state.remove(&group, number));
    }
}

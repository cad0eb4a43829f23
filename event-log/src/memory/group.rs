//! A group: who owns which partition, and how ownership moves.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tokio::sync::mpsc;

use super::state::State;
use crate::{GroupEvent, LogError, TopicPartition};

/// A consumer group.
#[derive(Debug, Default)]
pub(super) struct Group {
    members: BTreeMap<u64, Member>,
    joined: u64,
    owners: BTreeMap<TopicPartition, u64>,
    /// Partitions whose owner was asked to let go.
    moving: BTreeSet<TopicPartition>,
    committed: HashMap<TopicPartition, Committed>,
}

/// The offset to consume next, and the transaction that said so.
#[derive(Clone, Copy, Debug, Default)]
struct Committed {
    next: i64,
    transaction: u64,
}

#[derive(Debug)]
struct Member {
    topics: Vec<String>,
    orders: mpsc::UnboundedSender<Order>,
}

/// What a group tells its member's task.
#[derive(Debug)]
pub(super) enum Order {
    /// These are yours, from these offsets on.
    Take(Vec<(TopicPartition, i64)>),
    /// Let these go, and say so.
    Release(Vec<TopicPartition>),
    /// These are gone.
    Lose(Vec<TopicPartition>),
}

impl State {
    /// Adds a member and shares out anew; returns its number.
    pub(super) fn join(
        &mut self,
        group: &str,
        topics: &[String],
        orders: mpsc::UnboundedSender<Order>,
    ) -> u64 {
        let entry = self.groups.entry(group.to_owned()).or_default();
        entry.joined += 1;
        let number = entry.joined;
        entry.members.insert(number, Member { topics: topics.to_vec(), orders });
        self.share_out(group);
        number
    }

    /// Whether the member is one.
    pub(super) fn is_member(&self, group: &str, number: u64) -> bool {
        self.groups.get(group).is_some_and(|it| it.members.contains_key(&number))
    }

    /// What the member owns.
    pub(super) fn owned(&self, group: &str, number: u64) -> Vec<TopicPartition> {
        let owners = self.groups.get(group).map(|it| &it.owners);
        owners.into_iter().flatten().filter(|(_, it)| **it == number).map(|(of, _)| of.clone()).collect()
    }

    /// Takes these partitions from the member and shares out anew.
    pub(super) fn release(&mut self, group: &str, number: u64, partitions: &[TopicPartition]) {
        if let Some(it) = self.groups.get_mut(group) {
            it.owners.retain(|of, owner| *owner != number || !partitions.contains(of));
            it.moving.retain(|of| !partitions.contains(of));
        }
        self.share_out(group);
    }

    /// Removes the member and shares out what it owned; returns that, and the way to tell it.
    pub(super) fn remove(
        &mut self,
        group: &str,
        number: u64,
    ) -> Option<(Vec<TopicPartition>, mpsc::UnboundedSender<Order>)> {
        let owned = self.owned(group, number);
        let member = self.groups.get_mut(group)?.members.remove(&number)?;
        self.release(group, number, &owned);
        Some((owned, member.orders))
    }

    /// Forgets a group without members; false when there is none.
    pub(super) fn delete_group(&mut self, group: &str) -> Result<bool, LogError> {
        if self.groups.get(group).is_some_and(|it| !it.members.is_empty()) {
            return Err(LogError::Refused(format!("the group {group} has members")));
        }
        Ok(self.groups.remove(group).is_some())
    }

    /// The offsets to consume next; [`GroupEvent::UNSETTLED`] where an open transaction holds one.
    pub(super) fn committed(&self, group: &str, of: &[TopicPartition]) -> Vec<(TopicPartition, i64)> {
        let committed = self.groups.get(group).map(|it| &it.committed);
        let next = |of: &TopicPartition| match committed.and_then(|it| it.get(of)) {
            _ if self.is_unsettled(group, of) => GroupEvent::UNSETTLED,
            Some(committed) => committed.next,
            None => 0,
        };
        of.iter().map(|it| (it.clone(), next(it))).collect()
    }

    /// Moves the group towards a fair share: free partitions are given, those of others asked for.
    fn share_out(&mut self, name: &str) {
        let Some(group) = self.groups.get(name) else { return };
        let target = group.target(self);
        let (mut give, mut ask) = (BTreeMap::<u64, Vec<_>>::new(), BTreeMap::<u64, Vec<_>>::new());
        for (of, member) in target {
            match group.owners.get(&of) {
                None => give.entry(member).or_default().push(of),
                Some(owner) if *owner != member && !group.moving.contains(&of) => {
                    ask.entry(*owner).or_default().push(of);
                }
                Some(_) => {}
            }
        }
        let give = give.into_iter().map(|(member, of)| (member, self.committed(name, &of)));
        let give = give.collect::<Vec<_>>();
        let Some(group) = self.groups.get_mut(name) else { return };
        for (member, taken) in give {
            group.owners.extend(taken.iter().map(|(of, _)| (of.clone(), member)));
            group.order(member, Order::Take(taken));
        }
        for (owner, of) in ask {
            group.moving.extend(of.iter().cloned());
            group.order(owner, Order::Release(of));
        }
    }
}

impl Group {
    /// Keeps the offsets of a committed transaction. One that was sent earlier and is decided later changes nothing, as
    /// on a broker.
    pub(super) fn settle(&mut self, consumed: &[(TopicPartition, i64)], transaction: u64) {
        for (of, next) in consumed.iter().filter(|(_, next)| *next >= 0) {
            let known = self.committed.entry(of.clone()).or_default();
            if known.transaction <= transaction {
                *known = Committed { next: *next, transaction };
            }
        }
    }

    fn order(&self, member: u64, order: Order) {
        if let Some(member) = self.members.get(&member) {
            // A task that is gone is about to leave the group.
            let _ = member.orders.send(order);
        }
    }

    /// Who should own what: owners keep their fair share, the rest goes to whoever has least, in the order of names.
    fn target(&self, state: &State) -> BTreeMap<TopicPartition, u64> {
        let topics = self.members.values().flat_map(|it| &it.topics).collect::<BTreeSet<_>>();
        let all = topics.into_iter().flat_map(|it| state.partitions_of(it)).collect::<Vec<_>>();
        let fair = all.len().div_ceil(self.members.len().max(1));
        let mut load = self.members.keys().map(|it| (*it, 0_usize)).collect::<BTreeMap<_, _>>();
        let mut target = BTreeMap::new();
        for of in &all {
            if let Some(owner) = self.owners.get(of)
                && let Some(load) = load.get_mut(owner)
                && *load < fair
            {
                *load += 1;
                target.insert(of.clone(), *owner);
            }
        }
        for of in all {
            let wants = |it: &u64| self.members[it].topics.iter().any(|topic| *topic == *of.topic);
            let least = load.iter().filter(|(member, _)| wants(member)).min_by_key(|(_, load)| **load);
            if !target.contains_key(&of)
                && let Some((&member, _)) = least
            {
                *load.entry(member).or_default() += 1;
                target.insert(of, member);
            }
        }
        target
    }
}

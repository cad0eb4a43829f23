//! What nobody of ours does: the group's coordinator, the broker, the network, and death.

use crate::broker::Status;
use crate::instance::{Actor, Consumer, Life};
use crate::lane::At;
use crate::step::Step;
use crate::world::{Late, World};

pub(super) fn offer(world: &World, steps: &mut Vec<Step>) {
    let group = &world.group;
    if let Some(owner) = group.owner {
        let others = group.members.iter().flatten().count() > 1;
        if world.left.moves > 0 && others && world.instance(owner).life == Life::In {
            steps.push(Step::Move);
        }
    }
    for (it, index) in world.broker.transactions.iter().zip(0..) {
        match it.status {
            Status::Committing => steps.push(Step::Mark(index)),
            Status::Open if !world.is_worked_on(index) || world.left.timeouts > 0 => {
                steps.push(Step::TimeOut(index));
            }
            Status::Open | Status::Committed | Status::Aborted => {}
        }
    }
    steps.extend((0..).take(world.late.len()).map(Step::ArriveLate));
}

pub(super) fn offer_instance(world: &World, instance: u8, steps: &mut Vec<Step>) {
    let (it, group) = (world.instance(instance), &world.group);
    let is_member = group.members[usize::from(instance)].is_some();
    // Whoever claims the partition in the group keeps others from it.
    let holders = || (0..).zip(&world.instances).filter(|(_, it)| it.consumer.holds);
    let claimed = || holders().any(|(number, it)| group.has(number, it.session));
    if is_member && it.life == Life::In && group.owner.is_none() && !claimed() {
        steps.push(Step::Assign(instance));
    }
    if is_member && (it.life == Life::Out || world.left.expiries > 0) {
        steps.push(Step::Expire(instance));
    }
    if it.life == Life::Out && !is_member && world.left.sessions > 0 {
        steps.push(Step::Join(instance));
    }
    if it.life != Life::Out && world.left.crashes > 0 {
        steps.push(Step::Crash(instance));
    }
}

pub(super) fn ask_back(world: &mut World) {
    world.left.moves -= 1;
    world.group.owner = None;
    world.next_generation();
}

pub(super) fn assign(world: &mut World, to: u8) {
    world.group.owner = Some(to);
    world.next_generation();
}

pub(super) fn expire(world: &mut World, instance: u8) {
    if world.instance(instance).life != Life::Out {
        world.left.expiries -= 1;
    }
    world.group.remove(instance);
    world.next_generation();
}

pub(super) fn mark(world: &mut World, transaction: u8) {
    world.broker.transactions[usize::from(transaction)].status = Status::Committed;
}

pub(super) fn time_out(world: &mut World, transaction: u8) {
    if world.is_worked_on(transaction) {
        world.left.timeouts -= 1;
    }
    world.broker.abort(transaction);
}

pub(super) fn arrive_late(world: &mut World, late: u8) {
    match world.late.remove(usize::from(late)) {
        Late::Record(transaction, record) => _ = world.broker.produce(transaction, record),
        Late::Commit(transaction) => _ = world.broker.commit(transaction),
    }
}

pub(super) fn join(world: &mut World, instance: u8) {
    world.left.sessions -= 1;
    let it = world.instance_mut(instance);
    it.session += 1;
    it.life = Life::In;
    let session = it.session;
    world.group.members[usize::from(instance)] = Some(session);
    world.next_generation();
}

/// The process dies. What it has sent may still arrive; nobody waits for it.
pub(super) fn crash(world: &mut World, instance: u8) {
    world.left.crashes -= 1;
    let it = world.instance_mut(instance);
    it.life = Life::Out;
    it.consumer = Consumer::default();
    it.actor = Actor::default();
    for lane in std::mem::take(&mut it.lanes) {
        let Some(transaction) = lane.transaction else { continue };
        match lane.at {
            At::Producing(index) => {
                world.late.push(Late::Record(transaction, lane.window[usize::from(index)]));
            }
            At::Committing => world.late.push(Late::Commit(transaction)),
            At::Handed
            | At::Delivered
            | At::Taken(_)
            | At::Checked
            | At::Fencing(_)
            | At::Refused
            | At::Done(_) => {}
        }
    }
}

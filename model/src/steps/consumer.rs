//! The consumer of an instance: what it learns of the group, what it tells the actor, and how it waits for the answer.

use crate::group::Generation;
use crate::instance::{Consumer, GroupEvent, Life};
use crate::step::Step;
use crate::world::World;

pub(super) fn offer(world: &World, instance: u8, steps: &mut Vec<Step>) {
    let it = world.instance(instance);
    if it.life == Life::Out {
        return;
    }
    let Consumer { generation, holds, asking, .. } = it.consumer;
    let (group, is_member) = (&world.group, world.group.has(instance, it.session));
    // While a revocation waits for its answer, the consumer goes on to no other generation.
    if is_member && asking.is_none() {
        if generation != Some(Generation::Live) {
            steps.push(Step::Learn(instance));
        } else if it.life == Life::In && holds != (group.owner == Some(instance)) {
            steps.push(Step::Tell(instance));
        }
    }
    if !is_member {
        if generation.is_some() || (holds && asking.is_none()) {
            steps.push(Step::NoticeLoss(instance));
        } else if !holds && asking.is_none() {
            steps.push(Step::Rejoin(instance));
        }
    }
    if asking.is_some() && world.left.overdue > 0 {
        steps.push(Step::Overdue(instance));
    }
    if it.life == Life::Ending {
        steps.push(Step::Leave(instance));
    }
}

pub(super) fn learn(world: &mut World, instance: u8) {
    world.instance_mut(instance).consumer.generation = Some(Generation::Live);
}

pub(super) fn tell(world: &mut World, instance: u8) {
    let it = world.instance_mut(instance);
    if it.consumer.holds {
        it.consumer.asking = Some(false);
        it.actor.events.push(GroupEvent::Revoked { lost: false, overdue: false });
    } else {
        it.consumer.holds = true;
        it.actor.events.push(GroupEvent::Assigned);
    }
}

pub(super) fn notice_loss(world: &mut World, instance: u8) {
    let it = world.instance_mut(instance);
    it.consumer.generation = None;
    if it.consumer.asking.is_some() || !it.consumer.holds {
        return;
    }
    it.consumer.losses += 1;
    if it.life == Life::In {
        it.consumer.asking = Some(true);
        it.actor.events.push(GroupEvent::Revoked { lost: true, overdue: false });
    } else {
        // Nobody listens any more.
        it.consumer.holds = false;
    }
}

pub(super) fn overdue(world: &mut World, instance: u8) {
    world.left.overdue -= 1;
    let it = world.instance_mut(instance);
    it.consumer.losses += 1;
    it.consumer.asking = None;
    it.consumer.holds = false;
    match it.actor.events.last_mut() {
        Some(GroupEvent::Revoked { overdue, .. }) => *overdue = true,
        Some(GroupEvent::Assigned) | None => {
            if let Some(last) = it.actor.leaving.last_mut() {
                *last = true;
            }
        }
    }
}

pub(super) fn rejoin(world: &mut World, instance: u8) {
    let session = world.instance(instance).session;
    world.group.members[usize::from(instance)] = Some(session);
    world.next_generation();
}

pub(super) fn leave(world: &mut World, instance: u8) {
    let session = world.instance(instance).session;
    if world.group.has(instance, session) {
        world.group.remove(instance);
        world.next_generation();
    }
    let it = world.instance_mut(instance);
    it.consumer = Consumer::default();
    it.life = Life::Out;
}

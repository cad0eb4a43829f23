//! A lane: it produces, presents the fence and commits, whether its session still waits for it or not.

use crate::broker::Status;
use crate::group::Generation;
use crate::instance::Life;
use crate::lane::{At, Lane, Outcome};
use crate::rules::Rule;
use crate::step::Step;
use crate::world::{Late, World, WriteSide};

/// How often a generation may be refused before the window counts as fenced. The code allows three.
const REFUSALS: u8 = 2;

pub(super) fn offer(model: &WriteSide, world: &World, instance: u8, steps: &mut Vec<Step>) {
    for (lane, index) in world.instance(instance).lanes.iter().zip(0..) {
        let may_be_given_up = lane.is_flight && !matches!(lane.at, At::Committing | At::Done(_));
        if may_be_given_up && world.left.aborts > 0 {
            steps.push(Step::WaitedTooLong(instance, index));
        }
        match lane.at {
            At::Handed => steps.push(Step::Begin(instance, index)),
            At::Producing(_) => {
                steps.push(Step::Deliver(instance, index));
                if world.left.aborts > 0 {
                    steps.push(Step::Undelivered(instance, index));
                }
            }
            At::Delivered if model.have(Rule::LossesLast) => {
                steps.push(Step::TakeGeneration(instance, index))
            }
            At::Delivered | At::Taken(_) => steps.push(Step::LookUpLosses(instance, index)),
            At::Checked => steps.push(Step::TakeGeneration(instance, index)),
            At::Fencing(_) => steps.push(Step::FenceArrives(instance, index)),
            At::Refused => {
                let is_live = world.instance(instance).consumer.generation == Some(Generation::Live);
                if is_live && lane.refusals < REFUSALS && is_unlost(model, world, instance, lane) {
                    steps.push(Step::Retry(instance, index));
                }
                steps.push(Step::GiveUp(instance, index));
            }
            At::Committing => {
                steps.push(Step::CommitArrives(instance, index));
                if world.left.unknown > 0 {
                    steps.push(Step::CommitUnanswered(instance, index));
                    steps.push(Step::CommitLate(instance, index));
                }
            }
            At::Done(_) => {}
        }
    }
}

/// Whether the membership that the lane was given still stands.
fn has_membership(world: &World, instance: u8, lane: &Lane) -> bool {
    let it = world.instance(instance);
    it.life != Life::Out && it.session == lane.session
}

/// Whether nothing was lost, as far as the lane can tell.
fn is_unlost(model: &WriteSide, world: &World, instance: u8, lane: &Lane) -> bool {
    let it = world.instance(instance);
    let unlost = if model.have(Rule::LossIsFinal) {
        it.consumer.losses == 0
    } else {
        it.consumer.losses == lane.losses && !it.owes()
    };
    has_membership(world, instance, lane) && unlost
}

/// What comes after so many delivered records.
fn next(model: &WriteSide, lane: &Lane, delivered: u8) -> At {
    let records = u8::try_from(lane.window.len()).unwrap_or(u8::MAX);
    let fence_at = fence_at(model, records);
    if !lane.fenced && fence_at == Some(delivered) {
        At::Delivered
    } else if delivered == records {
        At::Committing
    } else {
        At::Producing(delivered)
    }
}

/// After so many delivered records; ends the lane at a closed gate.
fn go_on(model: &WriteSide, world: &mut World, instance: u8, lane: u8, delivered: u8) {
    let it = world.lane_mut(instance, lane);
    it.at = next(model, it, delivered);
    if it.at == At::Committing && it.given_up && model.have(Rule::Gate) {
        fail(world, instance, lane, Outcome::Fenced);
    }
}

/// How many records come before the fence; none when there is no fence.
fn fence_at(model: &WriteSide, records: u8) -> Option<u8> {
    if !model.have(Rule::Fence) {
        None
    } else if !model.have(Rule::FenceLast) {
        Some(0)
    } else if !model.have(Rule::NothingAfterFence) {
        Some(records - u8::from(records > 1))
    } else {
        Some(records)
    }
}

/// The lane is done with its window. When nobody waits for it, it vanishes.
fn finish(world: &mut World, instance: u8, lane: u8, outcome: Outcome) {
    let it = world.lane_mut(instance, lane);
    it.at = At::Done(outcome);
    if !it.is_flight {
        world.instance_mut(instance).lanes.remove(usize::from(lane));
    }
}

/// The transaction is aborted and the lane is done.
fn fail(world: &mut World, instance: u8, lane: u8, outcome: Outcome) {
    abort(world, instance, lane);
    finish(world, instance, lane, outcome);
}

fn abort(world: &mut World, instance: u8, lane: u8) {
    if let Some(transaction) = world.lane(instance, lane).transaction {
        world.broker.abort(transaction);
    }
}

/// The generation does not do: the transaction is aborted, and perhaps another one will.
fn refuse(world: &mut World, instance: u8, lane: u8) {
    abort(world, instance, lane);
    let it = world.lane_mut(instance, lane);
    it.transaction = None;
    it.refusals += 1;
    it.at = At::Refused;
}

pub(super) fn begin(model: &WriteSide, world: &mut World, instance: u8, lane: u8) {
    // Nothing to ask when the session is gone: its losses are not told any more.
    let losses = world.instance(instance).consumer.losses;
    world.lane_mut(instance, lane).losses = losses;
    retry(model, world, instance, lane);
}

pub(super) fn retry(model: &WriteSide, world: &mut World, instance: u8, lane: u8) {
    let mut by = world.instance(instance).id(instance);
    by.number = world.lane(instance, lane).session;
    let Some(transaction) = world.broker.begin(by) else {
        return finish(world, instance, lane, Outcome::Fenced);
    };
    let it = world.lane_mut(instance, lane);
    it.transaction = Some(transaction);
    it.at = next(model, it, 0);
}

pub(super) fn deliver(model: &WriteSide, world: &mut World, instance: u8, lane: u8) {
    let it = world.lane(instance, lane);
    let (At::Producing(index), Some(transaction)) = (it.at, it.transaction) else { return };
    let record = it.window[usize::from(index)];
    if world.broker.produce(transaction, record) {
        go_on(model, world, instance, lane, index + 1);
    } else {
        finish(world, instance, lane, Outcome::Fenced);
    }
}

/// The window is given up; its transaction stays open until the broker ends it, for the abort may not come through.
pub(super) fn undelivered(world: &mut World, instance: u8, lane: u8) {
    world.left.aborts -= 1;
    let it = world.lane(instance, lane);
    if let (At::Producing(index), Some(transaction)) = (it.at, it.transaction) {
        let record = it.window[usize::from(index)];
        world.late.push(Late::Record(transaction, record));
    }
    finish(world, instance, lane, Outcome::Aborted);
}

/// The window counts as aborted, whatever the lane does from here.
pub(super) fn waited_too_long(model: &WriteSide, world: &mut World, instance: u8, lane: u8) {
    world.left.aborts -= 1;
    let it = world.lane_mut(instance, lane);
    let goes_on = Lane { is_flight: false, given_up: true, ..it.clone() };
    it.at = At::Done(Outcome::Aborted);
    // A lane that is given up before it begins notices at once.
    if goes_on.at != At::Handed || !model.have(Rule::Gate) {
        world.instance_mut(instance).lanes.push(goes_on);
    }
}

pub(super) fn take_generation(model: &WriteSide, world: &mut World, instance: u8, lane: u8) {
    let it = world.lane(instance, lane);
    if !model.have(Rule::OneGroup) {
        // Whoever was assigned by hand has no generation, and a coordinator checks none below zero.
        world.lane_mut(instance, lane).at = At::Fencing(Generation::Stale);
    } else if !has_membership(world, instance, it) {
        fail(world, instance, lane, Outcome::Fenced);
    } else if let Some(generation) = world.instance(instance).consumer.generation {
        let checked = it.at == At::Checked;
        let next = if checked { At::Fencing(generation) } else { At::Taken(generation) };
        world.lane_mut(instance, lane).at = next;
    } else {
        refuse(world, instance, lane);
    }
}

pub(super) fn look_up_losses(model: &WriteSide, world: &mut World, instance: u8, lane: u8) {
    let it = world.lane(instance, lane);
    if is_unlost(model, world, instance, it) || !model.have(Rule::OneGroup) {
        let next = if let At::Taken(generation) = it.at { At::Fencing(generation) } else { At::Checked };
        world.lane_mut(instance, lane).at = next;
    } else {
        fail(world, instance, lane, Outcome::Fenced);
    }
}

pub(super) fn fence_arrives(model: &WriteSide, world: &mut World, instance: u8, lane: u8) {
    let it = world.lane(instance, lane);
    let (At::Fencing(generation), Some(transaction)) = (it.at, it.transaction) else { return };
    if world.broker.status(transaction) != Status::Open {
        return finish(world, instance, lane, Outcome::Fenced);
    }
    let taken = world.group.takes_offsets(instance, it.session, generation) || !model.have(Rule::OneGroup);
    if taken {
        let it = world.lane_mut(instance, lane);
        it.fenced = true;
        let records = u8::try_from(it.window.len()).unwrap_or(u8::MAX);
        go_on(model, world, instance, lane, fence_at(model, records).unwrap_or_default());
    } else {
        refuse(world, instance, lane);
    }
}

pub(super) fn give_up(world: &mut World, instance: u8, lane: u8) {
    finish(world, instance, lane, Outcome::Fenced);
}

pub(super) fn commit_arrives(world: &mut World, instance: u8, lane: u8) {
    let Some(transaction) = world.lane(instance, lane).transaction else { return };
    // A refusal is no proof that nothing is committed, so the code does not tell it from silence.
    let outcome = if world.broker.commit(transaction) { Outcome::Committed } else { Outcome::Unknown };
    finish(world, instance, lane, outcome);
}

pub(super) fn commit_unanswered(world: &mut World, instance: u8, lane: u8) {
    world.left.unknown -= 1;
    if let Some(transaction) = world.lane(instance, lane).transaction {
        world.broker.commit(transaction);
    }
    finish(world, instance, lane, Outcome::Unknown);
}

pub(super) fn commit_late(world: &mut World, instance: u8, lane: u8) {
    world.left.unknown -= 1;
    if let Some(transaction) = world.lane(instance, lane).transaction {
        world.late.push(Late::Commit(transaction));
    }
    finish(world, instance, lane, Outcome::Unknown);
}

//! The actor of a session: it decides commands, hands windows over, takes the partition and gives it back.

use crate::broker::{Command, Record};
use crate::instance::{GroupEvent, Instance, Life, Load, Partition};
use crate::lane::{Lane, Outcome};
use crate::rules::Rule;
use crate::step::Step;
use crate::world::{World, WriteSide};

/// Most records of a window.
const WINDOW: usize = 2;

pub(super) fn offer(model: &WriteSide, world: &World, instance: u8, steps: &mut Vec<Step>) {
    let it = world.instance(instance);
    if it.life != Life::In {
        return;
    }
    for command in 0..model.bounds.commands {
        if may_ask(model, world, it, command) {
            steps.push(Step::Ask(command, instance));
        }
    }
    let actor = &it.actor;
    match it.flight() {
        None if !actor.open.is_empty() => steps.push(Step::HandOver(instance)),
        None if !actor.leaving.is_empty() => steps.push(Step::LetGo(instance)),
        None => {}
        Some(flight) if flight.outcome().is_some() => steps.push(Step::Land(instance)),
        Some(_) => {}
    }
    if !actor.events.is_empty() {
        steps.push(Step::Hear(instance));
    }
    for (load, index) in actor.loads.iter().zip(0..) {
        match load.end {
            None => {
                let predecessor = world.announced.filter(|it| it.instance != instance);
                if model.have(Rule::Epochs) && predecessor.is_some_and(|it| world.may_write(it)) {
                    steps.push(Step::FencePredecessor(instance));
                }
                steps.push(Step::ReadEnd(instance, index));
            }
            Some(end) => {
                let decided = world.broker.last_stable_offset() >= end;
                if actor.expected && (decided || !model.have(Rule::ReplayWaits)) {
                    steps.push(Step::Serve(instance, index));
                }
            }
        }
    }
}

/// Whether a client may ask, and whether that would change anything.
fn may_ask(model: &WriteSide, world: &World, it: &Instance, command: Command) -> bool {
    let asks = |command: Command| world.clients.asks[usize::from(command)];
    // Commands differ in nothing but their keys, so the first of them is asked for first.
    let in_turn = command == 0 || asks(command - 1) < model.bounds.asks;
    let Some(partition) = it.actor.partition.filter(|_| it.actor.serving) else { return false };
    let in_ledger = partition.ledger & (1 << command) != 0;
    let known = world.clients.acknowledged & (1 << command) != 0;
    let pending = it.actor.open.iter().chain(it.flight().into_iter().flat_map(|it| &it.window));
    let room = it.actor.open.len() < WINDOW;
    asks(command) > 0
        && in_turn
        && if in_ledger {
            !known
        } else {
            room && !(model.have(Rule::PendingIsKnown) && pending.into_iter().any(|it| it.command == command))
        }
}

pub(super) fn ask(world: &mut World, command: Command, instance: u8) {
    world.clients.asks[usize::from(command)] -= 1;
    let actor = &mut world.instance_mut(instance).actor;
    let Some(partition) = &mut actor.partition else { return };
    if partition.ledger & (1 << command) == 0 {
        actor.open.push(Record { command, on: partition.state });
        partition.state = partition.state.and(command);
    } else {
        world.clients.resolved |= world.clients.unknown & (1 << command) != 0;
        world.acknowledge(command);
    }
}

pub(super) fn hand_over(model: &WriteSide, world: &mut World, instance: u8) {
    let it = world.instance_mut(instance);
    let window = std::mem::take(&mut it.actor.open);
    it.lanes.push(Lane::new(it.session, window.clone()));
    if !model.have(Rule::AnswerAfterCommit) {
        window.iter().for_each(|it| world.acknowledge(it.command));
    }
}

pub(super) fn land(model: &WriteSide, world: &mut World, instance: u8) {
    let it = world.instance_mut(instance);
    let Some(index) = it.lanes.iter().position(|it| it.is_flight) else { return };
    let lane = it.lanes.remove(index);
    match lane.outcome() {
        Some(Outcome::Committed) => {
            for record in &lane.window {
                if let Some(partition) = &mut it.actor.partition {
                    partition.ledger |= 1 << record.command;
                }
            }
            lane.window.iter().for_each(|it| world.acknowledge(it.command));
        }
        Some(Outcome::Unknown) if !model.have(Rule::UnknownEndsSession) => {
            take_back(model, world, instance, &lane);
        }
        Some(Outcome::Aborted) => take_back(model, world, instance, &lane),
        Some(Outcome::Fenced) => {
            take_back(model, world, instance, &lane);
            world.end_session(instance);
        }
        Some(Outcome::Unknown) | None => {
            for record in lane.window.iter().chain(&it.actor.open.clone()) {
                world.clients.unknown |= 1 << record.command;
            }
            world.end_session(instance);
        }
    }
}

/// The window and the one on top of it vanish; their callers are told that nothing of them was taken.
fn take_back(model: &WriteSide, world: &mut World, instance: u8, lane: &Lane) {
    let actor = &mut world.instance_mut(instance).actor;
    let first = lane.window.first().copied();
    if let (Some(partition), Some(first)) = (&mut actor.partition, first) {
        partition.state = first.on;
    }
    if model.have(Rule::UndoTogether) {
        actor.open.clear();
    }
    if let Some(transaction) = lane.transaction {
        world.broker.transactions[usize::from(transaction)].disowned = true;
    }
    world.clients.not_taken |= lane.window.iter().fold(0, |all, it| all | 1 << it.command);
}

pub(super) fn hear(model: &WriteSide, world: &mut World, instance: u8) {
    let it = world.instance_mut(instance);
    match it.actor.events.remove(0) {
        GroupEvent::Assigned => {
            it.actor.expected = true;
            it.actor.loads.push(Load::default());
        }
        GroupEvent::Revoked { lost: true, .. } => world.end_session(instance),
        GroupEvent::Revoked { lost: false, overdue } => {
            it.actor.serving = false;
            it.actor.expected = false;
            if model.have(Rule::OwnLoad) {
                it.actor.loads.clear();
            }
            if model.have(Rule::RevocationWaits) {
                it.actor.leaving.push(overdue);
            } else {
                it.answer_revocation();
            }
        }
    }
}

pub(super) fn let_go(world: &mut World, instance: u8) {
    let it = world.instance_mut(instance);
    it.actor.partition = None;
    let answered_in_time = it.actor.leaving.drain(..).any(|overdue| !overdue);
    if answered_in_time {
        it.answer_revocation();
    }
}

pub(super) fn fence_predecessor(world: &mut World) {
    if let Some(predecessor) = world.announced {
        world.broker.bar(predecessor);
    }
}

pub(super) fn read_end(model: &WriteSide, world: &mut World, instance: u8, load: u8) {
    let end = if model.have(Rule::HighWatermark) {
        world.broker.high_watermark()
    } else {
        world.broker.last_stable_offset()
    };
    world.instance_mut(instance).actor.loads[usize::from(load)].end = Some(end);
}

pub(super) fn serve(model: &WriteSide, world: &mut World, instance: u8, load: u8) {
    let actor = &world.instance(instance).actor;
    let end = actor.loads[usize::from(load)].end.unwrap_or_default().min(if model.have(Rule::ReplayWaits) {
        u8::MAX
    } else {
        world.broker.last_stable_offset()
    });
    let fold = |partition: Partition, it: Record| Partition {
        state: partition.state.and(it.command),
        ledger: partition.ledger | u8::from(model.have(Rule::Ledger)) << it.command,
    };
    let partition = world.broker.readable(end).fold(Partition::default(), fold);
    let id = world.instance(instance).id(instance);
    world.announced = Some(id);
    let actor = &mut world.instance_mut(instance).actor;
    actor.loads.remove(usize::from(load));
    actor.expected = false;
    actor.partition = Some(partition);
    actor.serving = true;
}

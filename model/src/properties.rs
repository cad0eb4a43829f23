//! What must hold in every world, and what must happen in some, so that holding means something.

use crate::broker::{Applied, Status};
use crate::instance::Life;
use crate::lane::Outcome;
use crate::world::{Late, World, WriteSide};

/// A property with its name.
type Named = (&'static str, fn(&WriteSide, &World) -> bool);

/// What must hold always.
pub const MUST_HOLD: [Named; 4] = [
    ("every committed event was decided on exactly the committed events before it", |_, world| {
        let mut before = Applied::default();
        world.broker.committed().all(|it| {
            let holds = it.on == before;
            before = before.and(it.command);
            holds
        })
    }),
    ("no acknowledged command is lost", |_, world| {
        world.clients.acknowledged & !committed(world) & !pending(world) == 0
    }),
    ("every command is committed at most once", |_, world| {
        let mut seen = 0;
        world.broker.committed().all(|it| {
            let new = seen & (1 << it.command) == 0;
            seen |= 1_u8 << it.command;
            new
        })
    }),
    ("what a caller was told to be not taken is not committed", |_, world| {
        let counts = |it: Status| matches!(it, Status::Committing | Status::Committed);
        !world.broker.transactions.iter().any(|it| it.disowned && counts(it.status))
    }),
];

/// What must happen sometimes.
pub const MUST_HAPPEN: [Named; 8] = [
    ("all commands are committed and acknowledged", |it, world| {
        world.clients.acknowledged == (1 << it.bounds.commands) - 1
            && world.clients.acknowledged & !committed(world) == 0
    }),
    ("a dead owner's events are served by another", |_, world| {
        served_by_another(world, |it| it.life == Life::Out)
    }),
    ("an owner gives its partition back and another serves its events", |_, world| {
        served_by_another(world, |it| it.life == Life::In && !it.consumer.holds && it.consumer.losses == 0)
    }),
    ("an owner that was given up for dead wakes up after the takeover and is fenced", |_, world| {
        serving(world).count() > 0 && fenced(world, |it| it.actor.serving)
    }),
    ("a window is aborted and its commands are committed later", |_, world| {
        world.clients.not_taken & world.clients.acknowledged != 0
    }),
    ("a rebalance that an owner survives makes it present its next generation", |_, world| {
        let again = |it: &crate::lane::Lane| it.refusals > 0 && it.outcome() == Some(Outcome::Committed);
        world.instances.iter().flat_map(|it| &it.lanes).any(again)
    }),
    ("a takeover waits for a window that nobody has decided yet", |_, world| {
        let stable = world.broker.last_stable_offset();
        world.instances.iter().flat_map(|it| &it.actor.loads).any(|it| it.end.is_some_and(|it| it > stable))
    }),
    ("the same key finds out what became of an unknown outcome", |_, world| world.clients.resolved),
];

fn committed(world: &World) -> u8 {
    world.broker.committed().fold(0, |all, it| all | 1 << it.command)
}

/// Commands that somebody may still bring to an end.
fn pending(world: &World) -> u8 {
    let open = world.instances.iter().flat_map(|it| &it.actor.open);
    let lanes = world.instances.iter().flat_map(|it| &it.lanes).filter(|it| it.outcome().is_none());
    let late = world.broker.log.iter().filter(|(it, _)| world.late.contains(&Late::Commit(*it)));
    let records = open.chain(lanes.flat_map(|it| &it.window)).chain(late.map(|(_, record)| record));
    records.fold(0, |all, it| all | 1 << it.command)
}

fn serving(world: &World) -> impl Iterator<Item = &crate::instance::Instance> {
    world.instances.iter().filter(|it| it.actor.serving)
}

/// Whether somebody serves events that an instance wrote which is now `so`.
fn served_by_another(world: &World, so: impl Fn(&crate::instance::Instance) -> bool) -> bool {
    let wrote = |number: usize| {
        let by = |it: u8| usize::from(world.broker.transactions[usize::from(it)].by.instance) == number;
        world.broker.log.iter().any(|(it, _)| by(*it) && world.broker.status(*it) == Status::Committed)
    };
    serving(world).any(|it| it.actor.partition.is_some_and(|it| it.ledger != 0))
        && (world.instances.iter().enumerate())
            .any(|(number, it)| so(it) && !it.actor.serving && wrote(number))
}

/// Whether a window of an instance that still believes itself to be `so` was fenced.
fn fenced(world: &World, so: impl Fn(&crate::instance::Instance) -> bool) -> bool {
    let refused = |it: &crate::lane::Lane| it.outcome() == Some(Outcome::Fenced);
    let others = |number: usize| {
        world.instances.iter().enumerate().any(|(other, it)| other != number && it.actor.serving)
    };
    (world.instances.iter().enumerate())
        .any(|(number, it)| so(it) && it.lanes.iter().any(refused) && others(number))
}

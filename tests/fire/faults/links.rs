//! Faults of the network between any two parties.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::Blow;
use crate::chance::Chance;
use crate::network::{Cable, Link};
use crate::party::Party;
use crate::world::{Grip, Subject, World};

/// Any pair that talks.
fn one(kind: &'static str, world: &Arc<World>, chance: &mut Chance) -> Option<(Party, Party, Grip)> {
    let (from, to) = *chance.pick(&Party::links()).expect("there are links");
    let grip = world.take(kind, [Subject::Link(from, to)])?;
    Some((from, to, grip))
}

/// Bytes vanish. When the cable is mended they arrive late, or the connections turn out to be dead.
pub(crate) fn cut_silently(kind: &'static str, world: &Arc<World>, mut chance: Chance) -> Option<Blow> {
    let (from, to, mut grip) = one(kind, world, &mut chance)?;
    let (length, resets) = (chance.millis(500, 15_000), chance.one_in(2));
    let what = format!("{from} and {to} for {length:?}{}", if resets { ", then reset" } else { "" });
    Some(Box::pin(async move {
        grip.begins(what);
        cut_all(&[grip.world.link(from, to)], length, resets).await;
    }))
}

/// Connections are reset, and new ones turned away.
pub(crate) fn cut_with_a_reset(kind: &'static str, world: &Arc<World>, mut chance: Chance) -> Option<Blow> {
    let (from, to, mut grip) = one(kind, world, &mut chance)?;
    let length = chance.millis(0, 12_000);
    Some(Box::pin(async move {
        grip.begins(format!("{from} and {to} for {length:?}"));
        let link = grip.world.link(from, to);
        link.set(Cable::Refused, Cable::Refused);
        link.reset();
        sleep(length).await;
        link.set(Cable::Open, Cable::Open);
    }))
}

/// Requests arrive and answers do not, or the other way round.
pub(crate) fn cut_one_way(kind: &'static str, world: &Arc<World>, mut chance: Chance) -> Option<Blow> {
    let (from, to, mut grip) = one(kind, world, &mut chance)?;
    let (length, answers) = (chance.millis(500, 15_000), chance.one_in(2));
    let what = if answers { "answers of" } else { "requests to" };
    Some(Box::pin(async move {
        grip.begins(format!("{what} {to} for {from} for {length:?}"));
        let link = grip.world.link(from, to);
        let (lost, heard) = (Cable::Silent, Cable::Open);
        if answers {
            link.set(heard, lost)
        } else {
            link.set(lost, heard)
        }
        sleep(length).await;
        link.set(heard, heard);
    }))
}

/// Everything takes longer, and little goes through.
pub(crate) fn slow_down(kind: &'static str, world: &Arc<World>, mut chance: Chance) -> Option<Blow> {
    let (from, to, mut grip) = one(kind, world, &mut chance)?;
    let length = chance.millis(2_000, 15_000);
    let mut slow =
        || Cable::Slow { delay: chance.millis(5, 600), bytes_per_second: 1_000 << chance.below(12) };
    let (forth, back) = (slow(), slow());
    Some(Box::pin(async move {
        grip.begins(format!("{from} to {to} for {length:?}: {forth:?}, back {back:?}"));
        let link = grip.world.link(from, to);
        link.set(forth, back);
        sleep(length).await;
        link.set(Cable::Open, Cable::Open);
    }))
}

/// One service loses everybody at once, as when its machine's cable is pulled.
pub(crate) fn cut_a_service_off(kind: &'static str, world: &Arc<World>, mut chance: Chance) -> Option<Blow> {
    let victim = *chance.pick(&Party::services()).expect("there are services");
    let pairs: Vec<_> =
        Party::links().into_iter().filter(|(from, to)| *from == victim || *to == victim).collect();
    let mut grip = world.take(kind, pairs.iter().map(|(from, to)| Subject::Link(*from, *to)))?;
    let (length, resets) = (chance.millis(1_000, 15_000), chance.one_in(2));
    Some(Box::pin(async move {
        grip.begins(format!("{victim} for {length:?}"));
        let links: Vec<_> = pairs.iter().map(|(from, to)| grip.world.link(*from, *to)).collect();
        cut_all(&links, length, resets).await;
    }))
}

/// Cuts several cables silently and mends them, with or without resets.
pub(super) async fn cut_all(links: &[Arc<Link>], length: Duration, resets: bool) {
    links.iter().for_each(|it| it.set(Cable::Silent, Cable::Silent));
    sleep(length).await;
    for link in links {
        link.set(Cable::Open, Cable::Open);
        if resets {
            link.reset();
        }
    }
}

/// A cable with a loose contact.
pub(crate) fn reset_again_and_again(
    kind: &'static str,
    world: &Arc<World>,
    mut chance: Chance,
) -> Option<Blow> {
    let (from, to, mut grip) = one(kind, world, &mut chance)?;
    let times = 3 + chance.below(12);
    Some(Box::pin(async move {
        grip.begins(format!("{from} and {to}, {times} times"));
        let link = grip.world.link(from, to);
        for _ in 0..times {
            link.reset();
            sleep(Duration::from_millis(100) + chance.millis(0, 1_200)).await;
        }
    }))
}

//! The storm: faults one after the other and over each other, until the time is over.

use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until};

use crate::chance::Chance;
use crate::faults::{KINDS, Kind};
use crate::world::World;

/// Milliseconds between two beginnings, least and most.
const PAUSE: (u64, u64) = (2_500, 10_500);
/// Faults that last at the same time at most.
const AT_ONCE: usize = 4;
/// How often a fault is drawn again because its victims are busy with another.
const DRAWS: u64 = 20;

/// Strikes for so long; returns when everything that was struck has come back.
pub(crate) async fn rage(world: &Arc<World>, seed: u64, length: Duration, only: Option<&str>) {
    let kinds: Vec<&Kind> =
        KINDS.iter().filter(|it| only.is_none_or(|only| it.name.contains(only))).collect();
    let end = tokio::time::Instant::now() + length;
    let (mut chance, mut blows) = (Chance::new(seed, 0), JoinSet::new());
    for number in 1.. {
        let next = tokio::time::Instant::now() + chance.millis(PAUSE.0, PAUSE.1);
        if next > end {
            break;
        }
        sleep_until(next).await;
        while blows.try_join_next().is_some() {}
        if blows.len() < AT_ONCE {
            strike(world, &kinds, Chance::new(seed, number), &mut blows);
        }
    }
    sleep_until(end).await;
    while let Some(blow) = blows.join_next().await {
        blow.expect("a fault does not panic");
    }
    mend(world).await;
}

/// Draws until a fault finds its victims free.
fn strike(world: &Arc<World>, kinds: &[&Kind], mut chance: Chance, blows: &mut JoinSet<()>) {
    let weights: u64 = kinds.iter().map(|it| it.weight).sum();
    for _ in 0..DRAWS {
        let mut drawn = chance.below(weights);
        let kind = kinds.iter().find(|it| {
            let found = drawn < it.weight;
            drawn = drawn.saturating_sub(it.weight);
            found
        });
        let Some(kind) = kind else { return };
        let stream = Chance::new(chance.below(u64::MAX), 0);
        if let Some(blow) = (kind.strike)(kind.name, world, stream) {
            blows.spawn(blow);
            return;
        }
    }
}

/// Whatever a fault may have left behind is as it was.
async fn mend(world: &World) {
    world.ground.network.heal();
    world.ground.clocks.values().for_each(|it| it.set_ahead(0));
    for process in world.ground.processes.values() {
        process.limit_files(None);
        process.signal(Signal::CONT);
        process.start();
    }
    // A connection that was held back learns of its end by its next byte.
    sleep(Duration::from_millis(100)).await;
}

//! The nemesis: strikes instances while the neighbours are busy.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;

use super::chance;
use super::line::Health;
use super::plan::SESSION;
use super::world::{Slot, World};

const HOUR: Duration = Duration::from_secs(3_600);

/// Strikes so often; returns when everything that it struck has come back.
pub(crate) async fn strike(world: Arc<World>, times: u64) {
    let mut blows = JoinSet::new();
    for _ in 0..times {
        sleep(chance::between(Duration::from_millis(50), Duration::from_secs(3))).await;
        let index = usize::try_from(chance::below(world.slots.len() as u64)).unwrap_or_default();
        if !std::mem::replace(&mut *world.slots[index].is_struck.lock(), true) {
            let world = Arc::clone(&world);
            blows.spawn(async move {
                let slot = &world.slots[index];
                blow(&world, slot).await;
                *slot.is_struck.lock() = false;
            });
        }
    }
    while let Some(blow) = blows.join_next().await {
        blow.expect("a blow does not panic");
    }
}

async fn blow(world: &World, slot: &Slot) {
    match chance::below(10) {
        0..=2 => crash(world, slot).await,
        3..=5 => stand_still(world, slot).await,
        6 => restart(world, slot).await,
        7 | 8 => evict(world, slot),
        _ => turn_clocks(world, slot),
    }
}

/// As `kill -9`: the group finds out after the session timeout, and a supervisor starts it again sooner or later.
async fn crash(world: &World, slot: &Slot) {
    let Some(instance) = slot.instance.lock().clone() else { return };
    instance.crash().await;
    *slot.instance.lock() = None;
    let line = Arc::clone(&instance.line);
    tokio::spawn(async move {
        sleep(SESSION).await;
        line.bury();
    });
    sleep(chance::between(Duration::ZERO, SESSION + Duration::from_secs(2))).await;
    world.start(slot).await;
}

/// A pause of the process, or a cut cable: long enough for the group to give its partitions away, or not.
async fn stand_still(world: &World, slot: &Slot) {
    let Some(instance) = slot.instance.lock().clone() else { return };
    let line = &instance.line;
    if chance::one_in(3) {
        line.becomes(Health::Stands);
    } else {
        line.becomes_while_appending(Health::Stands).await;
    }
    // It does not stand so long that the group would throw it out a second time.
    let pause = chance::between(Duration::from_millis(100), SESSION * 2 - Duration::from_millis(500));
    sleep(pause.min(SESSION)).await;
    if pause > SESSION {
        line.evict(&world.log);
        sleep(pause - SESSION).await;
    }
    line.becomes(Health::Runs);
}

/// A deploy.
async fn restart(world: &World, slot: &Slot) {
    let Some(instance) = slot.instance.lock().take() else { return };
    let name = instance.line.name.clone();
    // Callers who hold it are answered first.
    let mut instance = instance;
    let instance = loop {
        match Arc::try_unwrap(instance) {
            Ok(it) => break it,
            Err(held) => {
                instance = held;
                sleep(Duration::from_millis(50)).await;
            }
        }
    };
    if !instance.stop().await {
        world.history.lock().faults.push(format!("{name} does not stop"));
    }
    world.start(slot).await;
}

/// The group loses sight of an instance that goes on.
fn evict(world: &World, slot: &Slot) {
    let instance = slot.instance.lock().clone();
    if let Some(instance) = instance {
        instance.line.evict(&world.log);
    }
}

/// All clocks jump, or one goes wrong.
fn turn_clocks(world: &World, slot: &Slot) {
    if chance::one_in(2) {
        // All jumps of a run together are shorter than keys are remembered.
        world.time.jump(chance::between(Duration::ZERO, HOUR * 5));
    } else if let Some(instance) = slot.instance.lock().as_ref() {
        let hour = i64::try_from(HOUR.as_micros()).unwrap_or(i64::MAX);
        let skew = i64::try_from(chance::below(2 * hour.unsigned_abs())).unwrap_or_default() - hour;
        instance.skew.store(skew, Ordering::Relaxed);
    }
}

//! Faults of disks: from some moment on nothing more can be written. A limit on the size of files does what a full disk
//! does, to one process and without any privilege; the error has another number (`EFBIG`) and takes the same way.

use std::path::Path;
use std::sync::Arc;

use tokio::time::sleep;

use super::Blow;
use super::brokers::{bring_back, one};
use crate::chance::Chance;
use crate::party::Party;
use crate::world::{Subject, World};

/// Space that is left in one file at most: less than a batch often has.
const LEFT: u64 = 2_048;

/// A broker cannot write: it gives up its only directory and ends, again at each start while that lasts.
pub(crate) fn fill_the_disk_of_a_broker(
    kind: &'static str,
    world: &Arc<World>,
    mut chance: Chance,
) -> Option<Blow> {
    let (n, mut grip) = one(kind, world, &mut chance)?;
    let length = chance.millis(2_000, 12_000);
    Some(Box::pin(async move {
        let size = size_of_a_log(&grip.world.ground.broker_folder(n), &mut chance);
        let limit = size + 1 + chance.below(LEFT);
        grip.begins(format!("broker-{n} for {length:?}: no file beyond {limit} bytes"));
        let process = grip.world.process(Party::Broker(n));
        process.limit_files(Some(limit));
        sleep(length).await;
        process.limit_files(None);
        // Whoever has made room starts it again.
        process.kill().await;
        bring_back(&grip.world, n).await;
    }))
}

/// The length of one of the logs below: a limit just above it lets a part of the next batch through.
fn size_of_a_log(folder: &Path, chance: &mut Chance) -> u64 {
    let entries = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries(&folder.join("data")).flat_map(|it| entries(&it.path()));
    let logs = files.filter(|it| it.path().extension().is_some_and(|it| it == "log"));
    let mut sizes: Vec<_> = logs.filter_map(|it| Some(it.metadata().ok()?.len())).collect();
    sizes.sort_unstable();
    chance.pick(&sizes).copied().unwrap_or_default()
}

/// PostgreSQL cannot write its log ahead: it panics, cannot recover while that lasts, and ends.
pub(crate) fn fill_the_disk_of_postgres(
    kind: &'static str,
    world: &Arc<World>,
    mut chance: Chance,
) -> Option<Blow> {
    let mut grip = world.take(kind, [Subject::Process(Party::Postgres)])?;
    // Somewhere in a segment of the log ahead, which has 16 MiB from its beginning.
    let (length, limit) = (chance.millis(1_000, 8_000), chance.below(16 << 20));
    Some(Box::pin(async move {
        grip.begins(format!("for {length:?}: no file beyond {limit} bytes"));
        let process = grip.world.process(Party::Postgres);
        process.limit_files(Some(limit));
        sleep(length).await;
        process.limit_files(None);
    }))
}

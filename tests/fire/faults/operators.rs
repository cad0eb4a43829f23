//! What operators do in the middle of it: models are rebuilt and rolled back, and the command that does so may be killed.

use std::fs::File;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;

use projectors::registry;
use tokio::time::{Instant, sleep};

use super::Blow;
use crate::chance::Chance;
use crate::world::{Subject, World};

/// Nobody watches a rebuild for longer. Alone it takes a second; servers that are away hold it up.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often an ending is looked for.
const LOOK: Duration = Duration::from_millis(20);

/// `karmyq projections rebuild`.
pub(crate) fn rebuild_a_model(kind: &'static str, world: &Arc<World>, chance: Chance) -> Option<Blow> {
    work_on_a_model(kind, world, chance, "rebuild")
}

/// `karmyq projections rollback`, which is refused where nothing is kept.
pub(crate) fn roll_a_model_back(kind: &'static str, world: &Arc<World>, chance: Chance) -> Option<Blow> {
    work_on_a_model(kind, world, chance, "rollback")
}

fn work_on_a_model(
    kind: &'static str,
    world: &Arc<World>,
    mut chance: Chance,
    word: &'static str,
) -> Option<Blow> {
    let name = chance.pick(registry::PROJECTIONS)?.name;
    let mut grip = world.take(kind, [Subject::Projection(name)])?;
    let killed = chance.one_in(2).then(|| chance.millis(50, 3_000));
    Some(Box::pin(async move {
        grip.begins(killed.map_or_else(|| name.to_owned(), |it| format!("{name}, killed after {it:?}")));
        let ground = &grip.world.ground;
        let log = File::options().create(true).append(true).open(ground.site.log("operator"));
        let (said, errors) = log.and_then(|it| Ok((it.try_clone()?, it))).expect("a log file");
        let mut command = ground.karmyq_command(&["projections", word, name]).expect("its settings");
        let child = command.stdin(Stdio::null()).stdout(said).stderr(errors).spawn();
        let mut child = Mortal(child.expect("karmyq can be started"));
        let until = Instant::now() + killed.unwrap_or(PATIENCE);
        while child.0.try_wait().expect("a child").is_none() && Instant::now() < until {
            sleep(LOOK).await;
        }
    }))
}

/// A process that does not outlive whoever watches it.
struct Mortal(Child);

impl Drop for Mortal {
    fn drop(&mut self) {
        // It may have ended by itself.
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

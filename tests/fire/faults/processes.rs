//! Faults of processes: killed, stopped, paused, drained.

use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use tokio::time::sleep;

use super::Blow;
use crate::chance::Chance;
use crate::party::{COMMAND_APIS, Party};
use crate::world::{Subject, World};

/// Longer than a planned stop takes.
const STOP: Duration = Duration::from_secs(20);
/// How often an operator tries to take an instance back.
const RESUMES: usize = 5;

fn service(chance: &mut Chance) -> Party {
    *chance.pick(&Party::services()).expect("there are services")
}

/// `kill -9`, and a start sooner or later.
pub(crate) fn kill_a_service(kind: &'static str, world: &Arc<World>, mut chance: Chance) -> Option<Blow> {
    let victim = service(&mut chance);
    kill(kind, world, victim, chance.millis(0, 9_000))
}

/// The same, for a server.
fn kill(kind: &'static str, world: &Arc<World>, victim: Party, away: Duration) -> Option<Blow> {
    let mut grip = world.take(kind, [Subject::Process(victim)])?;
    Some(Box::pin(async move {
        grip.begins(format!("{victim}, started again after {away:?}"));
        let process = Arc::clone(grip.world.process(victim));
        process.kill().await;
        sleep(away).await;
        process.start();
    }))
}

/// Every command-api at once.
pub(crate) fn kill_all_writers(kind: &'static str, world: &Arc<World>, mut chance: Chance) -> Option<Blow> {
    let victims: Vec<_> = (1..=COMMAND_APIS).map(Party::CommandApi).collect();
    let mut grip = world.take(kind, victims.iter().map(|it| Subject::Process(*it)))?;
    let away = chance.millis(0, 4_000);
    Some(Box::pin(async move {
        grip.begins(format!("all, started again after {away:?}"));
        for victim in &victims {
            grip.world.process(*victim).kill().await;
        }
        sleep(away).await;
        victims.iter().for_each(|it| grip.world.process(*it).start());
    }))
}

/// So long that the group gives its partitions away; then it goes on as if nothing had happened.
pub(crate) fn pause_a_service_past_its_session(
    kind: &'static str,
    world: &Arc<World>,
    mut chance: Chance,
) -> Option<Blow> {
    let victim = service(&mut chance);
    pause(kind, world, victim, chance.millis(7_000, 14_000))
}

/// Long enough that something waits for it.
pub(crate) fn pause_a_service_briefly(
    kind: &'static str,
    world: &Arc<World>,
    mut chance: Chance,
) -> Option<Blow> {
    let victim = service(&mut chance);
    pause(kind, world, victim, chance.millis(200, 6_000))
}

fn pause(kind: &'static str, world: &Arc<World>, victim: Party, length: Duration) -> Option<Blow> {
    let mut grip = world.take(kind, [Subject::Process(victim)])?;
    Some(Box::pin(async move {
        grip.begins(format!("{victim} for {length:?}"));
        let process = grip.world.process(victim);
        process.signal(Signal::STOP);
        sleep(length).await;
        process.signal(Signal::CONT);
    }))
}

/// A planned stop, and a start.
pub(crate) fn restart_a_service(kind: &'static str, world: &Arc<World>, mut chance: Chance) -> Option<Blow> {
    let victim = service(&mut chance);
    restart(kind, world, victim, chance.millis(0, 2_000))
}

fn restart(kind: &'static str, world: &Arc<World>, victim: Party, away: Duration) -> Option<Blow> {
    let mut grip = world.take(kind, [Subject::Process(victim)])?;
    Some(Box::pin(async move {
        grip.begins(format!("{victim}, started again {away:?} after it has ended"));
        let process = Arc::clone(grip.world.process(victim));
        process.stop(STOP).await;
        sleep(away).await;
        process.start();
    }))
}

/// An operator empties an instance and takes it back.
pub(crate) fn drain_a_writer(kind: &'static str, world: &Arc<World>, mut chance: Chance) -> Option<Blow> {
    let victim = Party::CommandApi(1 + u8::try_from(chance.below(COMMAND_APIS.into())).unwrap_or_default());
    let mut grip = world.take(kind, [Subject::Process(victim)])?;
    let length = chance.millis(2_000, 8_000);
    Some(Box::pin(async move {
        grip.begins(format!("{victim} for {length:?}"));
        // It may be unreachable because of another fault; then it is drained by nobody.
        owners(&grip.world, "drain", victim).await;
        sleep(length).await;
        for _ in 0..RESUMES {
            if owners(&grip.world, "resume", victim).await {
                return;
            }
            sleep(Duration::from_secs(1)).await;
        }
        // A restart ends the wish, too.
        let process = Arc::clone(grip.world.process(victim));
        process.stop(STOP).await;
        process.start();
    }))
}

/// Runs `karmyq owners` for an instance; whether it did what it was told.
async fn owners(world: &Arc<World>, word: &'static str, of: Party) -> bool {
    let world = Arc::clone(world);
    let address = format!("http://{}", world.ground.places.of(of).proxy);
    let asked = tokio::task::spawn_blocking(move || world.ground.karmyq_output(&["owners", word, &address]));
    matches!(asked.await, Ok(Ok(output)) if output.status.success())
}

/// A planned restart; open transactions are aborted.
pub(crate) fn restart_postgres(kind: &'static str, world: &Arc<World>, mut chance: Chance) -> Option<Blow> {
    restart(kind, world, Party::Postgres, chance.millis(0, 3_000))
}

/// A crash with recovery.
pub(crate) fn kill_postgres(kind: &'static str, world: &Arc<World>, mut chance: Chance) -> Option<Blow> {
    kill(kind, world, Party::Postgres, chance.millis(500, 5_000))
}

/// Nobody can log in for a while; open sessions go on.
pub(crate) fn pause_postgres(kind: &'static str, world: &Arc<World>, mut chance: Chance) -> Option<Blow> {
    pause(kind, world, Party::Postgres, chance.millis(2_000, 10_000))
}

/// Nobody who has started needs it.
pub(crate) fn kill_the_registry(kind: &'static str, world: &Arc<World>, mut chance: Chance) -> Option<Blow> {
    kill(kind, world, Party::Registry, chance.millis(0, 10_000))
}

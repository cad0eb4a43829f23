//! Faults of brokers. One at a time is away, so that the other two can go on, except where the quorum is to be lost.

use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use tokio::time::sleep;

use super::Blow;
use super::links::cut_all;
use crate::chance::Chance;
use crate::party::{BROKERS, Party};
use crate::world::{Grip, Subject, World};

/// Longer than a planned stop takes, which hands leadership over first.
const STOP: Duration = Duration::from_secs(30);
/// How long a broker may take until it is a full member again.
const BACK: Duration = Duration::from_secs(60);

/// A broker, with the right to take it away.
pub(super) fn one(kind: &'static str, world: &Arc<World>, chance: &mut Chance) -> Option<(u8, Grip)> {
    let n = 1 + u8::try_from(chance.below(BROKERS.into())).unwrap_or_default();
    let grip = world.take(kind, [Subject::Majority, Subject::Process(Party::Broker(n))])?;
    Some((n, grip))
}

/// Starts a broker and waits until its copies are as long as their leaders', so that the next fault leaves a majority.
pub(super) async fn bring_back(world: &Arc<World>, n: u8) {
    world.process(Party::Broker(n)).start();
    let back = async {
        while !is_replicated(world).await {
            sleep(Duration::from_secs(2)).await;
        }
    };
    // When it takes longer the run goes on all the same: then two may be away.
    drop(tokio::time::timeout(BACK, back).await);
}

/// Whether every partition has all its copies. Nobody answers while there is no controller.
async fn is_replicated(world: &Arc<World>) -> bool {
    let world = Arc::clone(world);
    let asked = tokio::task::spawn_blocking(move || {
        let tool = "org.apache.kafka.tools.TopicCommand";
        world.ground.kafka_tool(&[tool, "--describe", "--under-replicated-partitions"])
    });
    matches!(asked.await, Ok(Ok(told)) if told.status.success() && told.stdout.iter().all(u8::is_ascii_whitespace))
}

/// `kill -9`: what it had not flushed is still in the page cache, as on a machine that goes on.
pub(crate) fn kill_a_broker(kind: &'static str, world: &Arc<World>, mut chance: Chance) -> Option<Blow> {
    let (n, mut grip) = one(kind, world, &mut chance)?;
    let away = chance.millis(0, 10_000);
    Some(Box::pin(async move {
        grip.begins(format!("broker-{n}, started again after {away:?}"));
        grip.world.process(Party::Broker(n)).kill().await;
        sleep(away).await;
        bring_back(&grip.world, n).await;
    }))
}

/// A planned stop: leaders move, then it ends and comes back.
pub(crate) fn restart_a_broker(kind: &'static str, world: &Arc<World>, mut chance: Chance) -> Option<Blow> {
    let (n, mut grip) = one(kind, world, &mut chance)?;
    Some(Box::pin(async move {
        grip.begins(format!("broker-{n}"));
        grip.world.process(Party::Broker(n)).stop(STOP).await;
        bring_back(&grip.world, n).await;
    }))
}

/// It stands still, shorter or longer than its own session with the controller.
pub(crate) fn pause_a_broker(kind: &'static str, world: &Arc<World>, mut chance: Chance) -> Option<Blow> {
    let (n, mut grip) = one(kind, world, &mut chance)?;
    let length = chance.millis(500, 14_000);
    Some(Box::pin(async move {
        grip.begins(format!("broker-{n} for {length:?}"));
        let process = grip.world.process(Party::Broker(n));
        process.signal(Signal::STOP);
        sleep(length).await;
        process.signal(Signal::CONT);
    }))
}

/// Two brokers stand still: nothing can be committed, and nothing may be lost.
pub(crate) fn lose_the_quorum(kind: &'static str, world: &Arc<World>, mut chance: Chance) -> Option<Blow> {
    let away = chance.shuffled((1..=BROKERS).map(Party::Broker).collect());
    let away: Vec<_> = away.into_iter().skip(1).collect();
    let subjects = away.iter().map(|it| Subject::Process(*it)).chain([Subject::Majority]);
    let mut grip = world.take(kind, subjects)?;
    let length = chance.millis(1_000, 6_000);
    Some(Box::pin(async move {
        let names: Vec<_> = away.iter().map(ToString::to_string).collect();
        grip.begins(format!("{} for {length:?}", names.join(" and ")));
        away.iter().for_each(|it| grip.world.process(*it).signal(Signal::STOP));
        sleep(length).await;
        away.iter().for_each(|it| grip.world.process(*it).signal(Signal::CONT));
    }))
}

/// The others do not hear of it any more, while clients still reach it: a leader without followers.
pub(crate) fn cut_a_broker_off(kind: &'static str, world: &Arc<World>, mut chance: Chance) -> Option<Blow> {
    let victim = Party::Broker(1 + u8::try_from(chance.below(BROKERS.into())).unwrap_or_default());
    let others = (1..=BROKERS).map(Party::Broker).filter(|it| *it != victim);
    let pairs: Vec<_> = others.flat_map(|it| [(victim, it), (it, victim)]).collect();
    let subjects = pairs.iter().map(|(from, to)| Subject::Link(*from, *to));
    let subjects = subjects.chain([Subject::Majority, Subject::Process(victim)]);
    let mut grip = world.take(kind, subjects)?;
    let (length, resets) = (chance.millis(2_000, 15_000), chance.one_in(2));
    Some(Box::pin(async move {
        grip.begins(format!("{victim} from the others for {length:?}"));
        let links: Vec<_> = pairs.iter().map(|(from, to)| grip.world.link(*from, *to)).collect();
        cut_all(&links, length, resets).await;
    }))
}

/// Leadership moves while everybody is there.
pub(crate) fn move_leaders_back(kind: &'static str, world: &Arc<World>, _chance: Chance) -> Option<Blow> {
    let mut grip = world.take(kind, [Subject::Majority])?;
    Some(Box::pin(async move {
        grip.begins("to the preferred brokers".to_owned());
        let world = Arc::clone(&grip.world);
        let tool = ["org.apache.kafka.tools.LeaderElectionCommand", "--election-type", "preferred"];
        let asked = tokio::task::spawn_blocking(move || {
            world.ground.kafka_tool(&[tool[0], tool[1], tool[2], "--all-topic-partitions"])
        });
        // It says so when there was nothing to be moved, or nobody to ask.
        drop(asked.await);
    }))
}

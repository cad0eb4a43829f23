//! Faults of the wall clock: it jumps, and jumps back. What only counts seconds stays right.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::Blow;
use crate::chance::Chance;
use crate::party::{COMMAND_APIS, Party};
use crate::world::{Grip, Subject, World};

/// Brokers take nothing whose time is more than an hour ahead of theirs, by default.
const FURTHEST_SECONDS: u64 = 59 * 60;

/// Ahead or behind.
fn wrong_by(chance: &mut Chance) -> i64 {
    let seconds = i64::try_from(1 + chance.below(FURTHEST_SECONDS)).unwrap_or_default();
    if chance.one_in(2) { seconds } else { -seconds }
}

/// The clock of one service jumps a few times; it may be killed and come back meanwhile.
pub(crate) fn jump_a_clock(kind: &'static str, world: &Arc<World>, mut chance: Chance) -> Option<Blow> {
    let victim = *chance.pick(&Party::services()).expect("there are services");
    let grip = world.take(kind, [Subject::Clock(victim)])?;
    let jumps = 1 + chance.below(4);
    let jumps = (0..jumps).map(|_| vec![(victim, wrong_by(&mut chance))]).collect();
    Some(Box::pin(jump(grip, jumps, chance)))
}

/// Every writer has another time of day.
pub(crate) fn jump_all_writers_clocks(
    kind: &'static str,
    world: &Arc<World>,
    mut chance: Chance,
) -> Option<Blow> {
    let victims: Vec<_> = (1..=COMMAND_APIS).map(Party::CommandApi).collect();
    let grip = world.take(kind, victims.iter().map(|it| Subject::Clock(*it)))?;
    let jumps = 1 + chance.below(3);
    let jumps = (0..jumps).map(|_| victims.iter().map(|it| (*it, wrong_by(&mut chance))).collect()).collect();
    Some(Box::pin(jump(grip, jumps, chance)))
}

/// Sets clocks wrong, one setting after the other, and right again.
async fn jump(mut grip: Grip, jumps: Vec<Vec<(Party, i64)>>, mut chance: Chance) {
    let told = jumps.iter().map(|settings| {
        let settings: Vec<_> = settings.iter().map(|(of, seconds)| format!("{of} {seconds:+} s")).collect();
        settings.join(" and ")
    });
    grip.begins(told.collect::<Vec<_>>().join(", then "));
    for settings in &jumps {
        for (of, seconds) in settings {
            grip.world.clock(*of).set_ahead(*seconds);
        }
        sleep(Duration::from_secs(1) + chance.millis(0, 9_000)).await;
    }
    for (of, _) in jumps.iter().flatten() {
        grip.world.clock(*of).set_ahead(0);
    }
}

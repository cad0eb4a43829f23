//! Explores a model, and tells a counter-example in lines that a person can follow.

use std::fmt;

use stateright::{Checker, HasDiscoveries, Model};

use crate::broker::Status;
use crate::properties::{MUST_HAPPEN, MUST_HOLD};
use crate::step::{Step, letter};
use crate::world::{World, WriteSide};

/// What an exploration found.
#[derive(Debug)]
pub struct Exploration {
    /// How many different worlds there are; when something does not hold, how many were seen until then.
    pub worlds: usize,
    /// How many worlds the longest history has that was needed to see them.
    pub depth: usize,
    /// What does not hold.
    pub violated: Vec<&'static str>,
    /// What never happened.
    pub never: Vec<&'static str>,
}

/// A history that ends with a violation.
#[derive(Debug)]
pub struct CounterExample {
    /// What does not hold.
    pub property: &'static str,
    /// What happened, and the world after it.
    pub history: Vec<(Step, World)>,
}

/// Explores every world, or stops when something does not hold.
#[must_use]
pub fn explore(model: WriteSide, threads: usize) -> Exploration {
    let checker =
        model.checker().threads(threads).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let found = checker.discoveries();
    let names = |all: &[(&'static str, _)]| all.iter().map(|(it, _)| *it).collect::<Vec<_>>();
    Exploration {
        worlds: checker.unique_state_count(),
        depth: checker.max_depth(),
        violated: names(&MUST_HOLD).into_iter().filter(|it| found.contains_key(it)).collect(),
        never: names(&MUST_HAPPEN).into_iter().filter(|it| !found.contains_key(it)).collect(),
    }
}

/// One of the shortest histories that end with a violation, always the same; none when everything holds.
#[must_use]
pub fn counter_example(model: WriteSide) -> Option<CounterExample> {
    let mut shortest = found_within(model, usize::MAX)?;
    // The checker looks at worlds in blocks and keeps the last violation of a block, which may not be the nearest.
    while let Some(shorter) = found_within(model, shortest.history.len() + 1) {
        shortest = shorter;
    }
    Some(shortest)
}

/// A violation in a history of fewer than so many worlds.
fn found_within(model: WriteSide, worlds: usize) -> Option<CounterExample> {
    let checker = model.checker().finish_when(HasDiscoveries::AnyFailures).target_max_depth(worlds);
    let found = checker.spawn_bfs().join().discoveries();
    let (property, path) = MUST_HOLD.iter().find_map(|(it, _)| Some((*it, found.get(it)?.clone())))?;
    let path = path.into_vec();
    let steps: Vec<Step> = path.iter().filter_map(|(_, step)| *step).collect();
    let worlds = path.into_iter().skip(1).map(|(world, _)| world);
    Some(CounterExample { property, history: steps.into_iter().zip(worlds).collect() })
}

impl fmt::Display for CounterExample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "does not hold: {}", self.property)?;
        let mut acknowledged = 0;
        for ((step, world), number) in self.history.iter().zip(1..) {
            writeln!(f, "{number:>3}  {:<52} {}", step.to_string(), Log(world))?;
            let told = world.clients.acknowledged & !acknowledged;
            for command in (0..8).filter(|it| told & (1 << it) != 0) {
                writeln!(f, "{:>3}  └ c{} is acknowledged", "", command + 1)?;
            }
            acknowledged = world.clients.acknowledged;
        }
        Ok(())
    }
}

/// The log in one line: each record with its command, the version it makes, who wrote it, and whether it counts.
/// Aborted records are left out, for nobody reads them.
struct Log<'a>(&'a World);

impl fmt::Display for Log<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (transaction, record) in &self.0.broker.log {
            let it = &self.0.broker.transactions[usize::from(*transaction)];
            let status = match it.status {
                Status::Open => "open",
                Status::Committing => "committing",
                Status::Committed => "committed",
                Status::Aborted => "aborted",
            };
            let (command, version, by) =
                (record.command + 1, record.on.version() + 1, letter(it.by.instance));
            write!(f, "[c{command} v{version} {by} {status}]")?;
        }
        Ok(())
    }
}

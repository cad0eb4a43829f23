//! The simulation: the real write side on the in-memory log, under every fault at every await, from seeds.
//!
//! A run begins with a number. From it follow the schedule, the faults, what people want, and all chance that the code
//! under test asks for, so a seed that fails fails again. Time is paused: a run takes minutes of it and milliseconds of
//! ours. `plan` says what may go wrong, `line`, `faulty` and `deliveries` stand between an instance and the log, `nemesis` strikes
//! instances, `neighbours` want things, `settling` is the end of it, `world` holds a run together, and the checker of this
//! crate judges it.
//!
//! `KARMYQ_SEEDS=100000` runs more of them, `KARMYQ_SEED=17` one alone with its whole history.

mod chance;
mod deliveries;
mod faulty;
mod instance;
mod line;
mod neighbours;
mod nemesis;
mod plan;
mod planted;
mod run;
mod settling;
mod world;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use event_schemas::Payload;
use parking_lot::Mutex;
use tests::checker::Answer;

use plan::Mutant;
use run::{Outcome, run};

/// Seeds that a run of the tests tries: two minutes on two cores. `KARMYQ_SEEDS` is for longer runs.
const SEEDS: u64 = 10_000;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|it| it.parse().expect("a number"))
}

/// Seeds that failed once, each with what it found.
const FOUND_SOMETHING: [u64; 0] = [];

/// Runs seeds on as many threads as there are cores; returns the lowest one that fails.
fn first_failure(seeds: u64, mutant: Option<Mutant>, seen: &Seen) -> Option<Outcome> {
    let (next, failed) = (AtomicU64::new(0), Mutex::new(None::<Outcome>));
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds || failed.lock().as_ref().is_some_and(|it| it.seed < seed) {
                        return;
                    }
                    let outcome = run(seed, mutant);
                    seen.note(&outcome);
                    let mut failed = failed.lock();
                    if !outcome.violations.is_empty() && failed.as_ref().is_none_or(|it| it.seed > seed) {
                        *failed = Some(outcome);
                    }
                }
            });
        }
    });
    failed.into_inner()
}

/// What the runs came across, so that nobody takes runs in which nothing happens for proof.
#[derive(Debug, Default)]
struct Seen(Mutex<BTreeSet<&'static str>>);

impl Seen {
    fn note(&self, outcome: &Outcome) {
        let mut seen = self.0.lock();
        seen.extend(outcome.history.events.iter().map(|it| it.record.payload.entry().name));
        seen.extend(outcome.history.attempts.iter().map(|it| match &it.answer {
            Answer::Appended { replayed: Some(true), .. } => "an answer again",
            Answer::Appended { .. } => "an answer",
            Answer::Unchanged => "nothing to do",
            Answer::Refused(_) => "a refusal",
            Answer::NotTaken(_) => "an abort or a move",
            Answer::Unknown(_) => "an unknown outcome",
        }));
    }
}

/// What thousands of runs come across for certain.
const COMMON: [&str; 19] = [
    "an answer",
    "an answer again",
    "nothing to do",
    "a refusal",
    "an abort or a move",
    "an unknown outcome",
    "UserRegistered",
    "UserJoinedCommunity",
    "UserLeftCommunity",
    "ExchangeCounted",
    "RequestExpired",
    "RequestDetached",
    "RequestTextForgotten",
    "MatchRejected",
    "MatchCompleted",
    "ExchangeReceived",
    "QualityCounted",
    "NotificationRaised",
    "NotificationsPurged",
];

#[test]
fn every_seed_keeps_the_contract() {
    if let Some(seed) = number("KARMYQ_SEED") {
        let outcome = run(seed, None);
        assert!(outcome.violations.is_empty(), "{}\n{}", outcome.history, outcome.report());
        return;
    }
    let (seeds, seen) = (number("KARMYQ_SEEDS").unwrap_or(SEEDS), Seen::default());
    if let Some(outcome) = first_failure(seeds, None, &seen) {
        panic!("{}", outcome.report());
    }
    let seen = seen.0.into_inner();
    let missed: Vec<_> = COMMON.iter().filter(|it| !seen.contains(*it)).collect();
    assert!(missed.is_empty() || seeds < SEEDS, "{seeds} seeds never came across {missed:?}");
}

#[test]
fn seeds_that_found_something_find_it_no_more() {
    for seed in FOUND_SOMETHING {
        let outcome = run(seed, None);
        assert!(outcome.violations.is_empty(), "{}", outcome.report());
    }
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in 0..200 {
        let (once, again) = (run(seed, None), run(seed, None));
        assert_eq!(once.digest(), again.digest(), "{}\n{}", once.history, again.history);
    }
}

/// Runs with a broken rule; the seeds that are enough to notice are far fewer than those of every day.
#[track_caller]
fn is_noticed(mutant: Mutant) {
    let outcome = first_failure(SEEDS, Some(mutant), &Seen::default());
    let outcome = outcome.unwrap_or_else(|| panic!("nobody notices {mutant:?}"));
    let rules: BTreeSet<_> = outcome.violations.iter().map(|it| it.rule).collect();
    eprintln!("{mutant:?}: seed {} breaks {rules:?}", outcome.seed);
}

#[test]
fn a_missing_fence_is_noticed() {
    is_noticed(Mutant::NoFence);
}

#[test]
fn a_replay_to_the_stable_offset_is_noticed() {
    is_noticed(Mutant::StableOffsetOnly);
}

#[test]
fn an_answer_before_the_commit_is_noticed() {
    is_noticed(Mutant::AnswerBeforeCommit);
}

#[test]
fn a_takeover_without_ledger_is_noticed() {
    is_noticed(Mutant::NoLedger);
}

#[test]
fn offsets_that_are_committed_apart_are_noticed() {
    is_noticed(Mutant::OffsetsApart);
}

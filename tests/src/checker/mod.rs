//! The checker: what must be true of a history, whatever happened while it came about.
//!
//! It is pure: a [`History`] holds what clients sent and were told, and what stands in the log at the end, when every
//! fault is healed and everything that is due has fired. The simulation and the harness on real servers fill one each.
//!
//! `answers` compares what clients were told with the log · `order` counts versions and times · `policies` follows
//! commands between aggregates · `rules` holds sums and caps of the domain · `replay` folds the log again · `reads` looks
//! at what the read side showed.

mod answers;
mod history;
mod order;
mod policies;
mod reads;
mod replay;
mod rules;

use std::fmt;

pub use history::{Answer, Attempt, History, Logged, Observed, Read, Shown, Table, Unreadable};

/// A sentence of the contract that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Which one.
    pub rule: Rule,
    /// Id of the aggregate that it is about; its history tells more.
    pub aggregate: String,
    /// What was found.
    pub found: String,
}

/// What the checker holds a history against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// What was acknowledged stands in the log, where the answer said.
    AcknowledgedIsKept,
    /// A command is applied once.
    AppliedOnce,
    /// The same key gets the same answer.
    SameKeySameAnswer,
    /// Where everybody was told that nothing was taken, nothing was.
    NotTakenIsTrue,
    /// Where nothing is wrong, every command is answered.
    EverythingIsAnswered,
    /// Versions of an aggregate are 1..n.
    VersionsCount,
    /// Times of a partition never decrease.
    TimesNeverDecrease,
    /// An id names one event.
    IdsAreUnique,
    /// A data key is drawn once: what was sealed under an earlier one of its name could not be read any more.
    KeysAreDrawnOnce,
    /// What follows from something names it as its cause, and the call with which all began.
    CausesAreNamed,
    /// Every event has sent its policies' commands, each once, and nothing else has sent any.
    PoliciesSendOnce,
    /// Every policy's command has had its effect, once.
    PoliciesReachTheirTarget,
    /// Nothing was given up.
    NothingIsBuried,
    /// A request has one accepted match.
    OneAcceptedMatch,
    /// A community has no more members than its cap, and each once.
    MembersWithinCap,
    /// The karma of an exchange is its pool, and sums add up.
    KarmaAddsUp,
    /// Nobody is told the same thing twice.
    ToldOnce,
    /// An owner's state is the fold of the log.
    StateIsTheFold,
    /// An answer that brought nothing about names where the last event of its aggregate stands.
    NamesTheLastEvent,
    /// Whoever names the position of an acknowledged command reads what it brought about.
    ReadsNeverGoBack,
    /// Read models are the fold of the log.
    ReadModelsAreTheFold,
    /// Timers fire, and not before their time.
    TimersFireOnTime,
    /// Nothing stays undecided in the log.
    NothingHangs,
    /// No client was told of a fault of ours.
    NoFault,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} of {}: {}", self.rule, self.aggregate, self.found)
    }
}

/// Everything that is wrong with a history.
#[must_use]
pub fn violations(history: &History) -> Vec<Violation> {
    let mut found = Findings::default();
    answers::check(history, &mut found);
    order::check(history, &mut found);
    policies::check(history, &mut found);
    rules::check(history, &mut found);
    replay::check(history, &mut found);
    reads::check(history, &mut found);
    found.0
}

/// Collects violations.
#[derive(Debug, Default)]
struct Findings(Vec<Violation>);

impl Findings {
    fn note(&mut self, rule: Rule, aggregate: impl ToString, found: impl Into<String>) {
        self.0.push(Violation { rule, aggregate: aggregate.to_string(), found: found.into() });
    }
}

#[cfg(test)]
mod tests;

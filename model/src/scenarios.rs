//! What is explored: bounds that are small enough to be seen whole, each around one kind of trouble.

use crate::bounds::Bounds;
use crate::rules::Rule;

/// Bounds with a name and a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is about.
    pub about: &'static str,
    /// What may happen in it.
    pub bounds: Bounds,
}

const CALM: Bounds = Bounds::CALM;

/// Every scenario that holds under all rules.
pub const SCENARIOS: [Scenario; 10] = [
    Scenario {
        name: "crash",
        about: "an owner dies with requests on their way, commits are not answered, clients repeat",
        bounds: Bounds { asks: 2, crashes: 1, sessions: 1, unknown: 1, ..CALM },
    },
    Scenario {
        name: "abort",
        about: "windows are not delivered or given up, an owner dies, clients repeat",
        bounds: Bounds { asks: 2, crashes: 1, aborts: 1, ..CALM },
    },
    Scenario {
        name: "pause",
        about: "an owner stands still for longer than its session, wakes up anywhere and joins anew",
        bounds: Bounds { asks: 2, expiries: 1, sessions: 1, ..CALM },
    },
    Scenario {
        name: "pauses",
        about: "two pauses: also the successor stands still, or the first one twice",
        bounds: Bounds { expiries: 2, sessions: 1, ..CALM },
    },
    Scenario {
        name: "unknown",
        about: "a pause, and a commit that arrives late, without answer, or after the broker has given up",
        bounds: Bounds { expiries: 1, sessions: 1, unknown: 1, timeouts: 1, ..CALM },
    },
    Scenario {
        name: "windows",
        about: "a pause, with windows of two records and a third command",
        bounds: Bounds { commands: 3, expiries: 1, ..CALM },
    },
    Scenario {
        name: "move",
        about: "the group moves the partition to and fro, takeovers are asked back half-way",
        bounds: Bounds { asks: 2, moves: 3, ..CALM },
    },
    Scenario {
        name: "overdue",
        about: "a revocation is not answered in time",
        bounds: Bounds { moves: 2, overdue: 1, sessions: 1, ..CALM },
    },
    Scenario {
        name: "mixed",
        about: "a crash and a pause, and both come back",
        bounds: Bounds { expiries: 1, crashes: 1, sessions: 2, ..CALM },
    },
    Scenario {
        name: "three",
        about: "three instances, a pause, and a move of the partition",
        bounds: Bounds { instances: 3, expiries: 1, moves: 1, ..CALM },
    },
];

impl Scenario {
    /// The scenario of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        SCENARIOS.into_iter().find(|it| it.name == name)
    }
}

impl Rule {
    /// The name of the smallest scenario in which it is missed.
    #[must_use]
    pub const fn missed_in(self) -> &'static str {
        match self {
            Self::OneGroup
            | Self::Fence
            | Self::FenceLast
            | Self::HighWatermark
            | Self::ReplayWaits
            | Self::Epochs
            | Self::LossIsFinal
            | Self::LossesLast => "pause",
            Self::NothingAfterFence => "windows",
            Self::RevocationWaits | Self::OwnLoad => "move",
            Self::AnswerAfterCommit | Self::Ledger | Self::UnknownEndsSession | Self::PendingIsKnown => {
                "crash"
            }
            Self::Gate | Self::UndoTogether => "abort",
        }
    }
}

//! The rules that make the write side safe, each of which can be taken out.

use std::fmt;
use std::str::FromStr;

/// A rule of the write side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// All instances are members of one group, and the live generation is checked (W1, rule 1).
    OneGroup,
    /// A transaction presents the generation before it commits (W1, rule 2).
    Fence,
    /// The fence comes after the last delivery (W1, rule 2).
    FenceLast,
    /// Nothing is produced between the fence and the commit (W1, rule 2).
    NothingAfterFence,
    /// A takeover reads to the high watermark, not to the last stable offset (W1, rule 3).
    HighWatermark,
    /// A takeover waits until everything below that is decided and replayed (W1, rule 3).
    ReplayWaits,
    /// A revocation is answered only when nothing more will be appended (W1, rule 3).
    RevocationWaits,
    /// A predecessor's transactional ids are taken over (W1, rule 4): for speed, not for safety.
    Epochs,
    /// A generation proves nothing for a session that has lost partitions, be it as good as it may (W1, rule 1).
    LossIsFinal,
    /// Whether partitions were lost is looked up after the generation was taken, not before (W1, rule 1).
    LossesLast,
    /// What was loaded serves the assignment it was loaded for, and no later one (W1, rule 3).
    OwnLoad,
    /// A lane that was given up cannot commit any more.
    Gate,
    /// With an aborted window goes the one that was decided on top of it.
    UndoTogether,
    /// An unknown outcome ends the session; it is never taken for an abort.
    UnknownEndsSession,
    /// A client is answered when its events are committed.
    AnswerAfterCommit,
    /// A key is looked for in the windows under way, too (W2).
    PendingIsKnown,
    /// The ledger is part of what a takeover folds (W2).
    Ledger,
}

impl Rule {
    /// All rules.
    pub const ALL: [Self; 17] = [
        Self::OneGroup,
        Self::Fence,
        Self::FenceLast,
        Self::NothingAfterFence,
        Self::HighWatermark,
        Self::ReplayWaits,
        Self::RevocationWaits,
        Self::Epochs,
        Self::LossIsFinal,
        Self::LossesLast,
        Self::OwnLoad,
        Self::Gate,
        Self::UndoTogether,
        Self::UnknownEndsSession,
        Self::AnswerAfterCommit,
        Self::PendingIsKnown,
        Self::Ledger,
    ];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OneGroup => "one-group",
            Self::Fence => "fence",
            Self::FenceLast => "fence-last",
            Self::NothingAfterFence => "nothing-after-fence",
            Self::HighWatermark => "high-watermark",
            Self::ReplayWaits => "replay-waits",
            Self::RevocationWaits => "revocation-waits",
            Self::Epochs => "epochs",
            Self::LossIsFinal => "loss-is-final",
            Self::LossesLast => "losses-last",
            Self::OwnLoad => "own-load",
            Self::Gate => "gate",
            Self::UndoTogether => "undo-together",
            Self::UnknownEndsSession => "unknown-ends-session",
            Self::PendingIsKnown => "pending-is-known",
            Self::AnswerAfterCommit => "answer-after-commit",
            Self::Ledger => "ledger",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let names = || Self::ALL.map(Self::name).join(", ");
        Self::ALL
            .into_iter()
            .find(|it| it.name() == name)
            .ok_or_else(|| format!("no rule, but one of: {}", names()))
    }
}

/// The rules that are in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules(u32);

impl Rules {
    /// Every rule.
    #[must_use]
    pub const fn all() -> Self {
        Self(u32::MAX)
    }

    /// These rules but this one.
    #[must_use]
    pub const fn without(self, rule: Rule) -> Self {
        Self(self.0 & !(1 << rule as u32))
    }

    /// Whether the rule is in place.
    #[must_use]
    pub const fn have(self, rule: Rule) -> bool {
        self.0 & (1 << rule as u32) != 0
    }
}

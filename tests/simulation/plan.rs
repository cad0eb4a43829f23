//! What may go wrong in a run: drawn once from its seed, so that runs differ in kind and not only in time.

use std::time::Duration;

use super::chance;

/// How long a silent instance keeps its partitions.
pub(crate) const SESSION: Duration = Duration::from_secs(6);
/// After which a transaction that nobody ends is ended by the broker.
pub(crate) const TRANSACTION: Duration = Duration::from_secs(10);

/// A rule that is broken on purpose, to see that the simulation notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// Transactions are committed whatever the fence says.
    NoFence,
    /// Replays end at the last stable offset instead of the high watermark.
    StableOffsetOnly,
    /// Callers are answered before the commit, which may still fail.
    AnswerBeforeCommit,
    /// What a takeover reads has no command ids any more, so that no repeat is known.
    NoLedger,
    /// Consumed offsets are committed by themselves, before what was made of the records.
    OffsetsApart,
}

/// How often what goes wrong: once in so many times, 0 for never.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Instances at the same time.
    pub(crate) instances: usize,
    /// Commands of the clients.
    pub(crate) commands: u64,
    /// Blows that the nemesis strikes.
    pub(crate) blows: u64,
    /// Calls to the log that take long.
    pub(crate) slow: u64,
    /// Calls to the log that fail.
    pub(crate) failing: u64,
    /// Windows that are aborted.
    pub(crate) aborted: u64,
    /// Windows that are fenced, as if another owner had come.
    pub(crate) fenced: u64,
    /// Answers to commits that are lost, before or after the commit.
    pub(crate) lost: u64,
    /// Commands of policies that an instance gets again, alone or with those before them.
    pub(crate) doubled: u64,
    /// Whether data keys come to an instance late.
    pub(crate) late_keys: bool,
    /// Events of a partition after which its owner writes a snapshot.
    pub(crate) snapshot_every: u64,
    /// Whether nobody hears who owned a partition before, so that no predecessor's ids are taken over: rule 4 of
    /// invariant W1 is for speed, the others are safe without it.
    pub(crate) deaf: bool,
    /// The broken rule, if any.
    pub(crate) mutant: Option<Mutant>,
}

impl Plan {
    /// Draws a plan.
    pub(crate) fn draw(mutant: Option<Mutant>) -> Self {
        let often = || [0, 0, 40, 15, 6][usize::try_from(chance::below(5)).unwrap_or_default()];
        Self {
            instances: 2 + usize::from(chance::one_in(3)),
            commands: 12 + chance::below(12),
            blows: 1 + chance::below(4),
            slow: often(),
            failing: often() * 4,
            aborted: often(),
            fenced: often() * 2,
            lost: often(),
            doubled: often(),
            snapshot_every: [3, 10, 40, 20_000][usize::try_from(chance::below(4)).unwrap_or_default()],
            deaf: chance::one_in(3),
            late_keys: chance::one_in(4),
            mutant,
        }
    }
}

//! How much may happen in one history: what keeps the number of worlds finite.

/// How many there are of everything, and how often each fault may strike. What is left of the counts is part of a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bounds {
    /// Instances of command-api, 1-3.
    pub instances: u8,
    /// Commands of clients, each with a key of its own, 1-4.
    pub commands: u8,
    /// How often each command is asked for at most, repeats included.
    pub asks: u8,
    /// How often the coordinator gives up on an instance that lives: it was silent for a session timeout.
    pub expiries: u8,
    /// How often the group takes the partition from an owner that lives and is well.
    pub moves: u8,
    /// How often a revocation is not answered in time, so that the group goes on without the answer.
    pub overdue: u8,
    /// How often an instance dies.
    pub crashes: u8,
    /// How often an instance starts a session after its first one: after a crash, a fence, or an unknown outcome.
    pub sessions: u8,
    /// How often the answer to a commit does not come, whether the commit arrived, is late, or is lost.
    pub unknown: u8,
    /// How often a window is not delivered in time.
    pub aborts: u8,
    /// How often the broker ends a transaction of a lane that lives, because it was open for too long.
    pub timeouts: u8,
}

impl Bounds {
    /// Two instances and two commands, and nothing ever goes wrong.
    pub const CALM: Self = Self {
        instances: 2,
        commands: 2,
        asks: 1,
        expiries: 0,
        moves: 0,
        overdue: 0,
        crashes: 0,
        sessions: 0,
        unknown: 0,
        aborts: 0,
        timeouts: 0,
    };
}

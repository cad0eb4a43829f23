//! What can happen next, in words.

use std::fmt;

use crate::broker::Command;

/// One thing that somebody does. Instances, lanes, loads, transactions and late requests are named by number from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// A client asks this instance for a command, for the first time or again.
    Ask(Command, u8),
    /// The actor hands its open window to a lane.
    HandOver(u8),
    /// The actor learns what became of its window.
    Land(u8),
    /// The actor hears what the group has told.
    Hear(u8),
    /// The actor answers the revocations.
    LetGo(u8),
    /// A takeover ends the transactions of whoever announced itself last.
    FencePredecessor(u8),
    /// A takeover asks for the end of the log.
    ReadEnd(u8, u8),
    /// A takeover has replayed, and the actor serves the partition.
    Serve(u8, u8),
    /// A lane begins its window.
    Begin(u8, u8),
    /// The next record of a lane arrives and is acknowledged.
    Deliver(u8, u8),
    /// The next record of a lane is not delivered in time.
    Undelivered(u8, u8),
    /// The owner of a lane waits no longer for its window; the lane may go on.
    WaitedTooLong(u8, u8),
    /// A lane takes the generation that the consumer knows.
    TakeGeneration(u8, u8),
    /// A lane looks up whether partitions were lost.
    LookUpLosses(u8, u8),
    /// A lane's consumed offsets arrive at the group's coordinator.
    FenceArrives(u8, u8),
    /// A lane whose generation was refused begins once more under the next one.
    Retry(u8, u8),
    /// A lane whose generation was refused gives up.
    GiveUp(u8, u8),
    /// A lane's commit arrives and is answered.
    CommitArrives(u8, u8),
    /// A lane's commit arrives and the answer is lost.
    CommitUnanswered(u8, u8),
    /// A lane's commit is late, or lost.
    CommitLate(u8, u8),
    /// A request arrives whose sender does not wait for it any more.
    ArriveLate(u8),
    /// The coordinator takes the partition from its owner, which has to give it back first.
    Move,
    /// The coordinator gives the partition to this instance.
    Assign(u8),
    /// The coordinator has not heard of this instance for a session timeout.
    Expire(u8),
    /// The consumer learns the present generation.
    Learn(u8),
    /// The consumer tells its actor what the generation brings or takes.
    Tell(u8),
    /// The consumer learns that it is no member any more.
    NoticeLoss(u8),
    /// The consumer waits no longer for the answer to a revocation.
    Overdue(u8),
    /// The consumer joins the group again after a loss.
    Rejoin(u8),
    /// The markers of a committed transaction are written.
    Mark(u8),
    /// The broker ends a transaction that was open for too long.
    TimeOut(u8),
    /// The instance leaves the group after its session.
    Leave(u8),
    /// The instance begins a session.
    Join(u8),
    /// The instance dies.
    Crash(u8),
}

impl Step {
    /// Its name in the table of ARCHITECTURE.md, which says where the code does it.
    #[must_use]
    pub fn name(self) -> String {
        let text = format!("{self:?}");
        text.split('(').next().unwrap_or_default().to_owned()
    }
}

/// The name of an instance.
pub(crate) fn letter(instance: u8) -> char {
    char::from(b'A' + instance)
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = |it: &u8| letter(*it);
        match self {
            Self::Ask(command, it) => write!(f, "a client asks {} for c{}", who(it), command + 1),
            Self::HandOver(it) => write!(f, "{} hands its window to a lane", who(it)),
            Self::Land(it) => write!(f, "{} learns what became of its window", who(it)),
            Self::Hear(it) => write!(f, "{} hears what the group has told", who(it)),
            Self::LetGo(it) => write!(f, "{} answers the revocation", who(it)),
            Self::FencePredecessor(it) => write!(f, "{}'s takeover fences the predecessor", who(it)),
            Self::ReadEnd(it, _) => write!(f, "{}'s takeover asks for the end of the log", who(it)),
            Self::Serve(it, _) => write!(f, "{} has replayed and serves", who(it)),
            Self::Begin(it, _) => write!(f, "{}'s lane begins", who(it)),
            Self::Deliver(it, _) => write!(f, "{}'s record arrives", who(it)),
            Self::Undelivered(it, _) => write!(f, "{}'s record is not delivered in time", who(it)),
            Self::WaitedTooLong(it, _) => write!(f, "{} gives a lane up that may go on", who(it)),
            Self::TakeGeneration(it, _) => write!(f, "{}'s lane takes the generation", who(it)),
            Self::LookUpLosses(it, _) => write!(f, "{}'s lane looks up losses", who(it)),
            Self::FenceArrives(it, _) => write!(f, "{}'s fence arrives", who(it)),
            Self::Retry(it, _) => write!(f, "{}'s lane begins again under a new generation", who(it)),
            Self::GiveUp(it, _) => write!(f, "{}'s lane gives up", who(it)),
            Self::CommitArrives(it, _) => write!(f, "{}'s commit arrives", who(it)),
            Self::CommitUnanswered(it, _) => write!(f, "{}'s commit arrives, its answer does not", who(it)),
            Self::CommitLate(it, _) => write!(f, "{} waits no longer for its commit, which is late", who(it)),
            Self::ArriveLate(_) => write!(f, "a late request arrives"),
            Self::Move => write!(f, "the group asks the partition back"),
            Self::Assign(it) => write!(f, "the group assigns the partition to {}", who(it)),
            Self::Expire(it) => write!(f, "{} is silent for a session timeout", who(it)),
            Self::Learn(it) => write!(f, "{}'s consumer learns the generation", who(it)),
            Self::Tell(it) => write!(f, "{}'s consumer tells of the new assignment", who(it)),
            Self::NoticeLoss(it) => write!(f, "{}'s consumer learns that it was expelled", who(it)),
            Self::Overdue(it) => write!(f, "{}'s consumer waits no longer for its actor", who(it)),
            Self::Rejoin(it) => write!(f, "{}'s consumer joins the group again", who(it)),
            Self::Mark(_) => write!(f, "the markers are written"),
            Self::TimeOut(_) => write!(f, "the broker times a transaction out"),
            Self::Leave(it) => write!(f, "{} leaves the group", who(it)),
            Self::Join(it) => write!(f, "{} begins a session", who(it)),
            Self::Crash(it) => write!(f, "{} crashes", who(it)),
        }
    }
}

//! An instance of command-api: the actor of its session, its consumer in the group, and its lanes.

use crate::broker::{Applied, Record, SessionId};
use crate::group::Generation;
use crate::lane::Lane;

/// An instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Instance {
    /// Which session it is in, or was in last.
    pub session: u8,
    /// How it is.
    pub life: Life,
    /// Its consumer in the group.
    pub consumer: Consumer,
    /// The actor of the session.
    pub actor: Actor,
    /// Lanes that carry a window, those of earlier sessions included.
    pub lanes: Vec<Lane>,
}

/// How an instance is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Life {
    /// No session: it died, or it has left the group and not joined anew yet.
    #[default]
    Out,
    /// In a session.
    In,
    /// The session has ended, and the group is not left yet.
    Ending,
}

/// The consumer's thread and what it shares with the lanes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Consumer {
    /// The generation that it knows; none between two memberships.
    pub generation: Option<Generation>,
    /// Whether the partition is in its assignment; it claims it towards the group then.
    pub holds: bool,
    /// A revocation that waits for its answer, and whether the partition was lost.
    pub asking: Option<bool>,
    /// How often partitions were lost, or not given back in time.
    pub losses: u8,
}

/// What the actor of a session holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Actor {
    /// What the consumer has told and the actor has not heard yet.
    pub events: Vec<GroupEvent>,
    /// The partition is assigned and not loaded yet.
    pub expected: bool,
    /// Takeovers under way.
    pub loads: Vec<Load>,
    /// The partition, once it is loaded.
    pub partition: Option<Partition>,
    /// Whether commands are taken.
    pub serving: bool,
    /// Revocations that are not answered yet; true for those that are overdue.
    pub leaving: Vec<bool>,
    /// The window that collects.
    pub open: Vec<Record>,
}

/// What the actor hears of the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GroupEvent {
    /// The partition is its.
    Assigned,
    /// The partition is asked back, or gone; overdue when the group has gone on without the answer.
    Revoked {
        /// It is gone.
        lost: bool,
        /// The group has gone on.
        overdue: bool,
    },
}

/// A takeover under way: the offset to read to, once it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Load {
    /// One past the last offset to read.
    pub end: Option<u8>,
}

/// The folded partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Partition {
    /// The aggregate as it is projected.
    pub state: Applied,
    /// The commands that are known to be committed, a bit each.
    pub ledger: u8,
}

impl Instance {
    /// The name of its session.
    #[must_use]
    pub const fn id(&self, instance: u8) -> SessionId {
        SessionId { instance, number: self.session }
    }

    /// The lane that carries the window under way.
    #[must_use]
    pub fn flight(&self) -> Option<&Lane> {
        self.lanes.iter().find(|it| it.is_flight)
    }

    /// Whether a revocation is owed an answer.
    #[must_use]
    pub fn owes(&self) -> bool {
        let overdue = |it: &GroupEvent| matches!(it, GroupEvent::Revoked { overdue: true, .. });
        self.actor.events.iter().any(overdue) || self.actor.leaving.contains(&true)
    }

    /// The consumer is told that a revocation is answered.
    pub(crate) fn answer_revocation(&mut self) {
        if self.consumer.asking.take().is_some() {
            self.consumer.holds = false;
        }
    }
}

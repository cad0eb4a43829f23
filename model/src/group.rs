//! The group's coordinator: who is a member and who owns the partition.

/// A generation of the group, as somebody knows it. Its number does not matter, only whether it is the present one: each
/// change of members or assignment makes all that are known stale, and a coordinator refuses those.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Generation {
    /// The present one.
    Live,
    /// An earlier one.
    Stale,
}

/// What the coordinator knows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Group {
    /// The session of each instance that is a member.
    pub members: Vec<Option<u8>>,
    /// The instance that the partition is assigned to in the present generation.
    pub owner: Option<u8>,
}

impl Group {
    /// Whether this session of the instance is a member.
    #[must_use]
    pub fn has(&self, instance: u8, session: u8) -> bool {
        self.members[usize::from(instance)] == Some(session)
    }

    /// Whether consumed offsets are taken from this session with this generation.
    #[must_use]
    pub fn takes_offsets(&self, instance: u8, session: u8, generation: Generation) -> bool {
        generation == Generation::Live && self.has(instance, session)
    }

    pub(crate) fn remove(&mut self, instance: u8) {
        self.members[usize::from(instance)] = None;
        if self.owner == Some(instance) {
            self.owner = None;
        }
    }
}

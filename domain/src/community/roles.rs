//! Roles of members, and what is refused to whom.

use event_schemas::UserId;
use serde::{Deserialize, Serialize};

use super::{Active, Rejection};

/// What a member may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Takes part.
    Member,
    /// Also decides join requests and the status of plain members.
    Moderator,
    /// Also keeps the community itself.
    Admin,
}

impl Role {
    /// The name in events and answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Moderator => "moderator",
            Self::Admin => "admin",
        }
    }

    /// The role with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Member, Self::Moderator, Self::Admin].into_iter().find(|it| it.name() == name)
    }
}

impl Active {
    /// Refuses whoever is no active member with at least this role.
    pub(super) fn at_least(&self, role: Role, by: UserId) -> Result<(), Rejection> {
        match self.role_of(by) {
            None => Err(Rejection::NotAMember),
            Some(held) if held < role => Err(Rejection::RoleRequired(role)),
            Some(_) => Ok(()),
        }
    }

    /// Refuses whoever may not edit the config: only the founder may, and an admin once the founder is gone.
    pub(super) fn keeper_of_config(&self, by: UserId) -> Result<(), Rejection> {
        match self.role_of(by) {
            None => Err(Rejection::NotAMember),
            Some(_) if by == self.founder => Ok(()),
            Some(_) if self.role_of(self.founder).is_some() => Err(Rejection::FounderOnly),
            Some(_) => self.at_least(Role::Admin, by),
        }
    }
}

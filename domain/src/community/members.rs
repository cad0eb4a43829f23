//! Who belongs to a community, in which role, and who did.

use event_schemas::community::{
    CommunityEvent, JoinRequestApproved, MemberRoleChanged, UserJoinedCommunity, UserLeftCommunity,
};
use event_schemas::{CommunityId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use super::{Active, AddMember, ChangeMember, MemberStatus, Rejection, RemoveMember, Role};
use crate::growing::Map;

/// All who belong to a community or ever did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Members {
    of: Map<UserId, Membership>,
    /// How many of them are active.
    active: usize,
}

/// One person's membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Membership {
    /// It counts.
    Active {
        /// In which role.
        role: Role,
        /// Since when.
        joined_at: Timestamp,
    },
    /// It rests, or is over.
    Inactive {
        /// The role until then.
        role: Role,
        /// How it ended.
        cause: Departure,
    },
}

/// How a membership ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Departure {
    /// The member left.
    Left,
    /// An admin removed them.
    Removed,
    /// An admin or moderator set them inactive.
    Deactivated,
    /// Their account was erased.
    Erased,
}

/// How somebody became active.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Via {
    Founding,
    Public,
    Approval,
    Added,
    Reactivated,
}

impl Departure {
    const ALL: [Self; 4] = [Self::Left, Self::Removed, Self::Deactivated, Self::Erased];

    /// The name in events.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Removed => "removed",
            Self::Deactivated => "deactivated",
            Self::Erased => "erased",
        }
    }

    /// Whether somebody else ended it, so that coming back takes a decision.
    #[must_use]
    pub const fn by_others(self) -> bool {
        match self {
            Self::Removed | Self::Deactivated => true,
            Self::Left | Self::Erased => false,
        }
    }
}

impl Via {
    const fn name(self) -> &'static str {
        match self {
            Self::Founding => "founding",
            Self::Public => "public",
            Self::Approval => "approval",
            Self::Added => "added",
            Self::Reactivated => "reactivated",
        }
    }
}

impl Members {
    /// The active ones with their roles.
    pub fn active(&self) -> impl Iterator<Item = (UserId, Role)> {
        self.of.iter().filter_map(|(user, membership)| match membership {
            Membership::Active { role, .. } => Some((*user, *role)),
            Membership::Inactive { .. } => None,
        })
    }

    /// What is known of a person's membership.
    #[must_use]
    pub fn get(&self, user: UserId) -> Option<&Membership> {
        self.of.get(&user)
    }

    /// The role of an active member.
    #[must_use]
    pub fn role_of(&self, user: UserId) -> Option<Role> {
        match self.of.get(&user)? {
            Membership::Active { role, .. } => Some(*role),
            Membership::Inactive { .. } => None,
        }
    }

    /// Refuses a cap that the active members do not fit into.
    pub(super) fn fit_into(&self, cap: i32) -> Result<(), Rejection> {
        let active = self.active;
        if usize::try_from(cap).is_ok_and(|cap| active <= cap) {
            Ok(())
        } else {
            Err(Rejection::MaxMembersBelowCount { active })
        }
    }

    /// The event by which somebody becomes active.
    pub(super) fn join(
        community_id: CommunityId,
        user_id: UserId,
        role: Role,
        via: Via,
        now: Timestamp,
    ) -> UserJoinedCommunity {
        let (role, via) = (role.name().to_owned(), via.name().to_owned());
        UserJoinedCommunity { user_id, community_id, role, via, invited_by_id: None, joined_at: now }
    }

    pub(super) fn joined(&mut self, event: &UserJoinedCommunity) {
        // A role that this code does not know gives no more rights than membership.
        let role = Role::named(&event.role).unwrap_or(Role::Member);
        self.active += usize::from(self.role_of(event.user_id).is_none());
        self.of.insert_mut(event.user_id, Membership::Active { role, joined_at: event.joined_at });
    }

    pub(super) fn left(&mut self, event: &UserLeftCommunity) {
        let cause = Departure::ALL.into_iter().find(|it| it.name() == event.cause);
        self.active -= usize::from(self.role_of(event.user_id).is_some());
        if let Some(membership) = self.of.get_mut(&event.user_id) {
            let role = membership.role();
            *membership = Membership::Inactive { role, cause: cause.unwrap_or(Departure::Removed) };
        }
    }

    pub(super) fn role_changed(&mut self, event: &MemberRoleChanged) {
        if let Some(Membership::Active { role, .. }) = self.of.get_mut(&event.user_id) {
            *role = Role::named(&event.to).unwrap_or(Role::Member);
        }
    }

    /// Whether an admin is left without this member's being one.
    fn has_admin_beside(&self, user: UserId) -> bool {
        self.active().any(|(other, role)| other != user && role == Role::Admin)
    }
}

impl Membership {
    /// The role now, or until it ended.
    #[must_use]
    pub const fn role(&self) -> Role {
        match self {
            Self::Active { role, .. } | Self::Inactive { role, .. } => *role,
        }
    }
}

impl Active {
    /// The role of an active member.
    #[must_use]
    pub fn role_of(&self, user: UserId) -> Option<Role> {
        self.members.role_of(user)
    }

    /// Refuses when every place is taken.
    pub(super) fn has_place(&self) -> Result<(), Rejection> {
        let taken = self.members.active;
        let places = usize::try_from(self.terms.config.member_cap).unwrap_or_default();
        if taken < places { Ok(()) } else { Err(Rejection::CommunityFull) }
    }

    pub(super) fn joins(&self, user: UserId, role: Role, via: Via, now: Timestamp) -> CommunityEvent {
        Members::join(self.id, user, role, via, now).into()
    }

    pub(super) fn add_member(
        &self,
        add: &AddMember,
        now: Timestamp,
    ) -> Result<Vec<CommunityEvent>, Rejection> {
        self.at_least(Role::Admin, add.by)?;
        if !add.known {
            return Err(Rejection::UserNotFound);
        }
        if self.role_of(add.user).is_some() {
            return Err(Rejection::AlreadyMember);
        }
        self.has_place()?;
        // Who is added while asking to be let in is thereby let in.
        let approved = self.join_requests.is_pending(add.user).then(|| self.approved(add.user, add.by));
        Ok(approved.into_iter().chain([self.joins(add.user, add.role, Via::Added, now)]).collect())
    }

    pub(super) fn change_member(
        &self,
        change: &ChangeMember,
        now: Timestamp,
    ) -> Result<Vec<CommunityEvent>, Rejection> {
        if change.role.is_none() && change.status.is_none() {
            return Err(Rejection::NothingToChange);
        }
        self.may_change(change)?;
        match (self.members.get(change.user), change.status) {
            (Some(Membership::Active { role, .. }), Some(MemberStatus::Inactive)) => {
                self.deactivate(change, *role)
            }
            (Some(Membership::Active { role, .. }), Some(MemberStatus::Active) | None) => {
                self.change_role(change, *role)
            }
            (_, Some(MemberStatus::Active)) if self.join_requests.is_pending(change.user) => {
                self.has_place()?;
                let role = change.role.unwrap_or(Role::Member);
                let joined = self.joins(change.user, role, Via::Approval, now);
                Ok(vec![self.approved(change.user, change.by), joined])
            }
            (Some(Membership::Inactive { role, .. }), Some(MemberStatus::Active)) => {
                self.has_place()?;
                let role = change.role.unwrap_or(*role);
                Ok(vec![self.joins(change.user, role, Via::Reactivated, now)])
            }
            (Some(Membership::Inactive { .. }), Some(MemberStatus::Inactive)) => Ok(vec![]),
            (Some(Membership::Inactive { .. }), None) | (None, _) => Err(Rejection::MemberNotFound),
        }
    }

    pub(super) fn remove_member(&self, remove: &RemoveMember) -> Result<Vec<CommunityEvent>, Rejection> {
        if remove.by != remove.user {
            self.at_least(Role::Admin, remove.by)?;
        }
        match self.members.get(remove.user) {
            None => Err(Rejection::MemberNotFound),
            Some(Membership::Inactive { .. }) => Ok(vec![]),
            Some(Membership::Active { .. }) => {
                let cause = if remove.by == remove.user { Departure::Left } else { Departure::Removed };
                Ok(vec![self.leaves(remove.user, remove.by, cause)?])
            }
        }
    }

    /// Admins change everybody, moderators the status of plain members and of applicants.
    fn may_change(&self, change: &ChangeMember) -> Result<(), Rejection> {
        let member = self.members.get(change.user).filter(|_| !self.join_requests.is_pending(change.user));
        let plain = member.is_none_or(|it| it.role() == Role::Member);
        let needed = if change.role.is_none() && plain { Role::Moderator } else { Role::Admin };
        self.at_least(needed, change.by)
    }

    fn deactivate(&self, change: &ChangeMember, role: Role) -> Result<Vec<CommunityEvent>, Rejection> {
        let left = self.leaves(change.user, change.by, Departure::Deactivated)?;
        let to = change.role.filter(|to| *to != role).map(|to| self.role_changes(change, role, to));
        Ok(to.into_iter().chain([left]).collect())
    }

    fn change_role(&self, change: &ChangeMember, from: Role) -> Result<Vec<CommunityEvent>, Rejection> {
        let Some(to) = change.role.filter(|to| *to != from) else { return Ok(vec![]) };
        if from == Role::Admin && !self.members.has_admin_beside(change.user) {
            return Err(Rejection::LastAdmin);
        }
        Ok(vec![self.role_changes(change, from, to)])
    }

    fn role_changes(&self, change: &ChangeMember, from: Role, to: Role) -> CommunityEvent {
        let (from, to) = (from.name().to_owned(), to.name().to_owned());
        let (user_id, by_id) = (change.user, Some(change.by));
        MemberRoleChanged { community_id: self.id, user_id, from, to, by_id }.into()
    }

    fn leaves(&self, user: UserId, by: UserId, cause: Departure) -> Result<CommunityEvent, Rejection> {
        if !self.members.has_admin_beside(user) {
            return Err(Rejection::LastAdmin);
        }
        let left = UserLeftCommunity {
            community_id: self.id,
            user_id: user,
            removed_by_id: Some(by).filter(|by| *by != user),
            is_self_remove: by == user,
            cause: cause.name().to_owned(),
        };
        Ok(left.into())
    }

    pub(super) fn approved(&self, applicant: UserId, by: UserId) -> CommunityEvent {
        let decided_by_id = Some(by);
        JoinRequestApproved { community_id: self.id, user_id: applicant, decided_by_id }.into()
    }
}

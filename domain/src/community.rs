//! Community: a tenant with its members, its join requests and its terms.
//!
//! ```text
//! Absent ──CreateCommunity──▶ Active ──ArchiveCommunity──▶ Archived
//! ```
//! All rules of membership are strict because they live in this one aggregate: 1 ≤ active members ≤ cap ≤ 150, and
//! at least one active admin.

mod changes;
mod command;
mod config;
mod counts;
mod details;
mod founding;
mod join_requests;
mod members;
mod rejection;
mod roles;
mod terms;

#[cfg(test)]
mod tests;

use event_schemas::community::CommunityEvent;
use event_schemas::{CommunityId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::{Aggregate, Meta, Timer};
use join_requests::JoinRequests;
use members::Members;

pub use changes::{ConfigChange, SettingsChange};
pub use command::{
    AddMember, ArchiveCommunity, ChangeConfig, ChangeMember, ChangeSettings, Command, CreateCommunity,
    DecideJoin, ForgetJoinMessage, JoinCommunity, JoinMessage, MemberStatus, RemoveMember, SetLocation,
    SetTags, UpdateCommunity, Verdict, WithdrawJoin,
};
pub use counts::Tally;
pub use details::{
    AccessType, Category, CommunityType, Coordinates, Description, Details, Identity, Location, MemberCap,
    Name, Tags,
};
pub use join_requests::{JoinRequest, Outcome};
pub use members::{Departure, Membership};
pub use rejection::Rejection;
pub use roles::Role;
pub use terms::{Config, Settings, Terms};

/// What decisions need to know of a community.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum State {
    /// There is no such community.
    #[default]
    Absent,
    /// It lives.
    Active(Box<Active>),
    /// It is closed for good; what is left to do is to forget messages.
    Archived(Archived),
}

/// A living community.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Active {
    /// Its id.
    pub id: CommunityId,
    /// Who created it.
    pub founder: UserId,
    /// What it tells about itself.
    pub details: Details,
    /// On which terms it lives.
    pub terms: Terms,
    /// Who belongs to it, and who did.
    pub members: Members,
    /// Who asks to belong to it.
    pub join_requests: JoinRequests,
    /// What was done in it.
    pub tally: Tally,
}

/// A closed community.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Archived {
    id: CommunityId,
    join_requests: JoinRequests,
}

impl Aggregate for State {
    type Command = Command;
    type Event = CommunityEvent;
    type Rejection = Rejection;

    fn decide(&self, command: &Command, now: Timestamp) -> Result<Vec<CommunityEvent>, Rejection> {
        match self {
            Self::Absent => decide_absent(command, now),
            Self::Active(community) => community.decide(command, now),
            Self::Archived(community) => community.decide(command, now),
        }
    }

    fn evolve(&mut self, event: &CommunityEvent, meta: Meta) {
        match (&mut *self, event) {
            (Self::Absent, CommunityEvent::CommunityCreated(event)) => {
                *self = Self::Active(Box::new(Active::created(event)));
            }
            (Self::Active(community), CommunityEvent::CommunityArchived(_)) => {
                let mut join_requests = std::mem::take(&mut community.join_requests);
                join_requests.archived(meta);
                *self = Self::Archived(Archived { id: community.id, join_requests });
            }
            (Self::Active(community), event) => community.evolve(event, meta),
            (Self::Archived(community), CommunityEvent::JoinMessageForgotten(event)) => {
                community.join_requests.forgotten(event);
            }
            // Before its foundation and after its end nothing else can have happened to it.
            (
                Self::Absent | Self::Archived(_),
                CommunityEvent::CommunityCreated(_)
                | CommunityEvent::CommunityUpdated(_)
                | CommunityEvent::CommunityArchived(_)
                | CommunityEvent::UserJoinedCommunity(_)
                | CommunityEvent::UserLeftCommunity(_)
                | CommunityEvent::MemberRoleChanged(_)
                | CommunityEvent::JoinRequestCreated(_)
                | CommunityEvent::JoinRequestApproved(_)
                | CommunityEvent::JoinRequestRejected(_)
                | CommunityEvent::JoinRequestWithdrawn(_)
                | CommunityEvent::JoinMessageForgotten(_)
                | CommunityEvent::CommunitySettingsChanged(_)
                | CommunityEvent::CommunityConfigChanged(_)
                | CommunityEvent::ExchangeCounted(_)
                | CommunityEvent::QualityCounted(_),
            ) => {}
        }
    }

    fn timer(&self) -> Option<Timer<Command>> {
        match self {
            Self::Absent => None,
            Self::Active(community) => community.join_requests.timer(),
            Self::Archived(community) => community.join_requests.timer(),
        }
    }

    fn community_of(&self, _event: &CommunityEvent) -> Option<CommunityId> {
        match self {
            Self::Absent => None,
            Self::Active(community) => Some(community.id),
            Self::Archived(community) => Some(community.id),
        }
    }
}

fn decide_absent(command: &Command, now: Timestamp) -> Result<Vec<CommunityEvent>, Rejection> {
    match command {
        Command::CreateCommunity(create) => create.decide(now),
        Command::UpdateCommunity(_)
        | Command::SetTags(_)
        | Command::SetLocation(_)
        | Command::ArchiveCommunity(_)
        | Command::JoinCommunity(_)
        | Command::WithdrawJoin(_)
        | Command::DecideJoin(_)
        | Command::AddMember(_)
        | Command::ChangeMember(_)
        | Command::RemoveMember(_)
        | Command::ChangeSettings(_)
        | Command::ChangeConfig(_)
        | Command::CountExchange(_)
        | Command::CountQuality(_)
        | Command::ForgetJoinMessage(_) => Err(Rejection::CommunityNotFound),
    }
}

impl Active {
    fn decide(&self, command: &Command, now: Timestamp) -> Result<Vec<CommunityEvent>, Rejection> {
        match command {
            Command::CreateCommunity(_) => Ok(vec![]),
            Command::UpdateCommunity(update) => self.update(update),
            Command::SetTags(set) => self.set_tags(set),
            Command::SetLocation(set) => self.set_location(set),
            Command::ArchiveCommunity(archive) => self.archive(archive),
            Command::JoinCommunity(join) => self.join(join, now),
            Command::WithdrawJoin(withdraw) => self.withdraw_join(withdraw),
            Command::DecideJoin(decide) => self.decide_join(decide, now),
            Command::AddMember(add) => self.add_member(add, now),
            Command::ChangeMember(change) => self.change_member(change, now),
            Command::RemoveMember(remove) => self.remove_member(remove),
            Command::ChangeSettings(change) => self.change_settings(change),
            Command::ChangeConfig(change) => self.change_config(change),
            Command::CountExchange(count) => Ok(self.tally.count_exchange(count)),
            Command::CountQuality(count) => Ok(self.tally.count_quality(count)),
            Command::ForgetJoinMessage(forget) => Ok(self.join_requests.forget(self.id, forget, now)),
        }
    }

    fn evolve(&mut self, event: &CommunityEvent, meta: Meta) {
        self.terms.fold(event);
        match event {
            CommunityEvent::CommunityUpdated(event) => self.details.updated(event),
            CommunityEvent::UserJoinedCommunity(event) => self.members.joined(event),
            CommunityEvent::UserLeftCommunity(event) => self.members.left(event),
            CommunityEvent::MemberRoleChanged(event) => self.members.role_changed(event),
            CommunityEvent::JoinRequestCreated(event) => self.join_requests.created(event),
            CommunityEvent::JoinRequestApproved(event) => {
                self.join_requests.decided(event.user_id, Outcome::Approved, meta);
            }
            CommunityEvent::JoinRequestRejected(event) => {
                self.join_requests.decided(event.user_id, Outcome::Rejected, meta);
            }
            CommunityEvent::JoinRequestWithdrawn(event) => {
                self.join_requests.decided(event.user_id, Outcome::Withdrawn, meta);
            }
            CommunityEvent::JoinMessageForgotten(event) => self.join_requests.forgotten(event),
            CommunityEvent::ExchangeCounted(event) => self.tally.exchange_counted(event),
            CommunityEvent::QualityCounted(event) => self.tally.quality_counted(event),
            CommunityEvent::CommunitySettingsChanged(_)
            | CommunityEvent::CommunityConfigChanged(_)
            | CommunityEvent::CommunityCreated(_)
            | CommunityEvent::CommunityArchived(_) => {}
        }
    }
}

impl Archived {
    fn decide(&self, command: &Command, now: Timestamp) -> Result<Vec<CommunityEvent>, Rejection> {
        match command {
            Command::ForgetJoinMessage(forget) => Ok(self.join_requests.forget(self.id, forget, now)),
            // An exchange may end after its community; nothing is left to count it.
            Command::CountExchange(_) | Command::CountQuality(_) => Ok(vec![]),
            Command::CreateCommunity(_)
            | Command::UpdateCommunity(_)
            | Command::SetTags(_)
            | Command::SetLocation(_)
            | Command::ArchiveCommunity(_)
            | Command::JoinCommunity(_)
            | Command::WithdrawJoin(_)
            | Command::DecideJoin(_)
            | Command::AddMember(_)
            | Command::ChangeMember(_)
            | Command::RemoveMember(_)
            | Command::ChangeSettings(_)
            | Command::ChangeConfig(_) => Err(Rejection::NotActive),
        }
    }
}

//! What can be asked of a community.

use event_schemas::community::{CommunityCommand, CountExchange, CountQuality};
use event_schemas::{CommunityId, UserId};

use super::{
    AccessType, Category, CommunityType, ConfigChange, Coordinates, Description, Location, MemberCap, Name,
    Role, SettingsChange, Tags,
};
use crate::Patch;
use crate::text::Text;

/// A command to a community. `by` is always the person of the access token.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Found it.
    CreateCommunity(Box<CreateCommunity>),
    /// Edit its details.
    UpdateCommunity(Box<UpdateCommunity>),
    /// Replace its tags.
    SetTags(SetTags),
    /// Say where it is.
    SetLocation(SetLocation),
    /// Close it for good.
    ArchiveCommunity(ArchiveCommunity),
    /// Become a member, or ask to.
    JoinCommunity(JoinCommunity),
    /// Take a join request back.
    WithdrawJoin(WithdrawJoin),
    /// Let an applicant in, or not.
    DecideJoin(DecideJoin),
    /// Make somebody a member.
    AddMember(AddMember),
    /// Change a member's role or status.
    ChangeMember(ChangeMember),
    /// Leave, or remove somebody.
    RemoveMember(RemoveMember),
    /// Choose lifetimes and the like.
    ChangeSettings(ChangeSettings),
    /// Choose how karma, trust and visibility work.
    ChangeConfig(Box<ChangeConfig>),
    /// Count a credited exchange; from a policy.
    CountExchange(CountExchange),
    /// Count a rating; from a policy.
    CountQuality(CountQuality),
    /// The message of a decided join request is due to be forgotten; from the timer.
    ForgetJoinMessage(ForgetJoinMessage),
}

/// Policies send their commands complete: nothing of the views is missing.
impl From<&CommunityCommand> for Command {
    fn from(wire: &CommunityCommand) -> Self {
        match wire {
            CommunityCommand::CountExchange(command) => Self::CountExchange(command.clone()),
            CommunityCommand::CountQuality(command) => Self::CountQuality(command.clone()),
        }
    }
}

/// Found a community. Its identity was claimed before.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateCommunity {
    /// Id of the new community.
    pub community_id: CommunityId,
    /// Who founds it.
    pub by: UserId,
    /// What it is called.
    pub name: Name,
    /// What it is about.
    pub description: Option<Description>,
    /// Where it is, in words.
    pub location: Option<Location>,
    /// What kind of neighbourhood it is.
    pub category: Option<Category>,
    /// Most active members.
    pub max_members: MemberCap,
    /// Whether joining needs approval.
    pub access_type: AccessType,
    /// What it is for.
    pub community_type: CommunityType,
    /// A config of its own from the start.
    pub config: Option<ConfigChange>,
}

/// Edit its details; what is absent stays as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct UpdateCommunity {
    /// Who asks.
    pub by: UserId,
    /// A new name.
    pub name: Option<Name>,
    /// A new description.
    pub description: Patch<Description>,
    /// A new place in words.
    pub location: Patch<Location>,
    /// A new category.
    pub category: Patch<Category>,
    /// A new cap; only for whoever keeps the config.
    pub max_members: Option<MemberCap>,
    /// Whether joining needs approval from now on.
    pub access_type: Option<AccessType>,
}

/// Replace its tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetTags {
    /// Who asks.
    pub by: UserId,
    /// The new ones.
    pub tags: Tags,
}

/// Say where it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SetLocation {
    /// Who asks.
    pub by: UserId,
    /// There.
    pub coordinates: Coordinates,
}

/// Close it for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArchiveCommunity {
    /// Who asks.
    pub by: UserId,
}

/// What an applicant writes.
pub type JoinMessage = Text<0, 1000>;

/// Become a member, or ask to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinCommunity {
    /// Who asks.
    pub by: UserId,
    /// A few words for those who decide.
    pub message: Option<JoinMessage>,
}

/// Take a join request back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WithdrawJoin {
    /// The applicant.
    pub by: UserId,
}

/// Let an applicant in, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecideJoin {
    /// Who decides.
    pub by: UserId,
    /// Who asked to be let in.
    pub applicant: UserId,
    /// The decision.
    pub verdict: Verdict,
}

/// A decision on a join request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Let in.
    Approve,
    /// Turned down.
    Reject,
}

/// Make somebody a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddMember {
    /// Who asks.
    pub by: UserId,
    /// The new member.
    pub user: UserId,
    /// Whether the views know an active account of theirs.
    pub known: bool,
    /// In which role.
    pub role: Role,
}

/// Change a member's role or status; what is absent stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangeMember {
    /// Who asks.
    pub by: UserId,
    /// The member.
    pub user: UserId,
    /// A new role.
    pub role: Option<Role>,
    /// A new status.
    pub status: Option<MemberStatus>,
}

/// Whether a membership counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberStatus {
    /// It does.
    Active,
    /// It rests.
    Inactive,
}

impl MemberStatus {
    /// The name in calls and answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
        }
    }

    /// The status with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Active, Self::Inactive].into_iter().find(|it| it.name() == name)
    }
}

/// Leave, or remove somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemoveMember {
    /// Who asks.
    pub by: UserId,
    /// The member.
    pub user: UserId,
}

/// Choose lifetimes and the like.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeSettings {
    /// Who asks.
    pub by: UserId,
    /// What changes.
    pub change: SettingsChange,
}

/// Choose how karma, trust and visibility work.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeConfig {
    /// Who asks.
    pub by: UserId,
    /// What changes.
    pub change: ConfigChange,
}

/// The message of a decided join request is due to be forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForgetJoinMessage {
    /// Who had asked to be let in.
    pub applicant: UserId,
}

//! How a community can refuse.

use serde_json::json;

use super::Role;
use crate::text::FieldFault;
use crate::{Class, Refusal};

/// Why a command to a community was refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Rejection {
    /// There is no such community.
    #[error("there is no such community")]
    CommunityNotFound,
    /// It is archived.
    #[error("the community is archived")]
    NotActive,
    /// The caller is no active member.
    #[error("you are no active member of the community")]
    NotAMember,
    /// The caller is a member without the role that this takes.
    #[error("this takes the role {}", .0.name())]
    RoleRequired(Role),
    /// Only whoever keeps the config may change this.
    #[error("only the founder may change this")]
    FounderOnly,
    /// The call names no field that could change.
    #[error("the call names nothing to change")]
    NothingToChange,
    /// Values that do not fit each other or the community.
    #[error("{}", .0.first().map_or_else(String::new, ToString::to_string))]
    Invalid(Vec<FieldFault>),
    /// The new cap is below the number of active members.
    #[error("the community has {active} active members")]
    MaxMembersBelowCount {
        /// Active members.
        active: usize,
    },
    /// Every place is taken.
    #[error("the community is full")]
    CommunityFull,
    /// The person is an active member.
    #[error("already a member of the community")]
    AlreadyMember,
    /// The person has asked to be let in, and nobody has decided.
    #[error("a join request is pending")]
    JoinRequestPending,
    /// The person has not asked to be let in.
    #[error("there is no such join request")]
    JoinRequestNotFound,
    /// The join request was decided or withdrawn.
    #[error("the join request is decided")]
    JoinRequestDecided,
    /// There is no such user.
    #[error("there is no such user")]
    UserNotFound,
    /// The person is no member.
    #[error("there is no such member")]
    MemberNotFound,
    /// A community keeps at least one admin.
    #[error("a community keeps at least one admin")]
    LastAdmin,
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        let message = rejection.to_string();
        let (class, code) = match rejection {
            Rejection::Invalid(faults) => return Self::invalid(message, &faults),
            Rejection::RoleRequired(role) => {
                let required = json!({ "required": role.name() });
                return Self::new(Class::Forbidden, "ROLE_REQUIRED", message).with(required);
            }
            Rejection::MaxMembersBelowCount { active } => {
                let current = json!({ "activeMembers": active });
                return Self::new(Class::Invalid, "MAX_MEMBERS_BELOW_COUNT", message).with(current);
            }
            Rejection::CommunityNotFound => (Class::Unknown, "COMMUNITY_NOT_FOUND"),
            Rejection::NotActive => (Class::Conflict, "COMMUNITY_NOT_ACTIVE"),
            Rejection::NotAMember => (Class::Forbidden, "NOT_A_MEMBER"),
            Rejection::FounderOnly => (Class::Forbidden, "FOUNDER_ONLY"),
            Rejection::NothingToChange => (Class::Invalid, "NOTHING_TO_CHANGE"),
            Rejection::CommunityFull => (Class::Invalid, "COMMUNITY_FULL"),
            Rejection::AlreadyMember => (Class::Conflict, "ALREADY_MEMBER"),
            Rejection::JoinRequestPending => (Class::Conflict, "JOIN_REQUEST_PENDING"),
            Rejection::JoinRequestNotFound => (Class::Unknown, "JOIN_REQUEST_NOT_FOUND"),
            Rejection::JoinRequestDecided => (Class::Conflict, "JOIN_REQUEST_DECIDED"),
            Rejection::UserNotFound => (Class::Unknown, "USER_NOT_FOUND"),
            Rejection::MemberNotFound => (Class::Unknown, "MEMBER_NOT_FOUND"),
            Rejection::LastAdmin => (Class::Invalid, "LAST_ADMIN"),
        };
        Self::new(class, code, message)
    }
}

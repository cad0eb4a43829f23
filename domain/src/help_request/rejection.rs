//! How a help request can refuse.

use event_schemas::{CommunityId, UserId};

use super::reading::Faults;
use super::values::RequestType;
use crate::{Class, Refusal};

/// Why a command to a help request was refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Rejection {
    /// No community was named, or none of one's own takes the type.
    #[error("name a community for the request")]
    CommunityContextRequired,
    /// The poster is no active member of a named community.
    #[error("you are no active member of the community {0}")]
    NotAMember(CommunityId),
    /// A named community is archived.
    #[error("the community {0} is archived")]
    CommunityNotActive(CommunityId),
    /// A named community does not take requests of this type.
    #[error("the community {1} does not take requests of type {0}")]
    TypeNotEnabled(RequestType, CommunityId),
    /// The call names no field that could change.
    #[error("nothing to change")]
    NothingToChange,
    /// A field does not fit what the request is.
    #[error(transparent)]
    Invalid(#[from] Faults),
    /// There is no such request, or it is none of the caller's business.
    #[error("there is no such request")]
    RequestNotFound,
    /// The caller sees the request, but only its requester may do this.
    #[error("only the requester may do this")]
    NotTheRequester,
    /// It is matched or at its end.
    #[error("the request is no longer open")]
    RequestNotOpen,
    /// It is completed, cancelled or expired.
    #[error("the request is at its end")]
    RequestFinal,
    /// One does not help oneself.
    #[error("this is your own request")]
    OwnRequest,
    /// The named offer is not the caller's.
    #[error("the offer is not yours")]
    NotYourOffer,
    /// The caller's earlier proposal still stands, or was accepted.
    #[error("you have already proposed to help")]
    DuplicateMatch,
    /// The request has no such match.
    #[error("there is no such match")]
    MatchNotFound,
    /// The caller is neither requester nor responder of the match.
    #[error("you take no part in this match")]
    NotAParticipant,
    /// Only the requester accepts a proposal.
    #[error("only the requester may accept a proposal")]
    NotYoursToAccept,
    /// The proposal was answered, withdrawn or overtaken.
    #[error("the match is no longer a proposal")]
    MatchNotProposed,
    /// The responder was a member when proposing, and is none of any linked community now.
    #[error("{0} has left the communities of the request")]
    ResponderLeft(UserId),
    /// It was not accepted, or is over.
    #[error("the match is not under way")]
    MatchNotMatched,
    /// It was rejected, cancelled or completed.
    #[error("the match is at its end")]
    MatchFinal,
    /// The named person is not the other side.
    #[error("you rate the other side of the match only")]
    InvalidRatee,
    /// The named community is not one of the request.
    #[error("the exchange does not belong to this community")]
    InvalidCommunity,
    /// There is nothing to rate yet.
    #[error("the match is not completed")]
    MatchNotCompleted,
    /// Feedback without any number.
    #[error("give at least one number")]
    NoRating,
    /// One feedback per side.
    #[error("you have already given feedback")]
    FeedbackExists,
    /// The exchange's texts are forgotten.
    #[error("it is too late for feedback")]
    FeedbackClosed,
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        let message = rejection.to_string();
        let (class, code) = match rejection {
            Rejection::Invalid(faults) => return faults.into(),
            Rejection::CommunityContextRequired => (Class::Invalid, "COMMUNITY_CONTEXT_REQUIRED"),
            Rejection::NothingToChange => (Class::Invalid, "NOTHING_TO_CHANGE"),
            Rejection::TypeNotEnabled(..) => (Class::Invalid, "REQUEST_TYPE_NOT_ENABLED"),
            Rejection::OwnRequest => (Class::Invalid, "OWN_REQUEST"),
            Rejection::NoRating => (Class::Invalid, "VALIDATION_ERROR"),
            Rejection::InvalidRatee => (Class::Invalid, "INVALID_RATEE"),
            Rejection::InvalidCommunity => (Class::Invalid, "INVALID_COMMUNITY"),
            Rejection::NotAMember(_) => (Class::Forbidden, "NOT_A_MEMBER"),
            Rejection::NotTheRequester | Rejection::NotYoursToAccept => (Class::Forbidden, "FORBIDDEN"),
            Rejection::NotYourOffer => (Class::Forbidden, "NOT_YOUR_OFFER"),
            Rejection::NotAParticipant => (Class::Forbidden, "NOT_A_PARTICIPANT"),
            Rejection::RequestNotFound => (Class::Unknown, "REQUEST_NOT_FOUND"),
            Rejection::MatchNotFound => (Class::Unknown, "MATCH_NOT_FOUND"),
            Rejection::CommunityNotActive(_) => (Class::Conflict, "COMMUNITY_NOT_ACTIVE"),
            Rejection::RequestNotOpen => (Class::Conflict, "REQUEST_NOT_OPEN"),
            Rejection::RequestFinal => (Class::Conflict, "REQUEST_FINAL"),
            Rejection::DuplicateMatch => (Class::Conflict, "DUPLICATE_MATCH"),
            Rejection::MatchNotProposed => (Class::Conflict, "MATCH_NOT_PROPOSED"),
            Rejection::ResponderLeft(_) => (Class::Conflict, "RESPONDER_LEFT"),
            Rejection::MatchNotMatched => (Class::Conflict, "MATCH_NOT_MATCHED"),
            Rejection::MatchFinal => (Class::Conflict, "MATCH_FINAL"),
            Rejection::MatchNotCompleted => (Class::Conflict, "MATCH_NOT_COMPLETED"),
            Rejection::FeedbackExists => (Class::Conflict, "FEEDBACK_EXISTS"),
            Rejection::FeedbackClosed => (Class::Conflict, "FEEDBACK_CLOSED"),
        };
        Self::new(class, code, message)
    }
}

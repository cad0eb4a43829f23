//! The codes under which refusals are published: they never change.

use super::*;
use crate::{Class, Refusal};

#[test]
fn every_refusal_has_its_published_code() {
    let codes = [
        (Rejection::CommunityContextRequired, Class::Invalid, "COMMUNITY_CONTEXT_REQUIRED"),
        (Rejection::NothingToChange, Class::Invalid, "NOTHING_TO_CHANGE"),
        (Rejection::TypeNotEnabled(RequestType::Ride, ELM), Class::Invalid, "REQUEST_TYPE_NOT_ENABLED"),
        (Rejection::OwnRequest, Class::Invalid, "OWN_REQUEST"),
        (Rejection::InvalidRatee, Class::Invalid, "INVALID_RATEE"),
        (Rejection::InvalidCommunity, Class::Invalid, "INVALID_COMMUNITY"),
        (Rejection::NoRating, Class::Invalid, "VALIDATION_ERROR"),
        (Rejection::NotAMember(ELM), Class::Forbidden, "NOT_A_MEMBER"),
        (Rejection::NotTheRequester, Class::Forbidden, "FORBIDDEN"),
        (Rejection::NotYoursToAccept, Class::Forbidden, "FORBIDDEN"),
        (Rejection::NotYourOffer, Class::Forbidden, "NOT_YOUR_OFFER"),
        (Rejection::NotAParticipant, Class::Forbidden, "NOT_A_PARTICIPANT"),
        (Rejection::RequestNotFound, Class::Unknown, "REQUEST_NOT_FOUND"),
        (Rejection::MatchNotFound, Class::Unknown, "MATCH_NOT_FOUND"),
        (Rejection::CommunityNotActive(ELM), Class::Conflict, "COMMUNITY_NOT_ACTIVE"),
        (Rejection::RequestNotOpen, Class::Conflict, "REQUEST_NOT_OPEN"),
        (Rejection::RequestFinal, Class::Conflict, "REQUEST_FINAL"),
        (Rejection::DuplicateMatch, Class::Conflict, "DUPLICATE_MATCH"),
        (Rejection::MatchNotProposed, Class::Conflict, "MATCH_NOT_PROPOSED"),
        (Rejection::ResponderLeft(BEN), Class::Conflict, "RESPONDER_LEFT"),
        (Rejection::MatchNotMatched, Class::Conflict, "MATCH_NOT_MATCHED"),
        (Rejection::MatchFinal, Class::Conflict, "MATCH_FINAL"),
        (Rejection::MatchNotCompleted, Class::Conflict, "MATCH_NOT_COMPLETED"),
        (Rejection::FeedbackExists, Class::Conflict, "FEEDBACK_EXISTS"),
        (Rejection::FeedbackClosed, Class::Conflict, "FEEDBACK_CLOSED"),
    ];
    for (rejection, class, code) in codes {
        let refusal = Refusal::from(rejection);
        assert_eq!((refusal.class, refusal.code), (class, code));
    }
}

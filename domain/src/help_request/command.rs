//! What can be asked of a help request.

use std::sync::Arc;

use event_schemas::{CommunityId, MatchId, RequestId, UserId, request};

use super::State;
use super::draft::{Draft, Edit};
use super::lifetime::Windows;
use crate::views::{CommunityFacts, Views};

/// A command to a help request. What it must know of other aggregates comes inside.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Ask for help.
    CreateRequest(Box<CreateRequest>),
    /// Edit what is asked.
    UpdateRequest(Box<UpdateRequest>),
    /// Stop asking.
    CancelRequest(CancelRequest),
    /// Choose who may see the request and its author's name.
    SetRequestPrivacy(SetRequestPrivacy),
    /// Offer to help.
    ProposeMatch(ProposeMatch),
    /// Choose a helper.
    AcceptMatch(AcceptMatch),
    /// Turn a proposal down, or take it back.
    RejectMatch(RejectMatch),
    /// Say that the help was given.
    CompleteMatch(CompleteMatch),
    /// End a match before it is completed.
    CancelMatch(CancelMatch),
    /// Rate the other side.
    GiveFeedback(GiveFeedback),
    /// Take the request out of a community; from a policy.
    DetachCommunity(DetachCommunity),
    /// Nobody was found in time; from the timer.
    ExpireRequest(ExpireRequest),
    /// It is time to set out; from the timer.
    RemindMatch(RemindMatch),
    /// Forget the texts; from the timer.
    ForgetText,
}

impl Command {
    /// The timer's command with the windows of the communities that are linked when it is decided. All others carry
    /// what they need.
    pub(crate) fn informed(mut self, state: &State, views: &dyn Views) -> Self {
        if let Self::ExpireRequest(ExpireRequest { windows }) = &mut self
            && let Some(ask) = state.ask()
        {
            *windows = Windows::of(&ask.communities, views);
        }
        self
    }
}

/// Policies send their commands complete: nothing of the views is missing.
impl From<&request::RequestCommand> for Command {
    fn from(wire: &request::RequestCommand) -> Self {
        match wire {
            request::RequestCommand::DetachCommunity(it) => {
                Self::DetachCommunity(DetachCommunity { community: it.community_id })
            }
        }
    }
}

/// Who asks, and whether the views have them in the audience of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The person.
    pub user: UserId,
    /// Whether they may see the request for another reason than being its requester or a responder of it.
    pub in_audience: bool,
}

/// Ask for help.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateRequest {
    /// Id of the new request.
    pub request_id: RequestId,
    /// Who asks.
    pub requester: UserId,
    /// What is asked.
    pub draft: Draft,
    /// The communities that it is meant for, in order.
    pub places: Vec<Place>,
    /// `postToAllCommunities`: places that do not take the type are left out instead of refusing it.
    pub everywhere: bool,
}

/// A community as the poster of a request finds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// The community.
    pub community: CommunityId,
    /// Whether the poster is an active member.
    pub member: bool,
    /// What is known of it.
    pub facts: Arc<CommunityFacts>,
}

/// Edit what is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct UpdateRequest {
    /// Who asks.
    pub by: Caller,
    /// The changed fields, at least one.
    pub edit: Edit,
}

/// Stop asking.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CancelRequest {
    /// Who asks.
    pub by: Caller,
}

/// Choose who may see the request and its author's name; an absent field is unchanged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SetRequestPrivacy {
    /// Who asks.
    pub by: Caller,
    /// Whether it is public.
    pub is_public: Option<bool>,
    /// Whether stories may name the requester.
    pub visibility_consent: Option<bool>,
}

/// Offer to help.
#[derive(Clone, Debug, PartialEq)]
pub struct ProposeMatch {
    /// Id of the new match.
    pub match_id: MatchId,
    /// Who offers.
    pub by: Caller,
    /// Whether they are an active member of none of the linked communities.
    pub outsider: bool,
    /// The standing offer that it draws on.
    pub offer_id: Option<uuid::Uuid>,
    /// A few words, at most 1000 characters.
    pub message: Option<String>,
}

/// Choose a helper.
#[derive(Clone, Debug, PartialEq)]
pub struct AcceptMatch {
    /// The proposal.
    pub match_id: MatchId,
    /// Who accepts.
    pub by: UserId,
    /// Minutes that the helper needs to get there, 0-1440.
    pub travel_time_minutes: i32,
    /// Those responders of the request who are now active members of one of its communities.
    pub present: Vec<UserId>,
}

/// Turn a proposal down, or take it back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RejectMatch {
    /// The proposal.
    pub match_id: MatchId,
    /// Who rejects (the requester) or withdraws (the responder).
    pub by: UserId,
}

/// Say that the help was given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CompleteMatch {
    /// The match.
    pub match_id: MatchId,
    /// Which participant says so.
    pub by: UserId,
    /// How long texts outlive their request, in the communities of this one.
    pub windows: Windows,
}

/// End a match before it is completed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CancelMatch {
    /// The match.
    pub match_id: MatchId,
    /// Which participant ends it.
    pub by: UserId,
    /// How long texts outlive their request, in the communities of this one.
    pub windows: Windows,
}

/// Rate the other side of a completed match. Each number is 1-5, at least one is given.
#[derive(Clone, Debug, PartialEq)]
pub struct GiveFeedback {
    /// The match.
    pub match_id: MatchId,
    /// Who rates.
    pub by: UserId,
    /// The rating as a whole; absent: the mean of the other numbers.
    pub rating: Option<i32>,
    /// How helpful the other side was.
    pub helpfulness: Option<i32>,
    /// How quickly they answered.
    pub responsiveness: Option<i32>,
    /// How clearly they spoke.
    pub clarity: Option<i32>,
    /// A few words, at most 2000 characters.
    pub comment: Option<String>,
    /// Whether the exchange may become a story.
    pub allow_featuring: bool,
    /// Whether the story may name the rater; absent: what their request's consent says.
    pub show_my_name: Option<bool>,
    /// Whom the caller believes to rate; only checked.
    pub to_user: Option<UserId>,
    /// Where the caller believes the exchange to belong; only checked.
    pub community: Option<CommunityId>,
}

/// Take the request out of a community.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DetachCommunity {
    /// The community.
    pub community: CommunityId,
}

/// Nobody was found in time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ExpireRequest {
    /// How long texts outlive their request, in the communities of this one.
    pub windows: Windows,
}

/// It is time to set out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RemindMatch {
    /// The accepted match.
    pub match_id: MatchId,
}

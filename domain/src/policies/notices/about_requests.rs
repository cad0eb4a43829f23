//! What the two sides of a match, and the neighbours around, hear of a request.

use event_schemas::request::{MatchCancelled, MatchDoneMarked, MatchRejected, RequestCreated, RequestEvent};
use event_schemas::{CommunityId, MatchId, RequestId, UserId};

use super::Notice;
use crate::help_request::{Side, State};
use crate::inbox::Kind;
use crate::views::Views;

/// The notices of an event; the request is as it is after it.
pub(super) fn notices(event: &RequestEvent, request: &State, views: &dyn Views) -> Vec<Notice> {
    let communities = request.ask().map_or(&[][..], |ask| &ask.communities);
    let about = |request_id, match_id| Matter { request_id, match_id, communities };
    match event {
        RequestEvent::RequestCreated(it) => to_neighbours(it, views),
        RequestEvent::RequestExpired(it) => request.ask().map_or_else(Vec::new, |ask| {
            let expired = Notice::of(Kind::RequestExpired, ask.requester, it.request_id);
            vec![expired.within(communities).with("requestId", it.request_id)]
        }),
        RequestEvent::MatchCreated(it) => {
            let matter = about(it.request_id, it.match_id);
            vec![match it.via.as_str() {
                "admin" => matter.tell(Kind::MatchSuggested, it.responder_id, None),
                _ => matter.tell(Kind::MatchCreated, it.requester_id, Some(it.responder_id)),
            }]
        }
        RequestEvent::MatchAccepted(it) => {
            let matter = about(it.request_id, it.match_id);
            vec![matter.tell(Kind::MatchAccepted, it.responder_id, Some(it.requester_id))]
        }
        RequestEvent::MatchRejected(it) => vec![rejected(it, &about(it.request_id, it.match_id))],
        RequestEvent::MatchCancelled(it) => cancelled(it, &about(it.request_id, it.match_id)),
        RequestEvent::MatchReminderDue(it) => {
            let matter = about(it.request_id, it.match_id);
            vec![
                matter
                    .tell(Kind::MatchReminder, it.responder_id, Some(it.requester_id))
                    .with("scheduledAt", it.scheduled_at),
            ]
        }
        RequestEvent::MatchDoneMarked(it) => done_marked(it, &about(it.request_id, it.match_id), request),
        RequestEvent::MatchCompleted(it) => {
            let matter = Matter { communities: &it.community_ids, ..about(it.request_id, it.match_id) };
            vec![
                matter.tell(Kind::MatchCompleted, it.requester_id, Some(it.responder_id)),
                matter.tell(Kind::MatchCompleted, it.responder_id, Some(it.requester_id)),
            ]
        }
        RequestEvent::FeedbackGiven(it) => {
            let matter = Matter { communities: &it.community_ids, ..about(it.request_id, it.match_id) };
            vec![matter.tell(Kind::FeedbackReceived, it.to_user_id, Some(it.from_user_id))]
        }
        RequestEvent::RequestUpdated(_)
        | RequestEvent::RequestDetached(_)
        | RequestEvent::RequestCompleted(_)
        | RequestEvent::RequestCancelled(_)
        | RequestEvent::RequestTextForgotten(_)
        | RequestEvent::PrivacySettingsUpdated(_) => Vec::new(),
    }
}

/// A match of a request, and where that belongs.
struct Matter<'a> {
    request_id: RequestId,
    match_id: MatchId,
    communities: &'a [CommunityId],
}

impl Matter<'_> {
    /// A notice about the match.
    fn tell(&self, kind: Kind, to: UserId, by: Option<UserId>) -> Notice {
        self.identified(Notice::of(kind, to, self.match_id)).by(by)
    }

    /// A notice about the request of the match.
    fn tell_of_request(&self, kind: Kind, to: UserId, by: Option<UserId>) -> Notice {
        self.identified(Notice::of(kind, to, self.request_id)).by(by)
    }

    fn identified(&self, notice: Notice) -> Notice {
        notice.within(self.communities).with("requestId", self.request_id).with("matchId", self.match_id)
    }
}

/// One notice per community and neighbour: who is in several may have muted one of them. Their inbox tells it once.
fn to_neighbours(event: &RequestCreated, views: &dyn Views) -> Vec<Notice> {
    let approved = event.community_ids.iter().filter(|it| !event.pending_community_ids.contains(it));
    let told = |community: &CommunityId| {
        let community = *community;
        let neighbours = views.members(community).into_iter().filter(|it| it.user != event.requester_id);
        let told = neighbours.map(move |neighbour| {
            Notice::of(Kind::NewRequest, neighbour.user, event.request_id)
                .by(Some(event.requester_id))
                .within(&[community])
                .with("requestId", event.request_id)
                .with("requestType", &event.request_type)
                .with("urgency", &event.urgency)
        });
        told.collect::<Vec<_>>()
    };
    approved.flat_map(told).collect()
}

/// Whoever did not decide is told.
fn rejected(event: &MatchRejected, matter: &Matter<'_>) -> Notice {
    let (to, by) = match event.reason.as_str() {
        "withdrawn_by_responder" => (event.requester_id, Some(event.responder_id)),
        "rejected_by_requester" | "sibling_accepted" | "request_cancelled" => {
            (event.responder_id, Some(event.requester_id))
        }
        _ => (event.responder_id, None),
    };
    matter.tell(Kind::MatchRejected, to, by).with("reason", &event.reason)
}

/// The other side is told; both are when neither did it.
fn cancelled(event: &MatchCancelled, matter: &Matter<'_>) -> Vec<Notice> {
    let (requester, responder) = (event.requester_id, event.responder_id);
    if event.reason.is_some() {
        return vec![matter.tell_of_request(Kind::RequestCancelled, responder, Some(requester))];
    }
    match Side::named(&event.by_role) {
        Some(Side::Requester) => vec![matter.tell(Kind::MatchCancelled, responder, Some(requester))],
        Some(Side::Responder) => vec![matter.tell(Kind::MatchCancelled, requester, Some(responder))],
        None => [requester, responder].map(|to| matter.tell(Kind::MatchCancelled, to, None)).to_vec(),
    }
}

/// The first mark asks the other side for theirs; the second completes the match, which is told by itself.
fn done_marked(event: &MatchDoneMarked, matter: &Matter<'_>, request: &State) -> Vec<Notice> {
    let Some(side) = Side::named(&event.by_role) else { return Vec::new() };
    let first = request.find(event.match_id).is_some_and(|it| it.done == Some(side));
    if !first {
        return Vec::new();
    }
    let (to, by) = match side {
        Side::Requester => (event.responder_id, event.requester_id),
        Side::Responder => (event.requester_id, event.responder_id),
    };
    vec![matter.tell(Kind::CompletionPending, to, Some(by))]
}

//! Matches: `/matches`. A match lives inside its request; its id leads there.

use axum::extract::State;
use domain::help_request::{
    AcceptMatch, CancelMatch, Command, CompleteMatch, Match, MatchStatus, ProposeMatch, RejectMatch, Side,
    Windows,
};
use domain::text::Text;
use domain::views::{RequestFacts, Views};
use event_schemas::request::{MatchCreated, RequestEvent};
use event_schemas::{Domain, Event, MatchId, RequestId, Timestamp, UserId};
use serde_json::{Value, json};
use service_kit::answer::Problem;
use uuid::Uuid;

use super::requests::audience::caller;
use super::requests::target;
use crate::app::App;
use crate::edge::done::{self, Reply};
use crate::edge::fields::Fields;
use crate::edge::shown::Shown;
use crate::edge::values::{id, integer, text};
use crate::edge::{Call, Refused};
use crate::writer::Executed;

/// Minutes that a helper needs when nobody says otherwise.
const TRAVEL_TIME_MINUTES: i32 = 60;

/// POST /matches
pub(crate) async fn propose_match(State(app): State<App>, call: Call) -> Reply {
    let (request_id, offer_id, message) = call.read(proposal)?;
    let by = caller(&app, request_id, call.user).await?;
    let outsider = is_outsider(&app, request_id, call.user).await?;
    let match_id = MatchId::new(Uuid::now_v7());
    let propose = ProposeMatch { match_id, by, outsider, offer_id, message: message.map(String::from) };
    let executed = app.execute(&call, target(request_id), Command::ProposeMatch(propose)).await?;
    let (match_id, data) = shown_proposal(&executed)?;
    Ok(done::created(&executed, data, format!("/matches/{match_id}")))
}

/// PUT /matches/{id}/accept
pub(crate) async fn accept_match(State(app): State<App>, call: Call) -> Reply {
    let travel_time_minutes =
        call.read(|fields| fields.or("travelTimeMinutes", TRAVEL_TIME_MINUTES, integer(0, 1_440)))?;
    let (match_id, request) = find(&app, &call).await?;
    let present = present(&app, request).await?;
    let accept = AcceptMatch { match_id, by: call.user, travel_time_minutes, present };
    let executed = app.execute(&call, target(request), Command::AcceptMatch(accept)).await?;
    Ok(done::ok(&executed, shown_accepted(match_id, request, &executed)))
}

/// PUT /matches/{id}/reject
pub(crate) async fn reject_match(State(app): State<App>, call: Call) -> Reply {
    let (match_id, request) = find(&app, &call).await?;
    let command = Command::RejectMatch(RejectMatch { match_id, by: call.user });
    let executed = app.execute(&call, target(request), command).await?;
    Ok(done::ok(&executed, json!({ "id": match_id, "requestId": request, "status": "rejected" })))
}

/// PUT /matches/{id}/complete
pub(crate) async fn complete_match(State(app): State<App>, call: Call) -> Reply {
    let (match_id, request) = find(&app, &call).await?;
    let windows = windows(&app, request).await?;
    let command = Command::CompleteMatch(CompleteMatch { match_id, by: call.user, windows });
    let executed = app.execute(&call, target(request), command).await?;
    Ok(done::ok(&executed, Progress::of(match_id, &executed).shown(match_id, request)))
}

/// DELETE /matches/{id}
pub(crate) async fn cancel_match(State(app): State<App>, call: Call) -> Reply {
    let (match_id, request) = find(&app, &call).await?;
    let windows = windows(&app, request).await?;
    let command = Command::CancelMatch(CancelMatch { match_id, by: call.user, windows });
    let executed = app.execute(&call, target(request), command).await?;
    Ok(done::ok(&executed, json!({ "id": match_id, "requestId": request, "status": "cancelled" })))
}

/// The match of the path and its request.
async fn find(app: &App, call: &Call) -> Result<(MatchId, RequestId), Refused> {
    let match_id = call.id("id", "MATCH_NOT_FOUND")?;
    let request = app.request_of(match_id).await?.ok_or_else(|| Problem::not_found("MATCH_NOT_FOUND"))?;
    Ok((match_id, request))
}

/// Whether a person is an active member of no linked community.
async fn is_outsider(app: &App, request: RequestId, user: UserId) -> Result<bool, Refused> {
    let member = |views: &dyn Views| views.request(request).filter(|it| belongs(views, it, user)).map(drop);
    Ok(app.known(&[Domain::Community], member).await?.is_none())
}

/// The responders of a request who are active members of one of its communities.
async fn present(app: &App, request: RequestId) -> Result<Vec<UserId>, Refused> {
    let responders = app.request(request).await?.map(|it| it.responders.clone()).unwrap_or_default();
    let mut present = Vec::with_capacity(responders.len());
    for responder in responders {
        if !is_outsider(app, request, responder).await? {
            present.push(responder);
        }
    }
    Ok(present)
}

fn belongs(views: &dyn Views, request: &RequestFacts, user: UserId) -> bool {
    request.communities.iter().any(|community| views.member(*community, user).is_some())
}

/// How long texts outlive the request, in its communities.
async fn windows(app: &App, request: RequestId) -> Result<Windows, Refused> {
    let communities = app.request(request).await?.map(|it| it.communities.clone()).unwrap_or_default();
    for community in &communities {
        app.community(*community).await?;
    }
    Ok(Windows::of(&communities, &app.views))
}

type Proposal = (RequestId, Option<Uuid>, Option<Text<0, 1000>>);

fn proposal(fields: &mut Fields<'_>) -> Option<Proposal> {
    let request = fields.required("requestId", id);
    let offer = fields.optional("offerId", id);
    let message = fields.optional("message", text);
    Some((request?, offer?, message?))
}

fn shown_proposal(executed: &Executed) -> Result<(MatchId, Value), Problem> {
    let first = executed.events.first();
    let Some((Event::Request(RequestEvent::MatchCreated(event)), envelope)) =
        first.map(|it| (&it.payload, &it.envelope))
    else {
        return Err(Problem::internal("a match was proposed without an event"));
    };
    let MatchCreated {
        request_id,
        match_id,
        requester_id,
        responder_id,
        offer_id,
        via,
        message,
        community_ids,
        outsider: _,
    } = event;
    let shown = Shown::with_id(match_id)
        .put("requestId", request_id)
        .put("requesterId", requester_id)
        .put("responderId", responder_id)
        .put("offerId", offer_id)
        .put("via", via)
        .put("communityIds", community_ids)
        .put("status", MatchStatus::Proposed.name())
        .put("message", Value::Null)
        .maybe_text("message", message)
        .maybe_at("createdAt", Some(envelope.timestamp));
    Ok((*match_id, shown.into()))
}

fn shown_accepted(match_id: MatchId, request: RequestId, executed: &Executed) -> Value {
    let shown = Shown::with_id(match_id).put("requestId", request).put("status", MatchStatus::Matched.name());
    match requested(executed).next() {
        Some(RequestEvent::MatchAccepted(event)) => shown
            .put("responderId", event.responder_id)
            .put("travelTimeMinutes", event.travel_time_minutes)
            .maybe_at("scheduledFor", event.scheduled_at)
            .into(),
        _ => shown.into(),
    }
}

/// How far the completion of a match is.
struct Progress {
    waiting_for: Option<Side>,
    completed_at: Option<Timestamp>,
}

impl Progress {
    fn of(match_id: MatchId, executed: &Executed) -> Self {
        let completed = requested(executed).find_map(|it| {
            let RequestEvent::MatchCompleted(event) = it else { return None };
            Some(event.completed_at)
        });
        let marked = requested(executed).find_map(|it| {
            let RequestEvent::MatchDoneMarked(event) = it else { return None };
            Side::named(&event.by_role)
        });
        match (completed, marked, found(match_id, executed)) {
            (Some(at), _, _) => Self { waiting_for: None, completed_at: Some(at) },
            (None, Some(side), _) => Self { waiting_for: Some(side.other()), completed_at: None },
            (None, None, Some(found)) => {
                Self { waiting_for: found.waiting_for(), completed_at: found.completed_at }
            }
            (None, None, None) => Self { waiting_for: None, completed_at: None },
        }
    }

    fn shown(&self, match_id: MatchId, request: RequestId) -> Value {
        let fully = self.completed_at.is_some();
        let status = if fully { MatchStatus::Completed } else { MatchStatus::Matched };
        let waiting_for = self.waiting_for.map(|it| match it {
            Side::Requester => "requester",
            Side::Responder => "helper",
        });
        Shown::with_id(match_id)
            .put("requestId", request)
            .put("status", status.name())
            .put("fullyCompleted", fully)
            .put("waitingFor", waiting_for)
            .put("completedAt", self.completed_at.map(|it| it.to_string()))
            .into()
    }
}

fn requested(executed: &Executed) -> impl Iterator<Item = &RequestEvent> {
    executed.events.iter().filter_map(|it| match &it.payload {
        Event::Request(event) => Some(event),
        Event::User(_) | Event::Community(_) | Event::Reputation(_) | Event::Notification(_) => None,
    })
}

fn found(match_id: MatchId, executed: &Executed) -> Option<Match> {
    let domain::State::HelpRequest(state) = executed.state.as_ref()? else { return None };
    state.find(match_id)
}

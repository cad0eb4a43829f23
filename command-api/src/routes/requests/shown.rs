//! Requests as answers show them.

use domain::help_request::State;
use event_schemas::request::{RequestCreated, RequestEvent, RequestUpdated};
use event_schemas::{Event, RequestId};
use serde_json::Value;
use service_kit::answer::Problem;

use crate::edge::shown::Shown;
use crate::writer::Executed;

/// A new request.
pub(super) fn created(executed: &Executed) -> Result<(RequestId, Value), Problem> {
    let first = executed.events.first();
    let Some((Event::Request(RequestEvent::RequestCreated(event)), envelope)) =
        first.map(|it| (&it.payload, &it.envelope))
    else {
        return Err(Problem::internal("a request was created without an event"));
    };
    let RequestCreated {
        request_id,
        requester_id,
        community_id,
        community_ids,
        pending_community_ids: _,
        request_type,
        category,
        category_sealed,
        urgency,
        title,
        description,
        payload,
        requirements,
        visibility_scope,
        visibility_max_degrees,
        scheduled_at,
        preferred_start_at,
        preferred_end_at,
        expires_at,
    } = event;
    let shown = Shown::with_id(request_id)
        .put("requesterId", requester_id)
        .put("communityId", community_id)
        .put("communityIds", community_ids)
        .put("requestType", request_type)
        .maybe_text("category", category_sealed)
        .maybe("category", category)
        .put("urgency", urgency)
        .maybe_text("title", title)
        .maybe_text("description", description)
        .cleared(["payload", "requirements", "scheduledFor", "preferredStart", "preferredEnd"])
        .maybe_object("payload", payload)
        .maybe_object("requirements", requirements)
        .put("visibilityScope", visibility_scope)
        .put("visibilityMaxDegrees", visibility_max_degrees)
        .maybe_at("scheduledFor", *scheduled_at)
        .maybe_at("preferredStart", *preferred_start_at)
        .maybe_at("preferredEnd", *preferred_end_at)
        .put("status", "open")
        .put("expired", false)
        .maybe_at("expiresAt", Some(*expires_at))
        .maybe_at("createdAt", Some(envelope.timestamp));
    Ok((*request_id, shown.into()))
}

/// Changed fields, else what the state knows.
pub(super) fn updated(id: RequestId, executed: &Executed) -> Value {
    let shown = Shown::with_id(id);
    if let Some(Event::Request(RequestEvent::RequestUpdated(event))) =
        executed.events.first().map(|it| &it.payload)
    {
        let RequestUpdated {
            request_id: _,
            status_from: _,
            status_to,
            urgency,
            title,
            description,
            payload,
            requirements,
            scheduled_at,
            preferred_start_at,
            preferred_end_at,
            cleared,
        } = event;
        return shown
            .maybe("status", status_to)
            .maybe("urgency", urgency)
            .maybe_text("title", title)
            .maybe_text("description", description)
            .maybe_object("payload", payload)
            .maybe_object("requirements", requirements)
            .maybe_at("scheduledFor", *scheduled_at)
            .maybe_at("preferredStart", *preferred_start_at)
            .maybe_at("preferredEnd", *preferred_end_at)
            .cleared(cleared.iter().map(|it| name_in_answers(it)))
            .into();
    }
    let Some(state) = state(executed) else { return shown.into() };
    let Some(ask) = state.ask() else { return shown.into() };
    shown
        .put("requesterId", ask.requester)
        .put("communityIds", &ask.communities)
        .put("requestType", ask.request_type.name())
        .put("urgency", ask.urgency.name())
        .put("status", state.status().map(|it| it.name()))
        .maybe_at("expiresAt", state.terms().map(|it| it.expires_at))
        .into()
}

/// `{id, isPublic, requesterVisibilityConsent}`.
pub(super) fn privacy(id: RequestId, executed: &Executed) -> Value {
    let shown = Shown::with_id(id);
    match (executed.events.first().map(|it| &it.payload), state(executed).and_then(State::ask)) {
        (Some(Event::Request(RequestEvent::PrivacySettingsUpdated(event))), _) => shown
            .maybe("isPublic", &event.is_public)
            .maybe("requesterVisibilityConsent", &event.visibility_consent)
            .into(),
        (_, Some(ask)) => shown
            .put("isPublic", ask.is_public)
            .put("requesterVisibilityConsent", ask.visibility_consent)
            .into(),
        _ => shown.into(),
    }
}

/// Instants of a request have other names in events than in answers.
fn name_in_answers(name: &str) -> &str {
    match name {
        "scheduledAt" => "scheduledFor",
        "preferredStartAt" => "preferredStart",
        "preferredEndAt" => "preferredEnd",
        name => name,
    }
}

fn state(executed: &Executed) -> Option<&State> {
    let domain::State::HelpRequest(state) = executed.state.as_ref()? else { return None };
    Some(state)
}

//! `requests`: help requests with their communities, matches and private feedback.

use event_schemas::request::{
    FeedbackGiven, MatchAccepted, MatchCreated, MatchDoneMarked, PrivacySettingsUpdated, RequestCreated,
    RequestEvent, RequestUpdated,
};
use event_schemas::{CommunityId, Event, MatchId, Placeholder, RequestId, Sealable, Timestamp, UserId};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{change, change_or_clear, text, uuid, value};
use crate::projection::{Fact, Interest, Projection, Unfoldable};
use crate::row::row;
use crate::table::{AnyTable, Table};

row! {
    /// A help request.
    struct HelpRequest in "requests.help_requests" (id: RequestId) {
        requester_id: UserId,
        title: String,
        description: String,
        category: String,
        category_sealed: bool,
        request_type: String,
        payload: Option<Value>,
        requirements: Option<Value>,
        urgency: String,
        status: String,
        visibility_scope: String,
        visibility_max_degrees: i32,
        preferred_start: Option<Timestamp>,
        preferred_end: Option<Timestamp>,
        scheduled_at: Option<Timestamp>,
        expires_at: Timestamp,
        is_public: bool,
        requester_visibility_consent: bool,
        boosted_until: Option<Timestamp>,
        completed_at: Option<Timestamp>,
        text_forgotten_at: Option<Timestamp>,
        proposal_count: i32,
        community_ids: Vec<CommunityId>,
        pending_community_ids: Vec<CommunityId>,
        created_at: Timestamp,
        updated_at: Timestamp,
        version: i64,
    }
}

row! {
    /// A community that a request was posted to.
    struct RequestCommunity in "requests.request_communities" (request_id: RequestId, community_id: CommunityId) by request_id {
        status: String,
        position: i32,
        created_at: Timestamp,
    }
}

row! {
    /// A proposal, up to its end.
    struct Match in "requests.matches" (id: MatchId) by request_id {
        request_id: RequestId,
        requester_id: UserId,
        responder_id: UserId,
        offer_id: Option<Uuid>,
        via: String,
        status: String,
        reason: Option<String>,
        message: Option<String>,
        scheduled_at: Option<Timestamp>,
        travel_time_minutes: Option<i32>,
        requester_done_at: Option<Timestamp>,
        responder_done_at: Option<Timestamp>,
        completed_at: Option<Timestamp>,
        created_at: Timestamp,
        updated_at: Timestamp,
        version: i64,
    }
}

row! {
    /// What one side said of the other.
    struct Feedback in "requests.match_feedback" (match_id: MatchId, from_user_id: UserId) by request_id {
        request_id: RequestId,
        to_user_id: UserId,
        rating: f64,
        helpfulness: Option<i32>,
        responsiveness: Option<i32>,
        clarity: Option<i32>,
        comment: Option<String>,
        allow_featuring: bool,
        created_at: Timestamp,
    }
}

/// The projection.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    pub(super) help_requests: Table<HelpRequest>,
    pub(super) request_communities: Table<RequestCommunity>,
    pub(super) matches: Table<Match>,
    pub(super) feedback: Table<Feedback>,
}

/// Which request, when, and the request's version afterwards.
#[derive(Clone, Copy)]
struct At {
    request: RequestId,
    time: Timestamp,
    version: i64,
}

impl Projection for Requests {
    fn interest(&self, event_type: &str) -> Interest {
        match event_type {
            "RequestCreated" | "RequestUpdated" | "MatchCreated" | "FeedbackGiven" => Interest::Texts,
            _ => Interest::Facts,
        }
    }

    fn fold(&mut self, fact: &Fact) -> Result<(), Unfoldable> {
        let Event::Request(event) = &fact.event else { return Ok(()) };
        let request = subject(event);
        let at = At { request, time: fact.envelope.timestamp, version: fact.envelope.aggregate_version };
        match event {
            RequestEvent::RequestCreated(it) => self.created(it, at),
            RequestEvent::RequestUpdated(it) => self.updated(it, at),
            RequestEvent::RequestDetached(it) => self.detached(it.community_id, at),
            RequestEvent::RequestCompleted(it) => self.change(at, |row| {
                "completed".clone_into(&mut row.status);
                row.completed_at = Some(it.at);
            }),
            RequestEvent::RequestCancelled(_) => {
                self.change(at, |row| "cancelled".clone_into(&mut row.status))
            }
            RequestEvent::RequestExpired(_) => self.change(at, |row| "expired".clone_into(&mut row.status)),
            RequestEvent::RequestTextForgotten(it) => self.text_forgotten(it.forgotten_at, at),
            RequestEvent::PrivacySettingsUpdated(it) => self.privacy_updated(it, at),
            RequestEvent::MatchCreated(it) => self.proposed(it, at)?,
            RequestEvent::MatchAccepted(it) => self.accepted(it, at),
            RequestEvent::MatchRejected(it) => self.ended(it.match_id, "rejected", Some(&it.reason), at),
            RequestEvent::MatchCancelled(it) => self.ended(it.match_id, "cancelled", it.reason.as_ref(), at),
            RequestEvent::MatchReminderDue(_) => {}
            RequestEvent::MatchDoneMarked(it) => self.done_marked(it, at),
            RequestEvent::MatchCompleted(it) => self.change_match(it.match_id, at, |row| {
                "completed".clone_into(&mut row.status);
                row.completed_at = Some(it.completed_at);
            }),
            RequestEvent::FeedbackGiven(it) => self.rated(it),
        }
        if let Some(row) = self.help_requests.get(&request) {
            row.version = at.version;
        }
        Ok(())
    }

    fn tables(&mut self) -> Vec<&mut dyn AnyTable> {
        vec![&mut self.help_requests, &mut self.request_communities, &mut self.matches, &mut self.feedback]
    }
}

impl Requests {
    fn created(&mut self, it: &RequestCreated, at: At) {
        let pending = |id: &CommunityId| it.pending_community_ids.contains(id);
        for (position, &community_id) in (0..).zip(&it.community_ids) {
            self.request_communities.put(RequestCommunity {
                request_id: it.request_id,
                community_id,
                status: if pending(&community_id) { "pending" } else { "approved" }.to_owned(),
                position,
                created_at: at.time,
            });
        }
        let (waiting, approved): (Vec<_>, Vec<_>) = it.community_ids.iter().copied().partition(pending);
        let forgotten = || Placeholder::Forgotten.text().to_owned();
        self.help_requests.put(HelpRequest {
            id: it.request_id,
            requester_id: it.requester_id,
            title: text(it.title.as_ref()).unwrap_or_else(forgotten),
            description: text(it.description.as_ref()).unwrap_or_else(forgotten),
            category: it
                .category
                .clone()
                .or_else(|| text(it.category_sealed.as_ref()))
                .unwrap_or_else(|| it.request_type.clone()),
            category_sealed: it.category_sealed.is_some(),
            request_type: it.request_type.clone(),
            payload: payload(it.payload.as_ref()),
            requirements: value(it.requirements.as_ref()),
            urgency: it.urgency.clone(),
            status: if approved.is_empty() { "pending" } else { "open" }.to_owned(),
            visibility_scope: it.visibility_scope.clone(),
            visibility_max_degrees: it.visibility_max_degrees,
            preferred_start: it.preferred_start_at,
            preferred_end: it.preferred_end_at,
            scheduled_at: it.scheduled_at,
            expires_at: it.expires_at,
            is_public: false,
            requester_visibility_consent: false,
            boosted_until: None,
            completed_at: None,
            text_forgotten_at: None,
            proposal_count: 0,
            community_ids: approved,
            pending_community_ids: waiting,
            created_at: at.time,
            updated_at: at.time,
            version: at.version,
        });
    }

    fn updated(&mut self, it: &RequestUpdated, at: At) {
        self.change(at, |row| {
            change(&mut row.status, it.status_to.as_ref());
            change(&mut row.urgency, it.urgency.as_ref());
            change(&mut row.title, text(it.title.as_ref()).as_ref());
            change(&mut row.description, text(it.description.as_ref()).as_ref());
            change_or_clear(&mut row.payload, payload(it.payload.as_ref()).as_ref(), "payload", &it.cleared);
            if it.requirements.is_some() {
                row.requirements = value(it.requirements.as_ref());
            }
            change_or_clear(&mut row.requirements, None, "requirements", &it.cleared);
            change_or_clear(&mut row.scheduled_at, it.scheduled_at.as_ref(), "scheduledAt", &it.cleared);
            change_or_clear(
                &mut row.preferred_start,
                it.preferred_start_at.as_ref(),
                "preferredStartAt",
                &it.cleared,
            );
            change_or_clear(
                &mut row.preferred_end,
                it.preferred_end_at.as_ref(),
                "preferredEndAt",
                &it.cleared,
            );
        });
    }

    fn detached(&mut self, community: CommunityId, at: At) {
        if let Some(link) = self.request_communities.get(&(at.request, community)) {
            "detached".clone_into(&mut link.status);
        }
        self.change(at, |row| {
            row.community_ids.retain(|id| *id != community);
            row.pending_community_ids.retain(|id| *id != community);
        });
    }

    /// What nobody completed goes altogether; its matches stay as facts of two people.
    fn text_forgotten(&mut self, forgotten_at: Timestamp, at: At) {
        let group = at.request.uuid();
        self.matches.each_of(group, |it| forget(it.message.as_mut()));
        self.feedback.each_of(group, |it| forget(it.comment.as_mut()));
        let Some(row) = self.help_requests.get(&at.request) else { return };
        if matches!(row.status.as_str(), "cancelled" | "expired") {
            self.help_requests.remove(&at.request);
            self.request_communities.remove_all_of(group);
            return;
        }
        forget(Some(&mut row.title));
        forget(Some(&mut row.description));
        if row.category_sealed {
            forget(Some(&mut row.category));
        }
        row.payload = row.payload.take().map(|_| json!({}));
        row.requirements = None;
        row.text_forgotten_at = Some(forgotten_at);
        row.updated_at = at.time;
    }

    fn privacy_updated(&mut self, it: &PrivacySettingsUpdated, at: At) {
        self.change(at, |row| {
            change(&mut row.is_public, it.is_public.as_ref());
            change(&mut row.requester_visibility_consent, it.visibility_consent.as_ref());
        });
    }

    fn proposed(&mut self, it: &MatchCreated, at: At) -> Result<(), Unfoldable> {
        let offer_id = it.offer_id.as_deref().map(|id| uuid(id, "MatchCreated", "offerId")).transpose()?;
        self.matches.put(Match {
            id: it.match_id,
            request_id: it.request_id,
            requester_id: it.requester_id,
            responder_id: it.responder_id,
            offer_id,
            via: it.via.clone(),
            status: "proposed".to_owned(),
            reason: None,
            message: text(it.message.as_ref()),
            scheduled_at: None,
            travel_time_minutes: None,
            requester_done_at: None,
            responder_done_at: None,
            completed_at: None,
            created_at: at.time,
            updated_at: at.time,
            version: at.version,
        });
        self.change(at, |row| row.proposal_count += 1);
        Ok(())
    }

    fn accepted(&mut self, it: &MatchAccepted, at: At) {
        self.ended(it.match_id, "matched", None, at);
        self.change_match(it.match_id, at, |row| {
            row.scheduled_at = it.scheduled_at;
            row.travel_time_minutes = Some(it.travel_time_minutes);
        });
    }

    /// The proposal is no proposal any more; what was one is no longer counted.
    fn ended(&mut self, id: MatchId, status: &str, reason: Option<&String>, at: At) {
        let mut was_proposed = false;
        self.change_match(id, at, |row| {
            was_proposed = row.status == "proposed";
            status.clone_into(&mut row.status);
            row.reason = reason.cloned();
        });
        if was_proposed {
            self.change(at, |row| row.proposal_count -= 1);
        }
    }

    fn done_marked(&mut self, it: &MatchDoneMarked, at: At) {
        self.change_match(it.match_id, at, |row| match it.by_role.as_str() {
            "requester" => row.requester_done_at = Some(it.at),
            _ => row.responder_done_at = Some(it.at),
        });
    }

    fn rated(&mut self, it: &FeedbackGiven) {
        self.feedback.put(Feedback {
            match_id: it.match_id,
            from_user_id: it.from_user_id,
            request_id: it.request_id,
            to_user_id: it.to_user_id,
            rating: it.rating,
            helpfulness: it.helpfulness,
            responsiveness: it.responsiveness,
            clarity: it.clarity,
            comment: text(it.comment.as_ref()),
            allow_featuring: it.allow_featuring,
            created_at: it.at,
        });
    }

    fn change(&mut self, at: At, change: impl FnOnce(&mut HelpRequest)) {
        if let Some(row) = self.help_requests.get(&at.request) {
            change(row);
            row.updated_at = at.time;
        }
    }

    fn change_match(&mut self, id: MatchId, at: At, change: impl FnOnce(&mut Match)) {
        if let Some(row) = self.matches.get(&id) {
            change(row);
            row.updated_at = at.time;
            row.version = at.version;
        }
    }
}

/// The fields of a type; an empty object once they are forgotten.
fn payload(field: Option<&Sealable<Value>>) -> Option<Value> {
    field.map(|it| it.clear().cloned().unwrap_or_else(|| json!({})))
}

/// Puts the placeholder in place of a text.
fn forget(text: Option<&mut String>) {
    if let Some(text) = text {
        Placeholder::Forgotten.text().clone_into(text);
    }
}

/// Which request an event is about.
fn subject(event: &RequestEvent) -> RequestId {
    match event {
        RequestEvent::RequestCreated(it) => it.request_id,
        RequestEvent::RequestUpdated(it) => it.request_id,
        RequestEvent::RequestDetached(it) => it.request_id,
        RequestEvent::RequestCompleted(it) => it.request_id,
        RequestEvent::RequestCancelled(it) => it.request_id,
        RequestEvent::RequestExpired(it) => it.request_id,
        RequestEvent::RequestTextForgotten(it) => it.request_id,
        RequestEvent::PrivacySettingsUpdated(it) => it.request_id,
        RequestEvent::MatchCreated(it) => it.request_id,
        RequestEvent::MatchAccepted(it) => it.request_id,
        RequestEvent::MatchRejected(it) => it.request_id,
        RequestEvent::MatchCancelled(it) => it.request_id,
        RequestEvent::MatchReminderDue(it) => it.request_id,
        RequestEvent::MatchDoneMarked(it) => it.request_id,
        RequestEvent::MatchCompleted(it) => it.request_id,
        RequestEvent::FeedbackGiven(it) => it.request_id,
    }
}

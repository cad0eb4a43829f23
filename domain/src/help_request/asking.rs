//! What the requester does with the ask itself: edit it, choose who sees it, withdraw it; and leaving a community.

use event_schemas::request::{
    MatchCancelled, PrivacySettingsUpdated, RequestCancelled, RequestDetached, RequestEvent, RequestUpdated,
};
use event_schemas::{Sealable, Timestamp};

use super::draft::{END_BEFORE_START, Edit, ends_before_it_starts};
use super::lifetime::after_cancellation;
use super::reading::Faults;
use super::values::{CancelReason, RejectReason, Side, Status};
use super::{
    Ask, Cancelled, DetachCommunity, Matched, Open, Rejection, SetRequestPrivacy, Terms, UpdateRequest,
    payload,
};
use crate::Patch;
use crate::text::FieldFault;

impl Open {
    /// Writes what differs. Texts always do: the state does not know them.
    pub(super) fn update(&self, it: &UpdateRequest) -> Result<Vec<RequestEvent>, Rejection> {
        let Edit { title, description, urgency, payload, requirements, .. } = &it.edit;
        if it.edit.is_empty() {
            return Err(Rejection::NothingToChange);
        }
        let Self { ask, terms, .. } = self;
        let scheduled_at = differing(it.edit.scheduled_at, terms.scheduled_at);
        let preferred_start_at = differing(it.edit.preferred_start_at, terms.preferred_start_at);
        let preferred_end_at = differing(it.edit.preferred_end_at, terms.preferred_end_at);
        terms.check_preferred_time(preferred_start_at, preferred_end_at)?;
        let payload = ask.checked_payload(payload)?;
        let cleared = [
            ("payload", payload == Patch::Clear),
            ("requirements", *requirements == Patch::Clear),
            ("scheduledAt", scheduled_at == Patch::Clear),
            ("preferredStartAt", preferred_start_at == Patch::Clear),
            ("preferredEndAt", preferred_end_at == Patch::Clear),
        ];
        let updated = RequestUpdated {
            urgency: urgency.filter(|it| *it != ask.urgency).map(|it| it.name().to_owned()),
            title: title.as_ref().map(|it| Sealable::Clear(it.as_str().to_owned())),
            description: description.as_ref().map(|it| Sealable::Clear(it.as_str().to_owned())),
            payload: payload.value().cloned().map(Sealable::Clear),
            requirements: requirements.value().cloned().map(Sealable::Clear),
            scheduled_at: scheduled_at.value().copied(),
            preferred_start_at: preferred_start_at.value().copied(),
            preferred_end_at: preferred_end_at.value().copied(),
            cleared: cleared.iter().filter(|it| it.1).map(|it| it.0.to_owned()).collect(),
            ..ask.no_update()
        };
        Ok(if updated == ask.no_update() { vec![] } else { vec![updated.into()] })
    }

    /// Withdraws it with every proposal.
    pub(super) fn cancel(&self, now: Timestamp) -> Vec<RequestEvent> {
        self.end_cancelled(CancelReason::Requester, now)
    }

    /// Takes it out of a community; without any it cannot go on.
    pub(super) fn detach(&self, it: &DetachCommunity, now: Timestamp) -> Vec<RequestEvent> {
        if !self.ask.communities.contains(&it.community) {
            return vec![];
        }
        let detached = RequestDetached { request_id: self.ask.request_id, community_id: it.community };
        let end = match self.ask.communities.len() {
            1 => self.end_cancelled(CancelReason::NoCommunity, now),
            _more => vec![],
        };
        std::iter::once(detached.into()).chain(end).collect()
    }

    fn end_cancelled(&self, reason: CancelReason, now: Timestamp) -> Vec<RequestEvent> {
        let end = self.ask.cancelled(reason, Status::Open, now);
        self.reject_all(RejectReason::RequestCancelled).chain(end).collect()
    }
}

impl Matched {
    /// Withdraws it with the match under way.
    pub(super) fn cancel_request(&self, now: Timestamp) -> Vec<RequestEvent> {
        let cancelled = MatchCancelled {
            reason: Some("request_cancelled".to_owned()),
            ..self.match_cancelled(Side::Requester)
        };
        let end = self.ask.cancelled(CancelReason::Requester, Status::Matched, now);
        std::iter::once(cancelled.into()).chain(end).collect()
    }
}

impl Cancelled {
    /// What the requester's own call brought about may be asked again.
    pub(super) fn cancel_again(&self) -> Result<Vec<RequestEvent>, Rejection> {
        match self.reason {
            CancelReason::Requester => Ok(vec![]),
            CancelReason::Refused | CancelReason::NoCommunity | CancelReason::Erased => {
                Err(Rejection::RequestFinal)
            }
        }
    }
}

impl Terms {
    fn check_preferred_time(&self, start: Patch<Timestamp>, end: Patch<Timestamp>) -> Result<(), Rejection> {
        let start = start.applied_to(&self.preferred_start_at);
        let end = end.applied_to(&self.preferred_end_at);
        if ends_before_it_starts(start, end) {
            Err(Faults(vec![FieldFault::new("preferredEnd", END_BEFORE_START)]).into())
        } else {
            Ok(())
        }
    }
}

impl Ask {
    /// In any state: stories are told after the end.
    pub(super) fn set_privacy(&self, it: &SetRequestPrivacy) -> Result<Vec<RequestEvent>, Rejection> {
        if it.is_public.is_none() && it.visibility_consent.is_none() {
            return Err(Rejection::NothingToChange);
        }
        let is_public = it.is_public.filter(|_| it.is_public != self.is_public);
        let visibility_consent =
            it.visibility_consent.filter(|_| it.visibility_consent != self.visibility_consent);
        if is_public.is_none() && visibility_consent.is_none() {
            return Ok(vec![]);
        }
        let request_id = self.request_id;
        let entity_type = "request".to_owned();
        Ok(vec![PrivacySettingsUpdated { request_id, entity_type, is_public, visibility_consent }.into()])
    }

    /// The last event of a decision that changes the status.
    pub(super) fn status_changed(&self, from: Status, to: Status) -> RequestEvent {
        RequestUpdated {
            status_from: Some(from.name().to_owned()),
            status_to: Some(to.name().to_owned()),
            ..self.no_update()
        }
        .into()
    }

    /// An update that says nothing yet.
    const fn no_update(&self) -> RequestUpdated {
        RequestUpdated {
            request_id: self.request_id,
            status_from: None,
            status_to: None,
            urgency: None,
            title: None,
            description: None,
            payload: None,
            requirements: None,
            scheduled_at: None,
            preferred_start_at: None,
            preferred_end_at: None,
            cleared: Vec::new(),
        }
    }

    fn cancelled(&self, reason: CancelReason, from: Status, now: Timestamp) -> [RequestEvent; 2] {
        let cancelled = RequestCancelled {
            request_id: self.request_id,
            at: now,
            forget_at: after_cancellation(now),
            reason: reason.name().to_owned(),
        };
        [cancelled.into(), self.status_changed(from, Status::Cancelled)]
    }

    /// The written payload, normalised for the type of the request.
    fn checked_payload(
        &self,
        written: &Patch<serde_json::Value>,
    ) -> Result<Patch<serde_json::Value>, Rejection> {
        Ok(match written {
            Patch::Keep => Patch::Keep,
            Patch::Clear | Patch::Set(_) => {
                payload::parse(self.request_type, written.value())?.map_or(Patch::Clear, Patch::Set)
            }
        })
    }
}

/// A change that says what is already so is none.
fn differing(change: Patch<Timestamp>, before: Option<Timestamp>) -> Patch<Timestamp> {
    if change.applied_to(&before) == before { Patch::Keep } else { change }
}

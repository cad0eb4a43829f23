//! Posting a request: where it may stand, for how long, and which of its words stand in clear on the log.

use event_schemas::request::{RequestCreated, RequestEvent};
use event_schemas::{CommunityId, Sealable, Timestamp, UserId};

use super::lifetime::expiry;
use super::values::RequestType;
use super::{CreateRequest, Draft, Place, Rejection};
use crate::views::Views;

/// The classic categories. With the names of the types and the labels of the linked communities they are the closed
/// list: a category of it stands in clear on the log, any other is sealed.
const CLASSIC_CATEGORIES: [&str; 14] = [
    "transportation",
    "moving",
    "childcare",
    "pet_care",
    "tech_support",
    "home_repair",
    "gardening",
    "cooking",
    "tutoring",
    "language",
    "professional_advice",
    "cleaning",
    "errands",
    "other",
];

impl Place {
    /// The community as `poster` finds it; none when the views do not know it.
    #[must_use]
    pub fn of(community: CommunityId, poster: UserId, views: &dyn Views) -> Option<Self> {
        let facts = views.community(community)?;
        Some(Self { community, member: views.member(community, poster).is_some(), facts })
    }

    /// Why it does not take the request; none when it does.
    fn refusal(&self, request_type: RequestType) -> Option<Rejection> {
        if !self.member {
            Some(Rejection::NotAMember(self.community))
        } else if !self.facts.active {
            Some(Rejection::CommunityNotActive(self.community))
        } else if !self.facts.config.takes(request_type.name()) {
            Some(Rejection::TypeNotEnabled(request_type, self.community))
        } else {
            None
        }
    }
}

/// Posts the request in its places.
pub(super) fn create(it: &CreateRequest, now: Timestamp) -> Result<Vec<RequestEvent>, Rejection> {
    let places = linked(it)?;
    let first = places.first().ok_or(Rejection::CommunityContextRequired)?;
    let community_ids: Vec<_> = places.iter().map(|place| place.community).collect();
    let Draft { description, payload, requirements, .. } = &it.draft;
    let (category, category_sealed) = category(&it.draft, &places);
    let config = &first.facts.config;
    let created = RequestCreated {
        request_id: it.request_id,
        requester_id: it.requester,
        community_id: first.community,
        community_ids,
        pending_community_ids: Vec::new(),
        request_type: it.draft.request_type.name().to_owned(),
        category,
        category_sealed,
        urgency: it.draft.urgency.name().to_owned(),
        title: Some(Sealable::Clear(it.draft.title())),
        description: Some(Sealable::Clear(description.as_str().to_owned())),
        payload: payload.clone().map(Sealable::Clear),
        requirements: requirements.clone().map(Sealable::Clear),
        visibility_scope: it
            .draft
            .scope
            .map_or_else(|| config.default_request_scope.clone(), |it| it.name().to_owned()),
        visibility_max_degrees: it.draft.max_degrees,
        scheduled_at: it.draft.scheduled_at,
        preferred_start_at: it.draft.preferred_start_at,
        preferred_end_at: it.draft.preferred_end_at,
        expires_at: expiry(now, first.facts.settings.request_ttl_days),
    };
    Ok(vec![created.into()])
}

/// The places that the request is linked to: each named one must take it; of all one's own, those that do.
fn linked(it: &CreateRequest) -> Result<Vec<&Place>, Rejection> {
    let refusal = |place: &Place| place.refusal(it.draft.request_type);
    let willing: Vec<&Place> = it.places.iter().filter(|place| refusal(place).is_none()).collect();
    match it.places.iter().find_map(refusal) {
        Some(refusal) if !it.everywhere || willing.is_empty() => Err(refusal),
        Some(_) | None => Ok(willing),
    }
}

/// The category in clear when it is of the closed list, else sealed.
fn category(draft: &Draft, places: &[&Place]) -> (Option<String>, Option<Sealable<String>>) {
    let name = draft.category();
    let closed = CLASSIC_CATEGORIES.contains(&name.as_str())
        || RequestType::named(&name).is_some()
        || places.iter().any(|it| it.facts.config.has_label(&name));
    if closed { (Some(name), None) } else { (None, Some(Sealable::Clear(name))) }
}

//! Help requests: links, proposals, what is forgotten and what stays.

use event_schemas::request::{
    FeedbackGiven, MatchAccepted, MatchCreated, MatchRejected, RequestCancelled, RequestCompleted,
    RequestCreated, RequestEvent, RequestTextForgotten, RequestUpdated,
};
use event_schemas::{CommunityId, MatchId, RequestId};
use serde_json::json;

use super::{Event, Sealable, Value, clear, given, id, payload, user};
use crate::projections::requests::Requests;

fn event(event: impl Into<RequestEvent>) -> Event {
    event.into().into()
}

fn created() -> Event {
    let base: RequestCreated = payload(json!({
        "requestId": RequestId::new(id(1)), "requesterId": user(1), "communityId": CommunityId::new(id(1)),
        "communityIds": [CommunityId::new(id(1)), CommunityId::new(id(2))], "pendingCommunityIds": [CommunityId::new(id(2))],
        "requestType": "ride", "urgency": "high", "visibilityScope": "community", "visibilityMaxDegrees": 3,
        "expiresAt": 1_000_000_000_000_i64,
    }));
    event(RequestCreated {
        category_sealed: clear("stargazing"),
        title: clear("A ride"),
        description: clear("To the hospital, please"),
        payload: Some(Sealable::Clear(json!({"seatsNeeded": 1}))),
        ..base
    })
}

fn proposed(number: u64) -> Event {
    let base: MatchCreated = payload(json!({
        "requestId": RequestId::new(id(1)), "matchId": MatchId::new(id(number)), "requesterId": user(1),
        "responderId": user(number), "via": "proposal", "communityIds": [], "outsider": false,
    }));
    event(MatchCreated { message: clear("I can drive"), ..base })
}

fn parties(number: u64) -> Value {
    json!({
        "requestId": RequestId::new(id(1)), "matchId": MatchId::new(id(number)), "requesterId": user(1),
        "responderId": user(number), "requestType": "ride", "travelTimeMinutes": 60, "reason": "sibling_accepted",
    })
}

fn accepted(number: u64) -> Event {
    event(payload::<MatchAccepted>(parties(number)))
}

fn rejected(number: u64) -> Event {
    event(payload::<MatchRejected>(parties(number)))
}

fn forgotten() -> Event {
    event(payload::<RequestTextForgotten>(json!({"requestId": RequestId::new(id(1)), "forgottenAt": 9})))
}

#[test]
fn a_request_is_linked_to_its_communities_in_order() {
    let requests: Requests = given([created()]);
    let row = requests.help_requests.rows()[0];
    assert_eq!((row.status.as_str(), row.category.as_str()), ("open", "stargazing"));
    assert_eq!(row.community_ids, [CommunityId::new(id(1))]);
    assert_eq!(row.pending_community_ids, [CommunityId::new(id(2))]);
    let mut links: Vec<_> =
        requests.request_communities.rows().iter().map(|it| (it.position, it.status.clone())).collect();
    links.sort_unstable();
    assert_eq!(links, [(0, "approved".to_owned()), (1, "pending".to_owned())]);
}

#[test]
fn only_live_proposals_are_counted() {
    let requests: Requests = given([created(), proposed(2), proposed(3), accepted(2), rejected(3)]);
    let row = requests.help_requests.rows()[0];
    assert_eq!((row.proposal_count, row.version), (0, 5));
    let requests: Requests = given([created(), proposed(2), proposed(3), rejected(3), rejected(3)]);
    assert_eq!(requests.help_requests.rows()[0].proposal_count, 1);
}

#[test]
fn a_completed_request_keeps_its_facts_when_its_texts_are_forgotten() {
    let done =
        payload::<RequestCompleted>(json!({"requestId": RequestId::new(id(1)), "at": 5, "forgetAt": 9}));
    let base: FeedbackGiven = payload(json!({
        "requestId": RequestId::new(id(1)), "matchId": MatchId::new(id(2)), "requesterId": user(1),
        "responderId": user(2), "fromUserId": user(1), "toUserId": user(2), "rating": 5.0,
        "allowFeaturing": false, "showName": false, "communityIds": [], "at": 6,
    }));
    let feedback = FeedbackGiven { comment: clear("kind"), ..base };
    let requests: Requests = given([created(), proposed(2), event(done), event(feedback), forgotten()]);
    let row = requests.help_requests.rows()[0];
    assert_eq!((row.title.as_str(), row.category.as_str()), ("[forgotten]", "[forgotten]"));
    assert_eq!((row.payload.clone(), row.status.as_str()), (Some(json!({})), "completed"));
    assert_eq!(requests.matches.rows()[0].message.as_deref(), Some("[forgotten]"));
    let rating = requests.feedback.rows()[0];
    assert_eq!((rating.comment.as_deref(), rating.helpfulness), (Some("[forgotten]"), None));
}

#[test]
fn a_cancelled_request_goes_altogether_and_its_matches_stay() {
    let cancelled: RequestCancelled =
        payload(json!({"requestId": RequestId::new(id(1)), "at": 5, "forgetAt": 9, "reason": "requester"}));
    let requests: Requests = given([created(), proposed(2), event(cancelled), forgotten()]);
    assert_eq!((requests.help_requests.rows().len(), requests.request_communities.rows().len()), (0, 0));
    assert_eq!(requests.matches.rows().len(), 1);
}

#[test]
fn an_update_changes_what_it_names_and_clears_what_it_lists() {
    let base: RequestUpdated = payload(json!({
        "requestId": RequestId::new(id(1)), "statusFrom": "open", "statusTo": "matched", "cleared": ["payload"],
    }));
    let requests: Requests = given([created(), event(RequestUpdated { title: clear("Two rides"), ..base })]);
    let row = requests.help_requests.rows()[0];
    assert_eq!((row.title.as_str(), row.status.as_str(), &row.payload), ("Two rides", "matched", &None));
    assert_eq!(row.description, "To the hospital, please");
}

//! Requests, matches and feedback.

use serde_json::{Value, json};

use crate::client::Person;
use crate::world::{Instance, World, id_of};

/// Two neighbours in one community, and a stranger.
struct Neighbours {
    asker: Person,
    helper: Person,
    stranger: Person,
    community: String,
}

impl Neighbours {
    async fn meet(instance: &Instance) -> Self {
        let asker = instance.register("asker").await;
        let helper = instance.register("helper").await;
        let stranger = instance.register("stranger").await;
        let community = instance.found(&asker, "Elm Street").await;
        helper.call("POST /communities/{id}/join", &[&community], Value::Null).await.is(200);
        Self { asker, helper, stranger, community }
    }

    async fn ask(&self) -> String {
        let body = json!({ "communityId": self.community, "description": "help me carry a piano" });
        id_of(self.asker.call("POST /requests", &[], body).await)
    }

    async fn propose(&self, request: &str) -> String {
        id_of(self.helper.call("POST /matches", &[], json!({ "requestId": request })).await)
    }
}

#[tokio::test]
async fn requests_of_all_types_are_posted_where_the_call_says() {
    let (world, instance) = World::with_instance().await;
    let neighbours = Neighbours::meet(&instance).await;
    let Neighbours { asker, community, .. } = &neighbours;
    let second = instance.found(asker, "Oak Street").await;
    let place = json!({ "address": "Elm 1", "lat": 52.5, "lng": 13.4 });
    let payloads = [
        ("generic", Value::Null),
        (
            "ride",
            json!({ "origin": place, "destination": place, "seatsNeeded": 2, "departureTime": "2030-05-01T08:00:00Z" }),
        ),
        ("borrow", json!({ "itemCategory": "tools", "durationDays": 3 })),
        ("service", json!({ "serviceCategory": "plumbing" })),
        (
            "event",
            json!({
                "eventType": "workshop", "eventDate": "2030-05-01T08:00:00Z", "eventDurationHours": 2,
                "participantsNeeded": 5, "location": { "isVirtual": true, "virtualLink": "https://meet.example.org" },
            }),
        ),
    ];
    for (kind, payload) in payloads {
        let body = json!({
            "requestType": kind, "payload": payload, "communityIds": [second, community], "urgency": "high",
            "title": "Help wanted", "description": "a description of what is wanted",
        });
        let answer = asker.call("POST /requests", &[], body).await;
        let data = answer.is(201);
        assert_eq!((&data["requestType"], &data["status"]), (&json!(kind), &json!("open")));
        assert_eq!(data["communityIds"], json!([second, community]));
        assert_eq!(data["scheduledFor"].is_string(), ["ride", "event"].contains(&kind), "{data}");
    }
    let everywhere = json!({ "description": "help me carry a piano", "postToAllCommunities": true });
    let answer = asker.call("POST /requests", &[], everywhere).await;
    assert_eq!(answer.is(201)["communityIds"], json!([community, second]), "in joining order");
    let context = [("x-community-context", second.as_str())];
    let body = json!({ "description": "help me carry a piano" });
    let answer = asker.call_with(&context, "POST /requests", &[], body).await;
    assert_eq!(answer.is(201)["communityIds"], json!([second]));
    instance.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn a_request_that_cannot_be_posted_says_why_and_appends_nothing() {
    let (world, instance) = World::with_instance().await;
    let neighbours = Neighbours::meet(&instance).await;
    let Neighbours { asker, stranger, community, .. } = &neighbours;
    let before = world.events().await;
    let good = json!({ "description": "help me carry a piano" });
    let with = |field: &str, value: Value| {
        let mut body = good.clone();
        body["communityId"] = json!(community);
        body[field] = value;
        body
    };
    asker.call("POST /requests", &[], good.clone()).await.is_refused(400, "COMMUNITY_CONTEXT_REQUIRED");
    stranger.call("POST /requests", &[], with("x", json!(1))).await.is_refused(403, "NOT_A_MEMBER");
    let unknown = with("communityId", json!(asker.id));
    asker.call("POST /requests", &[], unknown).await.is_refused(403, "NOT_A_MEMBER");
    let late = with("scheduledFor", json!("soon"));
    asker.call("POST /requests", &[], late).await.is_refused(400, "INVALID_SCHEDULED_FOR");
    let ride = json!({ "requestType": "ride", "communityId": 1, "description": "short", "payload": { "seatsNeeded": 11 } });
    asker.call("POST /requests", &[], ride).await.is_invalid(&[
        ("description", "TOO_SHORT"),
        ("payload.origin", "REQUIRED"),
        ("payload.destination", "REQUIRED"),
        ("payload.seatsNeeded", "OUT_OF_RANGE"),
        ("payload.departureTime", "REQUIRED"),
        ("communityId", "WRONG_TYPE"),
    ]);
    let two = [("x-community-context", asker.id.as_str())];
    asker
        .call_with(&two, "POST /requests", &[], with("x", json!(1)))
        .await
        .is_refused(400, "VALIDATION_ERROR");
    let context = [("x-community-context", community.as_str())];
    stranger.call_with(&context, "POST /requests", &[], good).await.is_refused(403, "NOT_A_MEMBER");
    assert_eq!(world.events().await, before);
    instance.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn a_request_is_edited_and_withdrawn_by_its_requester() {
    let (world, instance) = World::with_instance().await;
    let neighbours = Neighbours::meet(&instance).await;
    let Neighbours { asker, helper, stranger, .. } = &neighbours;
    let request = neighbours.ask().await;
    let update = "PUT /requests/{id}";
    let edited = asker
        .call(update, &[&request], json!({ "urgency": "high", "scheduledFor": "2030-01-01T10:00:00Z" }))
        .await;
    assert_eq!(
        (&edited.is(200)["urgency"], &edited.body["data"]["scheduledFor"]),
        (&json!("high"), &json!("2030-01-01T10:00:00.000000Z"))
    );
    let cleared = asker.call(update, &[&request], json!({ "scheduledFor": null })).await;
    assert_eq!(cleared.is(200).get("scheduledFor"), Some(&Value::Null));
    asker
        .call(update, &[&request], json!({ "status": "open", "title": 1 }))
        .await
        .is_refused(400, "VALIDATION_ERROR");
    asker.call(update, &[&request], json!({})).await.is_refused(400, "NOTHING_TO_CHANGE");
    helper.call(update, &[&request], json!({ "urgency": "low" })).await.is_refused(403, "FORBIDDEN");
    stranger
        .call(update, &[&request], json!({ "urgency": "low" }))
        .await
        .is_refused(404, "REQUEST_NOT_FOUND");

    let privacy = "PUT /requests/{id}/privacy";
    assert_eq!(asker.call(privacy, &[&request], json!({ "isPublic": true })).await.is(200)["isPublic"], true);
    asker
        .call(privacy, &[&request], json!({ "isPublic": "yes" }))
        .await
        .is_invalid(&[("isPublic", "WRONG_TYPE")]);

    let cancel = "DELETE /requests/{id}";
    helper.call(cancel, &[&request], Value::Null).await.is_refused(403, "FORBIDDEN");
    assert_eq!(asker.call(cancel, &[&request], Value::Null).await.is(200)["status"], "cancelled");
    asker.call(cancel, &[&request], Value::Null).await.is(200);
    helper.call(update, &[&request], json!({ "urgency": "low" })).await.is_refused(404, "REQUEST_NOT_FOUND");
    asker.call(update, &[&request], json!({ "urgency": "low" })).await.is_refused(409, "REQUEST_NOT_OPEN");
    asker.call(cancel, &["piano"], Value::Null).await.is_refused(404, "REQUEST_NOT_FOUND");
    instance.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn an_exchange_goes_from_proposal_to_feedback() {
    let (world, instance) = World::with_instance().await;
    let neighbours = Neighbours::meet(&instance).await;
    let Neighbours { asker, helper, stranger, community, .. } = &neighbours;
    let request = neighbours.ask().await;
    let propose = "POST /matches";
    asker.call(propose, &[], json!({ "requestId": request })).await.is_refused(400, "OWN_REQUEST");
    stranger.call(propose, &[], json!({ "requestId": request })).await.is_refused(404, "REQUEST_NOT_FOUND");
    let with_offer = json!({ "requestId": request, "offerId": community });
    helper.call(propose, &[], with_offer).await.is_refused(403, "NOT_YOUR_OFFER");
    helper
        .call(propose, &[], json!({ "requestId": "x", "message": 1 }))
        .await
        .is_invalid(&[("requestId", "INVALID"), ("message", "WRONG_TYPE")]);
    let matched = neighbours.propose(&request).await;
    helper.call(propose, &[], json!({ "requestId": request })).await.is_refused(409, "DUPLICATE_MATCH");

    let accept = "PUT /matches/{id}/accept";
    stranger.call(accept, &[&matched], Value::Null).await.is_refused(403, "NOT_A_PARTICIPANT");
    asker
        .call(accept, &[&matched], json!({ "travelTimeMinutes": 1_441 }))
        .await
        .is_invalid(&[("travelTimeMinutes", "OUT_OF_RANGE")]);
    let accepted = asker.call(accept, &[&matched], Value::Null).await;
    assert_eq!(
        (&accepted.is(200)["status"], &accepted.body["data"]["travelTimeMinutes"]),
        (&json!("matched"), &json!(60))
    );
    asker.call(accept, &["x"], Value::Null).await.is_refused(404, "MATCH_NOT_FOUND");

    let complete = "PUT /matches/{id}/complete";
    for _ in 0..2 {
        let half = helper.call(complete, &[&matched], Value::Null).await;
        assert_eq!(
            (&half.is(200)["fullyCompleted"], &half.body["data"]["waitingFor"]),
            (&json!(false), &json!("requester"))
        );
    }
    let whole = asker.call(complete, &[&matched], Value::Null).await;
    assert_eq!(
        (&whole.is(200)["fullyCompleted"], &whole.body["data"]["waitingFor"]),
        (&json!(true), &Value::Null)
    );
    let again = helper.call(complete, &[&matched], Value::Null).await;
    assert_eq!(again.is(200)["completedAt"], whole.body["data"]["completedAt"]);

    let rate = "POST /matches/{id}/feedback";
    asker
        .call(rate, &[&matched], json!({ "rating": 6, "clarity": 2.5 }))
        .await
        .is_invalid(&[("rating", "OUT_OF_RANGE"), ("clarity", "WRONG_TYPE")]);
    asker.call(rate, &[&matched], json!({ "comment": "fine" })).await.is_invalid(&[("rating", "REQUIRED")]);
    asker
        .call(rate, &[&matched], json!({ "rating": 5, "toUserId": asker.id }))
        .await
        .is_refused(400, "INVALID_RATEE");
    stranger.call(rate, &[&matched], json!({ "rating": 5 })).await.is_refused(403, "NOT_A_PARTICIPANT");
    let rated =
        asker.call(rate, &[&matched], json!({ "helpfulness": 5, "clarity": 4, "comment": "fine" })).await;
    assert_eq!(rated.is(201)["rating"], 4.5);
    asker.call(rate, &[&matched], json!({ "rating": 5 })).await.is_refused(409, "FEEDBACK_EXISTS");
    let named = "POST /reputation/feedback";
    helper
        .call(named, &[], json!({ "rating": 9 }))
        .await
        .is_invalid(&[("matchId", "REQUIRED"), ("rating", "OUT_OF_RANGE")]);
    helper.call(named, &[], json!({ "matchId": matched, "rating": 5 })).await.is(201);
    helper
        .call(named, &[], json!({ "matchId": request, "rating": 5 }))
        .await
        .is_refused(404, "MATCH_NOT_FOUND");
    instance.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn proposals_are_turned_down_and_matches_cancelled() {
    let (world, instance) = World::with_instance().await;
    let neighbours = Neighbours::meet(&instance).await;
    let Neighbours { asker, helper, .. } = &neighbours;
    let request = neighbours.ask().await;
    let (reject, cancel) = ("PUT /matches/{id}/reject", "DELETE /matches/{id}");
    let first = neighbours.propose(&request).await;
    for _ in 0..2 {
        assert_eq!(asker.call(reject, &[&first], Value::Null).await.is(200)["status"], "rejected");
    }
    helper.call(reject, &[&first], Value::Null).await.is_refused(409, "MATCH_NOT_PROPOSED");
    let second = neighbours.propose(&request).await;
    asker.call("PUT /matches/{id}/accept", &[&second], Value::Null).await.is(200);
    for _ in 0..2 {
        assert_eq!(helper.call(cancel, &[&second], Value::Null).await.is(200)["status"], "cancelled");
    }
    asker.call(cancel, &[&second], Value::Null).await.is_refused(409, "MATCH_FINAL");
    let third = neighbours.propose(&request).await;
    asker.call("DELETE /requests/{id}", &[&request], Value::Null).await.is(200);
    asker
        .call("PUT /matches/{id}/accept", &[&third], Value::Null)
        .await
        .is_refused(409, "MATCH_NOT_PROPOSED");
    instance.stop().await;
    world.drop().await;
}

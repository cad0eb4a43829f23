//! Members, join requests, details and terms of communities.

use serde_json::{Value, json};

use crate::world::World;

#[tokio::test]
async fn joining_a_public_community_takes_nobody_and_a_private_one_somebody() {
    let (world, instance) = World::with_instance().await;
    let (ana, eva) = (instance.register("ana").await, instance.register("eva").await);
    let open = instance.found(&ana, "Open").await;
    let join = "POST /communities/{id}/join";
    let joined = eva.call(join, &[&open], Value::Null).await;
    assert_eq!(
        (&joined.is(200)["status"], &joined.body["data"]["role"]),
        (&json!("active"), &json!("member"))
    );
    assert!(joined.body["data"]["token"].is_string());
    eva.call(join, &[&open], Value::Null).await.is_refused(409, "ALREADY_MEMBER");

    let wish = json!({ "name": "Closed", "accessType": "private" });
    let closed = ana.call("POST /communities", &[], wish).await.is(201)["community"]["id"].clone();
    let closed = closed.as_str().expect("an id");
    let asked = eva.call(join, &[closed], json!({ "message": "please" })).await;
    assert_eq!(asked.is(200)["status"], "pending");
    eva.call(join, &[closed], json!({ "message": "x".repeat(1_001) }))
        .await
        .is_invalid(&[("message", "TOO_LONG")]);
    eva.call(join, &[closed], Value::Null).await.is_refused(409, "JOIN_REQUEST_PENDING");
    eva.call("DELETE /communities/{id}/join", &[closed], Value::Null).await.is(200);
    eva.call("DELETE /communities/{id}/join", &[&open], Value::Null)
        .await
        .is_refused(404, "JOIN_REQUEST_NOT_FOUND");

    eva.call(join, &[closed], Value::Null).await.is(200);
    let (approve, reject) = (
        "POST /communities/{id}/join-requests/{userId}/approve",
        "POST /communities/{id}/join-requests/{userId}/reject",
    );
    eva.call(approve, &[closed, &eva.id], Value::Null).await.is_refused(403, "NOT_A_MEMBER");
    assert_eq!(ana.call(approve, &[closed, &eva.id], Value::Null).await.is(200)["status"], "approved");
    ana.call(reject, &[closed, &eva.id], Value::Null).await.is_refused(409, "JOIN_REQUEST_DECIDED");
    ana.call(reject, &[closed, "nobody"], Value::Null).await.is_refused(404, "JOIN_REQUEST_NOT_FOUND");
    ana.call(join, &["nowhere"], Value::Null).await.is_refused(404, "COMMUNITY_NOT_FOUND");
    instance.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn members_are_added_changed_and_removed_by_admins() {
    let (world, instance) = World::with_instance().await;
    let (ana, eva) = (instance.register("ana").await, instance.register("eva").await);
    let community = instance.found(&ana, "Elm Street").await;
    let add = "POST /communities/{id}/members";
    let added = ana.call(add, &[&community], json!({ "userId": eva.id, "role": "moderator" })).await;
    assert_eq!(
        (&added.is(201)["role"], &added.body["data"]["status"]),
        (&json!("moderator"), &json!("active"))
    );
    ana.call(add, &[&community], json!({ "userId": eva.id })).await.is_refused(409, "ALREADY_MEMBER");
    ana.call(add, &[&community], json!({ "userId": community })).await.is_refused(404, "USER_NOT_FOUND");
    ana.call(add, &[&community], json!({ "userId": 1, "role": "king" }))
        .await
        .is_invalid(&[("userId", "WRONG_TYPE"), ("role", "INVALID")]);

    let change = "PUT /communities/{id}/members/{userId}";
    let changed = ana.call(change, &[&community, &eva.id], json!({ "role": "member" })).await;
    assert_eq!(changed.is(200)["role"], "member");
    let same = ana.call(change, &[&community, &eva.id], json!({ "role": "member" })).await;
    assert_eq!(
        (&same.is(200)["version"], &same.body["data"]["status"]),
        (&changed.body["data"]["version"], &json!("active"))
    );
    let resting = ana.call(change, &[&community, &eva.id], json!({ "status": "inactive" })).await;
    assert_eq!(resting.is(200)["status"], "inactive");
    ana.call(change, &[&community, &eva.id], json!({ "status": "active" })).await.is(200);
    ana.call(change, &[&community, &eva.id], json!({})).await.is_refused(400, "NOTHING_TO_CHANGE");
    ana.call(change, &[&community, &ana.id], json!({ "role": "member" })).await.is_refused(400, "LAST_ADMIN");
    let denied = eva.call(change, &[&community, &ana.id], json!({ "status": "inactive" })).await;
    assert_eq!(denied.is_refused(403, "ROLE_REQUIRED")["required"], "admin");

    let remove = "DELETE /communities/{id}/members/{userId}";
    ana.call(remove, &[&community, &ana.id], Value::Null).await.is_refused(400, "LAST_ADMIN");
    eva.call(remove, &[&community, &eva.id], Value::Null).await.is(200);
    ana.call(remove, &[&community, "nobody"], Value::Null).await.is_refused(404, "MEMBER_NOT_FOUND");
    instance.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn details_are_edited_by_admins_and_terms_by_the_founder() {
    let (world, instance) = World::with_instance().await;
    let (ana, eva) = (instance.register("ana").await, instance.register("eva").await);
    let id = instance.found(&ana, "Elm Street").await;
    ana.call("POST /communities/{id}/members", &[&id], json!({ "userId": eva.id, "role": "admin" }))
        .await
        .is(201);

    let details = json!({ "description": "trees", "category": null, "accessType": "private" });
    let updated = eva.call("PUT /communities/{id}", &[&id], details).await;
    assert_eq!(
        (&updated.is(200)["description"], &updated.body["data"]["accessType"]),
        (&json!("trees"), &json!("private"))
    );
    eva.call("PUT /communities/{id}", &[&id], json!({ "maxMembers": 10 }))
        .await
        .is_refused(403, "FOUNDER_ONLY");
    ana.call("PUT /communities/{id}", &[&id], json!({ "maxMembers": 1 }))
        .await
        .is_refused(400, "MAX_MEMBERS_BELOW_COUNT");
    ana.call("PUT /communities/{id}", &[&id], json!({ "name": null, "maxMembers": 0 }))
        .await
        .is_invalid(&[("name", "REQUIRED"), ("maxMembers", "OUT_OF_RANGE")]);

    let tags = eva
        .call("PUT /communities/{id}/tags", &[&id], json!({ "tags": ["Garden", "garden", "Tools"] }))
        .await;
    assert_eq!(tags.is(200)["tags"], json!(["garden", "tools"]));
    eva.call("PUT /communities/{id}/tags", &[&id], json!({ "tags": ["", "x".repeat(51)] }))
        .await
        .is_invalid(&[("tags[0]", "REQUIRED"), ("tags[1]", "TOO_LONG")]);
    eva.call("PUT /communities/{id}/location", &[&id], json!({ "lat": 52.5, "lng": 13.4 })).await.is(200);
    eva.call("PUT /communities/{id}/location", &[&id], json!({ "lat": -91 }))
        .await
        .is_invalid(&[("lat", "OUT_OF_RANGE"), ("lng", "REQUIRED")]);

    let settings = "PATCH /communities/{id}/settings";
    assert_eq!(
        eva.call(settings, &[&id], json!({ "requestTtlDays": 30 })).await.is(200)["requestTtlDays"],
        30
    );
    let all = eva.call(settings, &[&id], json!({ "requestTtlDays": 30 })).await;
    assert_eq!(all.is(200)["reputationHalfLifeMonths"], 6.0, "nothing changed, so all are told");
    eva.call(settings, &[&id], json!({ "reputationHalfLifeMonths": 3 }))
        .await
        .is_refused(403, "FOUNDER_ONLY");
    eva.call(settings, &[&id], json!({ "requestTtlDays": 0, "leaderboardEnabled": "yes" }))
        .await
        .is_invalid(&[("requestTtlDays", "OUT_OF_RANGE"), ("leaderboardEnabled", "WRONG_TYPE")]);

    let config = "PUT /communities/{id}/config";
    let changed =
        ana.call(config, &[&id], json!({ "configUpdates": { "baseKarmaPoolPerRequest": 50 } })).await;
    assert_eq!(changed.is(200)["baseKarmaPoolPerRequest"], 50);
    eva.call(config, &[&id], json!({ "configUpdates": { "memberCap": 9 } }))
        .await
        .is_refused(403, "FOUNDER_ONLY");
    ana.call(config, &[&id], json!({ "configUpdates": { "baseKarmaPoolPerRequest": 1, "mystery": true } }))
        .await
        .is_invalid(&[
            ("configUpdates.baseKarmaPoolPerRequest", "OUT_OF_RANGE"),
            ("configUpdates.mystery", "UNKNOWN_FIELD"),
        ]);
    instance.stop().await;
    world.drop().await;
}

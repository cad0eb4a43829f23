//! What holds for every command: who may call, the same key, versions, bodies.

use serde_json::{Value, json};

use crate::world::World;

#[tokio::test]
async fn the_same_key_gets_the_same_answer_and_another_call_with_it_is_refused() {
    let (world, instance) = World::with_instance().await;
    let (ana, eva) = (instance.register("ana").await, instance.register("eva").await);
    let community = instance.found(&ana, "Elm Street").await;
    let body = |text: &str| json!({ "communityId": community, "description": text });
    let key = [("idempotency-key", "once")];
    let first = ana.call_with(&key, "POST /requests", &[], body("help me carry a piano")).await;
    let before = world.events().await;
    let again = ana.call_with(&key, "POST /requests", &[], body("help me carry a piano")).await;
    assert_eq!((again.is(201), again.is_replay(), first.is_replay()), (first.is(201), true, false));
    for header in ["etag", "x-position", "location", "idempotency-key"] {
        assert!(first.header(header).is_some() && first.header(header) == again.header(header), "{header}");
    }
    let other = ana.call_with(&key, "POST /requests", &[], body("help me carry a bed")).await;
    other.is_refused(422, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(world.events().await, before);
    // The key is the actor's: somebody else's is another.
    eva.call_with(&key, "POST /requests", &[], body("help me carry a piano"))
        .await
        .is_refused(403, "NOT_A_MEMBER");
    let made = ana.call("POST /requests", &[], body("help me carry a piano")).await;
    assert!(
        made.header("idempotency-key").is_some_and(|it| it.len() == 36),
        "a missing key is made and returned"
    );
    let long = "k".repeat(129);
    let refused =
        ana.call_with(&[("idempotency-key", &long)], "POST /requests", &[], body("help me carry")).await;
    refused.is_invalid(&[("Idempotency-Key", "INVALID")]);
    instance.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn what_has_become_impossible_since_does_not_change_the_answer() {
    let (world, instance) = World::with_instance().await;
    let (ana, eva) = (instance.register("ana").await, instance.register("eva").await);
    let community = instance.found(&ana, "Elm Street").await;
    eva.call("POST /communities/{id}/join", &[&community], Value::Null).await.is(200);
    let (post, rename) = ([("idempotency-key", "post")], [("idempotency-key", "rename")]);
    let body = json!({ "communityId": community, "description": "help me carry a piano" });
    let posted = eva.call_with(&post, "POST /requests", &[], body.clone()).await;
    let oak = json!({ "name": "Oak Street" });
    let renamed = ana.call_with(&rename, "PUT /communities/{id}", &[&community], oak.clone()).await;

    eva.call("DELETE /communities/{id}/members/{userId}", &[&community, &eva.id], Value::Null).await.is(200);
    ana.call("PUT /communities/{id}", &[&community], json!({ "name": "Ash Street" })).await.is(200);
    instance.found(&eva, "Oak Street").await;

    let again = eva.call_with(&post, "POST /requests", &[], body.clone()).await;
    assert_eq!((again.is(201), again.is_replay()), (posted.is(201), true));
    eva.call("POST /requests", &[], body).await.is_refused(403, "NOT_A_MEMBER");
    let again = ana.call_with(&rename, "PUT /communities/{id}", &[&community], oak.clone()).await;
    assert_eq!((again.is(200), again.is_replay()), (renamed.is(200), true));
    ana.call("PUT /communities/{id}", &[&community], oak).await.is_refused(409, "NAME_TAKEN");
    instance.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn a_refusal_is_not_remembered() {
    let (world, instance) = World::with_instance().await;
    let (ana, eva) = (instance.register("ana").await, instance.register("eva").await);
    let community = instance.found(&ana, "Elm Street").await;
    let key = [("idempotency-key", "later")];
    let body = json!({ "communityId": community, "description": "help me carry a piano" });
    eva.call_with(&key, "POST /requests", &[], body.clone()).await.is_refused(403, "NOT_A_MEMBER");
    eva.call("POST /communities/{id}/join", &[&community], Value::Null).await.is(200);
    let answer = eva.call_with(&key, "POST /requests", &[], body).await;
    assert!(answer.is(201)["id"].is_string() && !answer.is_replay(), "join, then post at once");
    instance.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn a_version_that_has_moved_on_is_told() {
    let (world, instance) = World::with_instance().await;
    let ana = instance.register("ana").await;
    let patch = async |version: &str, bio: &str| {
        ana.call_with(&[("if-match", version)], "PATCH /users/{id}", &[&ana.id], json!({ "bio": bio })).await
    };
    assert_eq!(patch("\"1\"", "one").await.is(200)["version"], 2);
    assert_eq!(patch("\"1\"", "two").await.is_refused(412, "VERSION_CONFLICT")["current"], 2);
    patch("\"x\"", "two").await.is_invalid(&[("If-Match", "INVALID")]);
    instance.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn without_a_token_that_counts_nothing_is_done() {
    let (world, instance) = World::with_instance().await;
    let ana = instance.register("ana").await;
    let before = world.events().await;
    let settings = "PATCH /users/me/settings";
    instance
        .client
        .call(settings, &[], json!({ "shareReputation": true }))
        .await
        .is_refused(401, "UNAUTHENTICATED");
    let forged = format!("Bearer {}x", ana.token);
    for token in ["Bearer x.y.z", "Basic abc", forged.as_str()] {
        let headers = [("authorization", token)];
        let answer =
            instance.client.call_with(&headers, settings, &[], json!({ "shareReputation": true })).await;
        answer.is_refused(401, "TOKEN_INVALID");
    }
    assert_eq!(world.events().await, before);
    instance.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn a_correlation_id_is_echoed_and_stands_on_every_event() {
    let (world, instance) = World::with_instance().await;
    let ana = instance.register("ana").await;
    let headers = [("x-correlation-id", "flow-1")];
    let answer = ana.call_with(&headers, "PATCH /users/{id}", &[&ana.id], json!({ "bio": "x" })).await;
    answer.is(200);
    assert_eq!(answer.header("x-correlation-id"), Some("flow-1"));
    assert_eq!(
        world.header_at(answer.header("x-position").expect("a position"), "ce_correlationid").await,
        "flow-1"
    );
    instance.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn an_unverified_address_writes_only_its_own_account_where_the_deployment_says_so() {
    let world = World::new().await;
    let instance = world.instance(|config| config.require_verified_email = true).await;
    let ana = instance.register("ana").await;
    ana.call("PATCH /users/{id}", &[&ana.id], json!({ "bio": "x" })).await.is(200);
    ana.call("POST /communities", &[], json!({ "name": "Elm Street" }))
        .await
        .is_refused(403, "EMAIL_NOT_VERIFIED");
    instance.stop().await;
    world.drop().await;
}

//! Same key, same answer (invariant W2), and versions that protect against lost updates.

use serde_json::json;
use tests::services::System;
use uuid::Uuid;

pub(crate) async fn the_same_key_gets_the_same_answer_and_appends_nothing(system: &System) {
    let api = &system.api;
    let mut founder = api.register("Ida").await;
    let community = api.found(&mut founder).await;
    let body = json!({
        "communityId": community.id,
        "title": "Carry a wardrobe",
        "description": "Second floor, no lift, two people would do",
    });
    let key = Uuid::now_v7().to_string();
    let first = api.post("/requests", &body).by(&founder).key(&key).expect(201).await;
    assert_eq!(first.header("idempotent-replay"), "", "{first}");
    let again = api.post("/requests", &body).by(&founder).key(&key).expect(201).await;
    assert_eq!(again.header("idempotent-replay"), "true", "{again}");
    assert_eq!(again.body, first.body);
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(again.header("x-position"), first.position());

    let events = system.log.events_of("request-events", &first.str("/id")).await;
    assert_eq!(events.len(), 1, "{events:#?}");

    // Many at once: one of them decides, the others get its answer.
    let key = Uuid::now_v7().to_string();
    let calls = (0..16).map(|_| api.post("/requests", &body).by(&founder).key(&key).send());
    let answers = futures::future::join_all(calls).await;
    assert!(answers.iter().all(|it| it.status == 201 && it.body == answers[0].body), "{answers:?}");
}

pub(crate) async fn the_same_key_for_another_call_is_refused(system: &System) {
    let api = &system.api;
    let mut founder = api.register("Ivo").await;
    let community = api.found(&mut founder).await;
    let (path, key) = (format!("/communities/{}/tags", community.id), Uuid::now_v7().to_string());
    let first = api.put(&path, &json!({"tags": ["tools"]})).by(&founder).key(&key).expect(200).await;
    api.put(&path, &json!({"tags": ["cars"]}))
        .by(&founder)
        .key(&key)
        .refused(422, "IDEMPOTENCY_KEY_REUSED")
        .await;
    let again = api.put(&path, &json!({"tags": ["tools"]})).by(&founder).key(&key).expect(200).await;
    assert_eq!(again.position(), first.position());

    // A key belongs to its actor.
    let mut other = api.register("Ole").await;
    let elsewhere = api.found(&mut other).await;
    let path = format!("/communities/{}/tags", elsewhere.id);
    api.put(&path, &json!({"tags": ["cars"]})).by(&other).key(&key).expect(200).await;
}

pub(crate) async fn a_stale_version_is_refused(system: &System) {
    let api = &system.api;
    let mut founder = api.register("Vera").await;
    let community = api.found(&mut founder).await;
    let path = format!("/communities/{}/tags", community.id);
    let change = |tag: &str, version: i64| {
        let call = api.put(&path, &json!({"tags": [tag]})).by(&founder);
        call.header("if-match", &format!("\"{version}\""))
    };
    let current = api.put(&path, &json!({"tags": ["first"]})).by(&founder).expect(200).await;
    assert_eq!(current.header("etag"), format!("\"{}\"", current.version()));
    let next = change("second", current.version()).expect(200).await;
    assert_eq!(next.version(), current.version() + 1);
    let refused = change("third", current.version()).refused(412, "VERSION_CONFLICT").await;
    assert_eq!(refused.body["error"]["details"]["current"], next.version(), "{refused}");
}

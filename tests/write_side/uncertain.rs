//! Calls that change a table and the log, when the log's answer is lost or it takes nothing.

use event_log::Fault;
use event_schemas::Domain;
use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::world::{World, registration};

#[tokio::test]
async fn a_registration_whose_outcome_is_unknown_is_found_out_with_the_same_key() {
    let (world, instance) = World::with_instance().await;
    for committed in [true, false] {
        let newcomer = registration("ana");
        let key = format!("committed-{committed}");
        instance.ready().await;
        world.fail_next(Domain::User, Fault::AnswerLost { committed });
        let lost = register(&instance.client, &key, &newcomer).await;
        lost.is_refused(503, "OUTCOME_UNKNOWN");
        let found = patiently(async || register(&instance.client, &key, &newcomer).await).await;
        found.is(201);
        assert_eq!(found.is_replay(), committed);
        let login = json!({ "email": newcomer["email"], "password": newcomer["password"] });
        instance.client.call("POST /auth/login", &[], login).await.is(200);
    }
    instance.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn an_address_is_free_again_when_the_log_took_nothing() {
    let (world, instance) = World::with_instance().await;
    let newcomer = registration("ana");
    world.fail_next(Domain::User, Fault::Aborted);
    register(&instance.client, "first", &newcomer).await.is_refused(503, "DEPENDENCY_UNAVAILABLE");
    let second = register(&instance.client, "second", &newcomer).await;
    assert!(second.is(201)["token"].is_string() && !second.is_replay());
    instance.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn a_founding_whose_outcome_is_unknown_yields_one_community() {
    let (world, instance) = World::with_instance().await;
    let ana = instance.register("ana").await;
    for (committed, name) in [(true, "Elm Street"), (false, "Oak Street")] {
        let key = [("idempotency-key", name)];
        instance.ready().await;
        world.fail_next(Domain::Community, Fault::AnswerLost { committed });
        let wish = json!({ "name": name });
        ana.call_with(&key, "POST /communities", &[], wish.clone()).await.is_refused(503, "OUTCOME_UNKNOWN");
        let found =
            patiently(async || ana.call_with(&key, "POST /communities", &[], wish.clone()).await).await;
        assert_eq!((&found.is(201)["existing"], found.is_replay()), (&json!(false), committed));
        let other = patiently(async || ana.call("POST /communities", &[], wish.clone()).await).await;
        assert_eq!(other.is(200)["community"]["id"], found.body["data"]["community"]["id"]);
    }
    instance.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn sessions_stay_ended_although_the_log_was_not_told_at_once() {
    let (world, instance) = World::with_instance().await;
    let ana = instance.register("ana").await;
    world.fail_next(Domain::User, Fault::Aborted);
    ana.call("POST /auth/logout-all", &[], Value::Null).await.is_refused(503, "DEPENDENCY_UNAVAILABLE");
    ana.call("POST /auth/logout-all", &[], Value::Null).await.is_refused(401, "TOKEN_INVALID");
    instance.stop().await;
    world.drop().await;
}

async fn register(client: &Client, key: &str, newcomer: &Value) -> Answer {
    client.call_with(&[("idempotency-key", key)], "POST /auth/register", &[], newcomer.clone()).await
}

/// Repeats a call while the writer reads the log anew, which it does partition by partition.
async fn patiently(call: impl AsyncFn() -> Answer) -> Answer {
    loop {
        let answer = call().await;
        if answer.status != 503 {
            return answer;
        }
        tokio::task::yield_now().await;
    }
}

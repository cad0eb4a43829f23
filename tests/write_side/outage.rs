//! PostgreSQL goes away: accounts wait for it, everything else goes on; and what it missed is completed afterwards.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::Row;
use tests::eventually::eventually;

use crate::world::{World, registration};

#[tokio::test]
async fn without_the_database_commands_go_on_and_accounts_say_that_they_cannot() {
    let world = World::new().await;
    let (mut cable, database) = world.cable().await;
    let instance = world.instance(|config| config.database = database).await;
    let ana = instance.register("ana").await;
    let community = instance.found(&ana, "Elm Street").await;
    cable.pull_out();
    let body = json!({ "communityId": community, "description": "help me carry a piano" });
    ana.call("POST /requests", &[], body).await.is(201);
    ana.call("PATCH /users/{id}", &[&ana.id], json!({ "bio": "x" })).await.is(200);
    let login = json!({ "email": ana.email, "password": "correct horse" });
    for (route, body) in [
        ("POST /auth/login", login),
        ("POST /auth/register", registration("eva")),
        ("POST /communities", json!({ "name": "Oak Street" })),
    ] {
        let answer = ana.call(route, &[], body).await;
        answer.is_refused(503, "DEPENDENCY_UNAVAILABLE");
        assert!(answer.header("retry-after").is_some(), "{route}");
    }
    // An archived community frees its name only once the database is back.
    ana.call("DELETE /communities/{id}", &[&community], Value::Null).await.is(200);
    cable.plug_in().await;
    let founded = eventually("the name is free", Duration::from_secs(20), || async {
        let answer = ana.call("POST /communities", &[], json!({ "name": "Elm Street" })).await;
        (answer.status == 201).then(|| answer.is(201)["community"]["id"].clone())
    })
    .await;
    assert_ne!(founded, json!(community));
    instance.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn what_a_crash_left_of_a_logout_and_of_a_name_is_completed() {
    let (world, instance) = World::with_instance().await;
    let ana = instance.register("ana").await;
    let community = instance.found(&ana, "Elm Street").await;
    instance.stop().await;
    let pool = world.superuser();
    for crash in [
        "UPDATE auth.sessions SET revoked_at = now() - interval '1 minute', unannounced = 'logout_all'",
        "UPDATE community.name_claims SET state = 'reserved', reserved_until = now()",
        "INSERT INTO community.name_claims SELECT 'oak street', '', gen_random_uuid(), 'reserved', now(), now()",
    ] {
        sqlx::query(crash).execute(&pool).await.expect("the superuser may do it");
    }
    let before = world.events().await;
    let next = world.instance(|_| {}).await;
    eventually("the log is told and the names are settled", Duration::from_secs(20), || async {
        let untold = sqlx::query("SELECT 1 FROM auth.sessions WHERE unannounced IS NOT NULL");
        let claims = sqlx::query("SELECT community_id::text, state FROM community.name_claims");
        let (untold, claims) = (untold.fetch_all(&pool).await, claims.fetch_all(&pool).await);
        let (untold, claims) = (untold.expect("it is readable"), claims.expect("it is readable"));
        let settled = claims.iter().map(|it| (it.get::<String, _>(0), it.get::<String, _>(1)));
        (untold.is_empty() && settled.eq([(community.clone(), "active".to_owned())])).then_some(())
    })
    .await;
    assert!(world.events().await > before, "SessionsRevoked");
    next.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn an_account_whose_activation_was_lost_is_activated_by_the_next_start() {
    let (world, instance) = World::with_instance().await;
    let ana = instance.register("ana").await;
    instance.stop().await;
    let pool = world.superuser();
    // As a crash between the event and the table leaves it, together with a reservation that came to nothing.
    sqlx::query("UPDATE auth.credentials SET state = 'reserved', reserved_until = now()")
        .execute(&pool)
        .await
        .expect("the superuser may do it");
    let next = world.instance(|_| {}).await;
    eventually("the credential is active", Duration::from_secs(20), || async {
        let row = sqlx::query("SELECT state FROM auth.credentials").fetch_one(&pool).await.expect("one row");
        (row.get::<String, _>("state") == "active").then_some(())
    })
    .await;
    let login = json!({ "email": ana.email, "password": "correct horse" });
    next.client.call("POST /auth/login", &[], login).await.is(200);
    next.stop().await;
    world.drop().await;
}

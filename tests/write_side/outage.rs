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

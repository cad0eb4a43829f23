//! Accounts, sessions and profiles.

use serde_json::{Value, json};

use crate::client::Person;
use crate::world::{World, registration};

#[tokio::test]
async fn a_registration_is_one_account_however_often_it_is_sent() {
    let (world, instance) = World::with_instance().await;
    let client = &instance.client;
    let newcomer = registration("ana");
    let key = [("idempotency-key", "first")];
    let first = client.call_with(&key, "POST /auth/register", &[], newcomer.clone()).await;
    let ana = first.is(201);
    assert_eq!(ana["user"]["communities"], json!([]));
    assert_eq!(ana["expiresIn"], 900);
    assert_eq!(
        first.header("location"),
        Some(format!("/api/v1/users/{}", ana["user"]["id"].as_str().unwrap()).as_str())
    );

    let again = client.call_with(&key, "POST /auth/register", &[], newcomer.clone()).await;
    assert!(again.is_replay());
    assert_eq!((&again.is(201)["user"], &again.body["data"]["position"]), (&ana["user"], &ana["position"]));
    assert_ne!(again.body["data"]["refreshToken"], ana["refreshToken"], "tokens are issued fresh");

    let mut wrong = newcomer.clone();
    wrong["password"] = json!("wrong horse");
    let refused = client.call_with(&key, "POST /auth/register", &[], wrong).await;
    refused.is_refused(409, "EMAIL_TAKEN");
    let other_key = client.call("POST /auth/register", &[], newcomer.clone()).await;
    other_key.is_refused(409, "EMAIL_TAKEN");
    let mut spelled = newcomer;
    spelled["email"] = json!(format!("  {} ", spelled["email"].as_str().unwrap().to_uppercase()));
    client.call("POST /auth/register", &[], spelled).await.is_refused(409, "EMAIL_TAKEN");
    instance.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn all_faults_of_a_registration_are_told_at_once() {
    let (world, instance) = World::with_instance().await;
    let client = &instance.client;
    let before = world.events().await;
    let bad = json!({ "email": "a@b", "name": "", "password": "short" });
    let answer = client.call("POST /auth/register", &[], bad).await;
    answer.is_invalid(&[("email", "INVALID"), ("name", "REQUIRED"), ("password", "TOO_SHORT")]);
    let own_address = json!({ "email": "ana@example.org", "name": "Ana", "password": "Ana@Example.ORG" });
    client.call("POST /auth/register", &[], own_address).await.is_invalid(&[("password", "INVALID")]);
    let mut invited = registration("eva");
    invited["invitationCode"] = json!("nothing");
    client.call("POST /auth/register", &[], invited).await.is_refused(400, "INVITATION_NOT_FOUND");
    assert_eq!(world.events().await, before);
    instance.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn an_unknown_address_and_a_wrong_password_read_the_same_and_lock_alike() {
    let world = World::new().await;
    let instance = world.instance(|config| config.rate_limits_disabled = false).await;
    let ana = instance.register("ana").await;
    // From two networks, because ten failures of one network lock that, too.
    for (network, email) in [(2, ana.email.as_str()), (3, "nobody@example.org")] {
        let client = instance.client.from([127, 0, 0, network]);
        let log_in = async |password: &str| {
            client.call("POST /auth/login", &[], json!({ "email": email, "password": password })).await
        };
        let mut told = Vec::new();
        for _ in 0..10 {
            let answer = log_in("wrong horse").await;
            answer.is_refused(401, "INVALID_CREDENTIALS");
            told.push(answer.body);
        }
        assert_eq!(told.first(), told.last());
        let elsewhere = instance.client.from([127, 0, 0, network + 10]);
        let body = json!({ "email": email, "password": "correct horse" });
        let locked = elsewhere.call("POST /auth/login", &[], body).await;
        assert!(locked.is_refused(429, "RATE_LIMITED")["retryAfter"].as_u64().is_some_and(|it| it > 800));
    }
    instance.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn a_login_tells_who_one_is_and_where_one_belongs() {
    let (world, instance) = World::with_instance().await;
    let ana = instance.register("ana").await;
    let community = instance.found(&ana, "Elm Street").await;
    ana.call("PATCH /users/{id}", &[&ana.id], json!({ "name": "Ana B" })).await.is(200);
    let login = json!({ "email": ana.email, "password": "correct horse" });
    let answer = instance.client.call("POST /auth/login", &[], login).await;
    let user = &answer.is(200)["user"];
    assert_eq!((&user["id"], &user["name"]), (&json!(ana.id), &json!("Ana B")));
    let belongs = json!([{ "communityId": community, "name": "Elm Street", "role": "admin" }]);
    assert_eq!(user["communities"], belongs);
    assert_eq!(answer.header("x-position"), None, "a login touches no aggregate");
    instance.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn a_refresh_token_is_used_once_and_a_second_use_ends_the_family() {
    let (world, instance) = World::with_instance().await;
    let client = &instance.client;
    let ana = instance.register("ana").await;
    let refresh =
        async |token: &str| client.call("POST /auth/refresh", &[], json!({ "refreshToken": token })).await;
    let next = refresh(&ana.refresh_token).await;
    let next = next.is(200)["refreshToken"].as_str().expect("a token").to_owned();
    let before = world.events().await;
    refresh(&ana.refresh_token).await.is_refused(401, "REFRESH_REUSED");
    assert!(world.events().await > before, "SessionsRevoked");
    let after = world.events().await;
    refresh(&ana.refresh_token).await.is_refused(401, "REFRESH_REUSED");
    assert_eq!(world.events().await, after, "the log is told once");
    refresh(&next).await.is_refused(401, "REFRESH_INVALID");
    refresh("unknown").await.is_refused(401, "REFRESH_INVALID");
    ana.call("POST /auth/stream-ticket", &[], Value::Null).await.is_refused(401, "TOKEN_INVALID");
    client.call("POST /auth/refresh", &[], json!({})).await.is_invalid(&[("refreshToken", "REQUIRED")]);
    instance.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn sessions_end_one_by_one_or_all_together() {
    let (world, instance) = World::with_instance().await;
    let client = &instance.client;
    let ana = instance.register("ana").await;
    let log_in = async || {
        let login = json!({ "email": ana.email, "password": "correct horse" });
        let answer = client.call("POST /auth/login", &[], login).await;
        Person::of(answer.is(200), client)
    };
    let (phone, tablet) = (log_in().await, log_in().await);

    let ticket = phone.call("POST /auth/stream-ticket", &[], Value::Null).await;
    assert_eq!(ticket.is(200)["expiresIn"], 60);
    phone.call("POST /auth/logout", &[], Value::Null).await.is(200);
    phone.call("POST /auth/stream-ticket", &[], Value::Null).await.is_refused(401, "TOKEN_INVALID");
    client.call("POST /auth/logout", &[], json!({ "refreshToken": tablet.refresh_token })).await.is(200);
    tablet.call("POST /auth/stream-ticket", &[], Value::Null).await.is_refused(401, "TOKEN_INVALID");
    client.call("POST /auth/logout", &[], Value::Null).await.is_refused(401, "UNAUTHENTICATED");

    let (mine, laptop) = (session_of(&ana), log_in().await);
    let foreign = instance.register("eva").await;
    let revoke = "DELETE /auth/sessions/{sessionId}";
    foreign.call(revoke, &[&mine], Value::Null).await.is_refused(404, "SESSION_NOT_FOUND");
    laptop.call(revoke, &[&mine], Value::Null).await.is(200);
    ana.call("POST /auth/stream-ticket", &[], Value::Null).await.is_refused(401, "TOKEN_INVALID");

    let all = laptop.call("POST /auth/logout-all", &[], Value::Null).await;
    assert_eq!(all.is(200)["sessions"], 1);
    laptop.call("POST /auth/logout-all", &[], Value::Null).await.is_refused(401, "TOKEN_INVALID");
    instance.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn a_profile_changes_by_what_is_named_and_only_by_its_owner() {
    let (world, instance) = World::with_instance().await;
    let (ana, eva) = (instance.register("ana").await, instance.register("eva").await);
    let put = async |body: Value| ana.call("PUT /users/{id}", &[&ana.id], body).await;
    let home = json!({ "label": "Elm 1", "lat": 52.5, "lng": 13.4 });
    let answer = put(json!({ "bio": "hello", "home": home, "vehicle": { "kind": "van", "seats": 7 } })).await;
    assert_eq!((&answer.is(200)["home"], &answer.body["data"]["version"]), (&home, &json!(2)));
    assert_eq!(answer.header("etag"), Some("\"2\""));
    let same = put(json!({ "bio": "hello" })).await;
    assert_eq!((&same.is(200)["version"], &same.body["data"]["bio"]), (&json!(2), &json!("hello")));
    assert_eq!(put(json!({ "bio": null })).await.is(200)["bio"], Value::Null);
    put(json!({})).await.is_refused(400, "NOTHING_TO_CHANGE");
    put(json!({ "name": null, "avatarUrl": "http://x", "home": { "lat": 91, "lng": "x" }, "vehicle": [] }))
        .await
        .is_invalid(&[
            ("name", "REQUIRED"),
            ("avatarUrl", "INVALID"),
            ("home.label", "REQUIRED"),
            ("home.lat", "OUT_OF_RANGE"),
            ("home.lng", "WRONG_TYPE"),
            ("vehicle", "WRONG_TYPE"),
        ]);
    eva.call("PUT /users/{id}", &[&ana.id], json!({ "bio": "x" })).await.is_refused(403, "FORBIDDEN");
    ana.call("PUT /users/{id}", &["me"], json!({ "bio": "x" })).await.is_refused(404, "USER_NOT_FOUND");
    instance.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn skills_and_settings_are_ones_own() {
    let (world, instance) = World::with_instance().await;
    let (ana, eva) = (instance.register("ana").await, instance.register("eva").await);
    let add = async |body: Value| ana.call("POST /users/{id}/skills", &[&ana.id], body).await;
    let added = add(json!({ "skill": "Baby sitting" })).await;
    assert_eq!(added.is(201)["slug"], "childcare");
    add(json!({ "skill": "Childcare" })).await.is_refused(409, "DUPLICATE_SKILL");
    add(json!({ "skill": "x".repeat(101) })).await.is_invalid(&[("skill", "TOO_LONG")]);
    let skill = added.body["data"]["skillId"].as_str().expect("an id");
    let remove = "DELETE /users/{id}/skills/{skillId}";
    eva.call(remove, &[&ana.id, skill], Value::Null).await.is_refused(403, "FORBIDDEN");
    ana.call(remove, &[&ana.id, skill], Value::Null).await.is(200);
    ana.call(remove, &[&ana.id, skill], Value::Null).await.is_refused(404, "SKILL_NOT_FOUND");

    let settings = async |body: Value| ana.call("PATCH /users/me/settings", &[], body).await;
    let changed = settings(json!({ "shareReputation": true, "timezone": "Europe/Berlin" })).await;
    assert_eq!(changed.is(200)["timezone"], "Europe/Berlin");
    let all = settings(json!({ "shareReputation": true })).await;
    assert_eq!(all.is(200)["showConnectionPath"], true, "nothing changed, so all are told");
    settings(json!({ "timezone": "Mars/North", "shareReputation": 1 }))
        .await
        .is_invalid(&[("shareReputation", "WRONG_TYPE"), ("timezone", "INVALID")]);
    instance.stop().await;
    world.drop().await;
}

/// The session of a person's token.
fn session_of(person: &Person) -> String {
    let claims = jsonwebtoken::dangerous::insecure_decode::<Value>(&person.token).expect("a token").claims;
    claims["sid"].as_str().expect("a session").to_owned()
}

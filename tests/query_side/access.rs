//! Who may see what.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::fixture::{World, answer};
use crate::rows::Request;

#[tokio::test]
async fn every_route_answers_a_member_and_refuses_strangers() {
    let world = World::new().await;
    let ana = world.person("Ana").await;
    let ben = world.person("Ben").await;
    let elm = world.community("Elm Street", ana).await;
    world.member(elm, ben, "member").await;
    let request = world.request(ben, elm, Request::default()).await;
    let proposal = world.proposal(request, ben, ana, "matched").await;
    world.exchange(elm, ana, ben, 60, Some(5.0)).await;
    world.notice(ana, ben, request, 1).await;

    for route in query_api::ROUTES.iter().filter(|it| !it.contains("/stream") && !it.contains("/admin")) {
        let filled = route
            .replace("{user_id}", &ana.to_string())
            .replace("{community_id}", &elm.to_string())
            .replace("{request_id}", &request.to_string())
            .replace("{match_id}", &proposal.to_string());
        let path = if filled.contains("/me/k") || filled.contains("summary") || filled.contains("health") {
            format!("{filled}?community_id={elm}")
        } else {
            filled.clone()
        };
        let answered = world.get(&path, ana).await;
        assert_eq!(answered.status, 200, "{path}: {:?}", answered.body);
        assert_eq!(answered.body["success"], true, "{path}");
        let anonymous = answer(world.call(&path)).await;
        assert_eq!(anonymous.refusal(), (401, "UNAUTHENTICATED"), "{path}");
        if route.contains('{') {
            let garbled = world.get(&route.replace('{', "x{"), ana).await;
            assert_eq!(garbled.status, 404, "{route}: {:?}", garbled.body);
        }
    }
    world.drop().await;
}

#[tokio::test]
async fn operators_alone_see_the_projections() {
    let world = World::new().await;
    let ana = world.person("Ana").await;
    let path = "/admin/projections";
    assert_eq!(world.get(path, ana).await.refusal(), (403, "ROLE_REQUIRED"));
    assert_eq!(answer(world.call(path)).await.refusal(), (401, "UNAUTHENTICATED"));
    world
        .project("INSERT INTO projection.active (projection, version, fingerprint, folded_by) VALUES ('feed', 3, 'a', 'b')".to_owned())
        .await;
    let seen = answer(world.call(path).bearer_auth(world.operator_token(ana))).await;
    let feed = &seen.data()[0];
    assert_eq!(
        (&feed["projection"], &feed["version"], &feed["outdated"]),
        (&json!("feed"), &json!(3), &json!(true))
    );
    assert_eq!((&feed["parked"], &feed["kept"], &feed["job"]), (&json!(0), &Value::Null, &Value::Null));
    world.drop().await;
}

#[tokio::test]
async fn a_request_is_for_its_audience() {
    let world = World::new().await;
    let [ana, ben, cleo] = [world.person("Ana").await, world.person("Ben").await, world.person("Cleo").await];
    let elm = world.community("Elm Street", ana).await;
    let oak = world.community("Oak Street", cleo).await;
    world.member(elm, ben, "member").await;
    let request = world.request(ana, elm, Request::default()).await;
    let path = format!("/requests/{request}");

    assert_eq!(world.get(&path, ben).await.data()["myMatch"], Value::Null);
    assert_eq!(world.get(&path, cleo).await.refusal(), (404, "REQUEST_NOT_FOUND"));
    assert_eq!(
        world.get(&format!("/requests?community_id={elm}"), cleo).await.refusal(),
        (403, "NOT_A_MEMBER")
    );
    assert!(world.get("/requests", cleo).await.each("id").is_empty());
    let named = |path: &str, id: Uuid| {
        world.call(path).bearer_auth(world.token(cleo)).header("x-community-context", id.to_string())
    };
    assert_eq!(
        answer(named(&format!("/requests?community_id={oak}"), elm)).await.refusal(),
        (400, "VALIDATION_ERROR")
    );

    world.alter_community(elm, "outsider_response_allowed = true").await;
    assert_eq!(world.get(&path, cleo).await.data()["requester"]["tier"], Value::Null);
    assert_eq!(answer(named("/requests", elm)).await.each("id"), [request.to_string()]);
    world.drop().await;
}

#[tokio::test]
async fn what_is_past_its_time_counts_as_expired() {
    let world = World::new().await;
    let [ana, ben] = [world.person("Ana").await, world.person("Ben").await];
    let elm = world.community("Elm Street", ana).await;
    world.member(elm, ben, "member").await;
    let due = world.request(ana, elm, Request { expires_in: "-1 second", ..Request::default() }).await;
    let proposal = world.proposal(due, ana, ben, "proposed").await;

    assert_eq!(world.get(&format!("/requests/{due}"), ana).await.refusal(), (404, "REQUEST_NOT_FOUND"));
    assert!(world.get("/requests", ana).await.each("id").is_empty());
    let own = world.get("/requests?requester_id=me&status=expired", ana).await;
    assert_eq!((own.each("id"), own.each("expired")), (vec![due.to_string()], vec!["true".to_owned()]));
    let lapsed = world.get(&format!("/matches/{proposal}"), ben).await;
    assert_eq!(lapsed.data()["status"], "rejected");
    assert_eq!(lapsed.data()["reason"], "request_expired");
    assert_eq!(lapsed.etag.as_deref(), Some("\"4\""), "the version of its request");
    assert!(world.get("/requests/offered-awaiting", ben).await.each("id").is_empty());
    world.drop().await;
}

#[tokio::test]
async fn a_match_is_for_its_two_sides() {
    let world = World::new().await;
    let [ana, ben, cleo] = [world.person("Ana").await, world.person("Ben").await, world.person("Cleo").await];
    let elm = world.community("Elm Street", ana).await;
    for it in [ben, cleo] {
        world.member(elm, it, "member").await;
    }
    let request = world.request(ana, elm, Request { status: "completed", ..Request::default() }).await;
    let done = world.proposal(request, ana, ben, "completed").await;
    world
        .project(format!(
            "INSERT INTO requests.match_feedback VALUES ('{done}', '{ana}', '{request}', '{ben}', 5, NULL, NULL, NULL, 'Kind', true, now())"
        ))
        .await;

    assert_eq!(world.get(&format!("/matches/{done}"), cleo).await.refusal(), (404, "MATCH_NOT_FOUND"));
    assert!(world.get(&format!("/matches?request_id={request}"), cleo).await.each("id").is_empty());
    assert_eq!(world.get("/matches?needs_rating=true", ben).await.each("id"), [done.to_string()]);
    assert!(world.get("/matches?needs_rating=true", ana).await.each("id").is_empty());
    let theirs = world.get(&format!("/matches/{done}/feedback"), ben).await;
    assert_eq!(*theirs.data(), json!({"feedback": null, "theirsGiven": true, "bothAllowFeaturing": false}));
    let own = world.get(&format!("/matches/{done}/feedback"), ana).await;
    assert_eq!(own.data()["feedback"]["comment"], "Kind");
    assert_eq!(
        world.get(&format!("/matches/{done}/feedback"), cleo).await.refusal(),
        (404, "MATCH_NOT_FOUND")
    );
    world.drop().await;
}

#[tokio::test]
async fn a_community_shows_what_its_visibility_says() {
    let world = World::new().await;
    let [ana, cleo] = [world.person("Ana").await, world.person("Cleo").await];
    let elm = world.community("Elm Street", ana).await;
    let path = format!("/communities/{elm}");
    let members = format!("/communities/{elm}/members");

    let public = world.get(&path, cleo).await;
    assert_eq!(public.data()["members"][0]["userName"], "Ana");
    assert_eq!((public.data()["myRole"].as_str(), public.etag.as_deref()), (None, Some("\"3\"")));
    world.alter_community(elm, "access_type = 'private'").await;
    assert_eq!(world.get(&members, cleo).await.refusal(), (403, "NOT_A_MEMBER"));
    assert_eq!(world.get(&path, cleo).await.data().get("members"), None);
    world.alter_community(elm, "visibility_mode = 'members_only'").await;
    let card = world.get(&path, cleo).await;
    let fields: Vec<_> = card.data().as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(fields, ["category", "currentMembers", "description", "id", "location", "name"]);
    assert_eq!(world.get(&path, ana).await.data()["myRole"], "admin");
    assert_eq!(world.get(&members, ana).await.each("userName"), ["Ana"]);

    for it in ["settings", "config"] {
        assert_eq!(world.get(&format!("{path}/{it}"), cleo).await.refusal(), (403, "NOT_A_MEMBER"));
    }
    world.member(elm, cleo, "member").await;
    assert_eq!(world.get(&format!("{path}/join-requests"), cleo).await.refusal(), (403, "ROLE_REQUIRED"));
    assert_eq!(world.get(&format!("/communities/{cleo}"), ana).await.refusal(), (404, "COMMUNITY_NOT_FOUND"));
    world.drop().await;
}

#[tokio::test]
async fn people_are_seen_by_those_who_share_a_community() {
    let world = World::new().await;
    let [ana, ben, cleo] = [world.person("Ana").await, world.person("Ben").await, world.person("Cleo").await];
    let elm = world.community("Elm Street", ana).await;
    world.member(elm, ben, "member").await;
    let path = format!("/users/{ana}");

    assert_eq!(world.get("/users/me", ana).await.data()["email"], "Ana@example.org");
    let seen = world.get(&path, ben).await;
    assert_eq!(seen.data()["name"], "Ana");
    for hidden in ["email", "phone", "home", "settings"] {
        assert_eq!(seen.data().get(hidden), None, "{hidden}");
    }
    assert_eq!(seen.data()["trust"], json!([{"communityId": elm, "tier": "new"}]));
    for it in ["", "/skills", "/badges"] {
        assert_eq!(world.get(&format!("{path}{it}"), cleo).await.refusal(), (404, "USER_NOT_FOUND"));
    }
    assert_eq!(world.get(&format!("/reputation/history/{ana}"), ben).await.refusal(), (403, "FORBIDDEN"));
    assert_eq!(world.get(&format!("/notifications/{ana}"), ben).await.refusal(), (403, "FORBIDDEN"));
    world.drop().await;
}

#[tokio::test]
async fn a_revoked_session_is_refused_within_five_seconds() {
    let world = World::new().await;
    let ana = world.person("Ana").await;
    assert_eq!(world.get("/users/me", ana).await.status, 200);
    sqlx::query("INSERT INTO auth.sessions (session_id, user_id, expires_at, revoked_at) VALUES ($1, $1, now() + interval '1 day', now())")
        .bind(ana)
        .execute(&world.command)
        .await
        .expect("command-api may write it");
    tests::eventually::eventually("the session is refused", std::time::Duration::from_secs(5), || async {
        (world.get("/users/me", ana).await.refusal() == (401, "TOKEN_INVALID")).then_some(())
    })
    .await;
    world.drop().await;
}

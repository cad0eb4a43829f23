//! Founding communities, and meeting those that are there already (specification, community 6.1).

use serde_json::{Value, json};

use crate::world::World;

#[tokio::test]
async fn a_founder_is_admin_of_a_community_with_its_config_and_gets_a_fresh_token() {
    let (world, instance) = World::with_instance().await;
    let ana = instance.register("ana").await;
    let wish = json!({
        "name": "Elm Street", "location": "Berlin", "maxMembers": 20,
        "config": { "customConfig": { "karmaSplitHelper": 70 } },
    });
    let answer = ana.call("POST /communities", &[], wish).await;
    let data = answer.is(201);
    assert_eq!((&data["existing"], &data["community"]["role"]), (&json!(false), &json!("admin")));
    assert_eq!(data["config"]["karmaSplitHelper"], 70);
    assert_eq!(data["config"]["karmaSplitRequester"], 40, "what is not named is as by default");
    assert_eq!(data["version"], 3);
    let claims = jsonwebtoken::dangerous::insecure_decode::<Value>(data["token"].as_str().expect("a token"));
    let memberships = &claims.expect("a token").claims["communityMemberships"];
    assert_eq!(*memberships, json!([{ "communityId": data["community"]["id"], "role": "admin" }]));
    instance.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn whoever_founds_it_again_meets_it_and_is_joined_once() {
    let (world, instance) = World::with_instance().await;
    let (ana, eva) = (instance.register("ana").await, instance.register("eva").await);
    let community = instance.found(&ana, "Elm Street").await;
    let key = [("idempotency-key", "meet")];
    let again = json!({ "name": "  ELM   street " });
    let met = eva.call_with(&key, "POST /communities", &[], again.clone()).await;
    let data = met.is(200);
    assert_eq!((&data["existing"], &data["joined"]), (&json!(true), &json!(true)));
    assert_eq!((&data["community"]["id"], &data["community"]["role"]), (&json!(community), &json!("member")));
    assert!(data["token"].is_string());
    let repeat = eva.call_with(&key, "POST /communities", &[], again.clone()).await;
    assert!(repeat.is_replay());
    assert_eq!(repeat.is(200)["position"], data["position"]);
    let own = ana.call("POST /communities", &[], again).await;
    assert_eq!(
        (&own.is(200)["joined"], &own.body["data"]["community"]["role"]),
        (&json!(true), &json!("admin"))
    );
    instance.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn a_private_or_full_one_is_met_without_joining() {
    let (world, instance) = World::with_instance().await;
    let (ana, eva) = (instance.register("ana").await, instance.register("eva").await);
    for wish in
        [json!({ "name": "Closed", "accessType": "private" }), json!({ "name": "Full", "maxMembers": 1 })]
    {
        ana.call("POST /communities", &[], wish.clone()).await.is(201);
        let before = world.events().await;
        let met = eva.call("POST /communities", &[], json!({ "name": wish["name"] })).await;
        assert_eq!((&met.is(200)["existing"], &met.body["data"]["joined"]), (&json!(true), &json!(false)));
        assert!(met.body["message"].is_string() && met.body["data"].get("token").is_none(), "{}", met.body);
        assert_eq!(world.events().await, before);
    }
    instance.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn a_name_is_free_again_after_archiving_and_after_renaming() {
    let (world, instance) = World::with_instance().await;
    let (ana, eva) = (instance.register("ana").await, instance.register("eva").await);
    let elm = instance.found(&ana, "Elm Street").await;
    instance.found(&ana, "Oak Street").await;
    let rename = async |name: &str| ana.call("PUT /communities/{id}", &[&elm], json!({ "name": name })).await;
    rename("oak  STREET").await.is_refused(409, "NAME_TAKEN");
    assert_eq!(rename("Ash Street").await.is(200)["name"], "Ash Street");
    let second = instance.found(&eva, "Elm Street").await;
    assert_ne!(second, elm);
    ana.call("DELETE /communities/{id}", &[&elm], Value::Null).await.is(200);
    assert_ne!(instance.found(&eva, "Ash Street").await, elm);
    rename("Elm Street").await.is_refused(409, "COMMUNITY_NOT_ACTIVE");
    instance.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn a_repeat_tells_of_the_founding_whoever_has_the_name_by_now() {
    let (world, instance) = World::with_instance().await;
    let (ana, eva) = (instance.register("ana").await, instance.register("eva").await);
    let (key, wish) = ([("idempotency-key", "found")], json!({ "name": "Elm Street" }));
    let founded = ana.call_with(&key, "POST /communities", &[], wish.clone()).await;
    let elm = founded.is(201)["community"]["id"].as_str().expect("an id").to_owned();
    ana.call("PUT /communities/{id}", &[&elm], json!({ "name": "Ash Street" })).await.is(200);
    assert_ne!(instance.found(&eva, "Elm Street").await, elm);
    let before = world.events().await;
    let repeat = ana.call_with(&key, "POST /communities", &[], wish).await;
    assert!(repeat.is_replay());
    assert_eq!(repeat.is(201)["community"]["id"], *elm);
    assert_eq!(world.events().await, before);
    instance.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn of_many_who_found_it_at_once_one_does_and_the_others_join() {
    let (world, instance) = World::with_instance().await;
    let mut people = Vec::new();
    for n in 0..8 {
        people.push(instance.register(&format!("person-{n}")).await);
    }
    let calls = people.iter().map(async |person| {
        loop {
            let answer = person.call("POST /communities", &[], json!({ "name": "Rush" })).await;
            // While the name is on its way to somebody else, it is told to try again.
            if answer.status != 503 {
                break answer;
            }
        }
    });
    let answers = futures::future::join_all(calls).await;
    assert_eq!(answers.iter().filter(|it| it.status == 201).count(), 1);
    assert!(answers.iter().all(|it| it.status == 201 || it.is(200)["joined"] == true));
    instance.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn all_faults_of_a_wish_are_told_at_once() {
    let (world, instance) = World::with_instance().await;
    let ana = instance.register("ana").await;
    let before = world.events().await;
    let wish = json!({
        "name": "ab", "maxMembers": 151, "accessType": "secret", "category": 7,
        "config": { "customConfig": { "karmaSplitHelper": 101, "nothing": 1 } },
    });
    ana.call("POST /communities", &[], wish).await.is_invalid(&[
        ("name", "TOO_SHORT"),
        ("category", "WRONG_TYPE"),
        ("maxMembers", "OUT_OF_RANGE"),
        ("accessType", "INVALID"),
        ("config.customConfig.karmaSplitHelper", "OUT_OF_RANGE"),
        ("config.customConfig.nothing", "UNKNOWN_FIELD"),
    ]);
    assert_eq!(world.events().await, before);
    instance.stop().await;
    world.drop().await;
}

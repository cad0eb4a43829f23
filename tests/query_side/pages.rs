//! Lists: pages, cursors, filters.

use uuid::Uuid;

use crate::fixture::World;
use crate::rows::Request;

/// Every item of a list, page by page with the cursor.
async fn walk(world: &World, path: &str, user: Uuid) -> Vec<String> {
    let (mut ids, mut next) = (Vec::new(), String::new());
    for _ in 0..20 {
        let page = world.get(&format!("{path}{next}"), user).await;
        ids.extend(page.each("id"));
        let Some(cursor) = page.body["pagination"]["next_cursor"].as_str() else { return ids };
        next = format!("&cursor={cursor}");
    }
    panic!("the list never ends: {ids:?}");
}

#[tokio::test]
async fn every_order_of_communities_can_be_walked() {
    let world = World::new().await;
    let ana = world.person("Ana").await;
    for name in ["elm", "Ash", "oak", "Elm", "Öl"] {
        let id = world.community(name, ana).await;
        world.alter_community(id, "created_at = date_trunc('minute', now())").await;
    }
    for sort in ["activity", "newest", "members", "alphabetical"] {
        let mut ids = walk(&world, &format!("/communities?limit=2&sort={sort}"), ana).await;
        assert_eq!(ids.len(), 5, "{sort}");
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 5, "{sort}");
    }
    let names = world.get("/communities?sort=alphabetical&search=EL", ana).await;
    assert_eq!(names.body["pagination"]["total"], 2);
    let cursor =
        world.get("/communities?limit=2&sort=newest", ana).await.body["pagination"]["next_cursor"].clone();
    let elsewhere = format!("/communities?sort=members&cursor={}", cursor.as_str().expect("there is more"));
    assert_eq!(world.get(&elsewhere, ana).await.refusal(), (400, "INVALID_CURSOR"));
    assert_eq!(world.get("/communities?search=%25", ana).await.each("id").len(), 0, "no wildcards");
    world.drop().await;
}

#[tokio::test]
async fn communities_are_found_by_place_and_interest() {
    let world = World::new().await;
    let ana = world.person("Ana").await;
    let [near, far, nowhere] = [
        world.community("Near", ana).await,
        world.community("Far", ana).await,
        world.community("Nowhere", ana).await,
    ];
    let geography = "/communities?mode=geography&lat=52.52&lng=13.405";
    assert_eq!(world.get(geography, ana).await.body["meta"]["fallback"], true);
    world.alter_community(near, "lat = 52.50, lng = 13.35").await;
    world.alter_community(far, "lat = 48.1, lng = 11.6, tags = '{bikes}'").await;
    let found = world.get(geography, ana).await;
    assert_eq!(found.each("id"), [near, far, nowhere].map(|it| it.to_string()));
    assert_eq!(found.data()[0]["distanceKm"], 4.34);
    assert_eq!(found.data()[2].get("distanceKm"), None);
    let walked = walk(&world, &format!("{geography}&limit=1"), ana).await;
    assert_eq!(walked, [near, far, nowhere].map(|it| it.to_string()));
    assert_eq!(
        world.get("/communities?mode=interests&tags=bikes,x", ana).await.each("id"),
        [far.to_string()]
    );
    assert_eq!(world.get("/communities/tags", ana).await.data()[0], "bikes");
    let refused = world.get("/communities?mode=geography&limit=0&sort=up", ana).await;
    let fields = refused.body["error"]["details"]["fields"].as_array().expect("all faults").len();
    assert_eq!((refused.refusal().0, fields), (400, 4));
    world.drop().await;
}

#[tokio::test]
async fn requests_are_walked_filtered_and_matched_to_skills() {
    let world = World::new().await;
    let [ana, ben] = [world.person("Ana").await, world.person("Ben").await];
    let elm = world.community("Elm Street", ana).await;
    world.member(elm, ben, "member").await;
    let mut ids = Vec::new();
    for (urgency, category) in
        [("low", "moving"), ("urgent", "gardening"), ("high", "moving"), ("urgent", "moving")]
    {
        ids.push(
            world.request(ana, elm, Request { urgency, category, ..Request::default() }).await.to_string(),
        );
    }
    let newest_first: Vec<_> = ids.iter().rev().cloned().collect();
    assert_eq!(walk(&world, "/requests?limit=1", ben).await, newest_first);
    assert_eq!(walk(&world, &format!("/requests?limit=3&community_id={elm}"), ben).await, newest_first);
    assert_eq!(world.get("/requests?urgency=urgent&category=Moving", ben).await.each("id"), [ids[3].clone()]);

    world
        .project(format!(
            "INSERT INTO auth.user_skills VALUES ('{}', '{ben}', 'Handyman', 'handyman', now())",
            Uuid::now_v7()
        ))
        .await;
    let matched = world.get("/requests/matched/for-user", ben).await;
    assert_eq!(matched.each("id"), [&ids[3], &ids[2], &ids[0]].map(String::clone));
    world.proposal(ids[3].parse().expect("an id"), ana, ben, "proposed").await;
    assert_eq!(
        world.get("/requests/matched/for-user", ben).await.each("id"),
        [ids[2].clone(), ids[0].clone()]
    );
    assert!(!world.get("/requests", ben).await.each("id").contains(&ids[3]));
    assert_eq!(world.get("/requests/offered-awaiting", ben).await.each("requestTitle"), ["Move a sofa"]);
    world.drop().await;
}

#[tokio::test]
async fn an_inbox_is_paged_filtered_and_counted() {
    let world = World::new().await;
    let [ana, ben] = [world.person("Ana").await, world.person("Ben").await];
    let elm = world.community("Elm Street", ana).await;
    world.member(elm, ben, "member").await;
    let request = world.request(ana, elm, Request::default()).await;
    let mut ids = Vec::new();
    for offset in 0..3 {
        ids.push(world.notice(ana, ben, request, offset).await.to_string());
    }
    world
        .project(format!("UPDATE notifications.notifications SET read = true WHERE id = '{}'", ids[0]))
        .await;
    let path = format!("/notifications/{ana}");
    let newest_first: Vec<_> = ids.iter().rev().cloned().collect();
    assert_eq!(walk(&world, &format!("{path}?limit=1"), ana).await, newest_first);
    let list = world.get(&format!("{path}?unread"), ana).await;
    assert_eq!(list.each("id"), newest_first[..2]);
    assert_eq!(list.each("body")[0], "Ben offers to help with “Move a sofa”");
    assert_eq!(list.body["meta"]["unreadCount"], 2);
    assert_eq!(world.get(&format!("{path}/unread-count"), ana).await.data()["count"], 2);
    assert!(world.get(&format!("{path}?type=welcome"), ana).await.each("id").is_empty());

    world
        .project(format!(
        "INSERT INTO notifications.preferences VALUES ('{ana}', '{elm}', 'new_request', false, NULL, NULL, 1);
         INSERT INTO notifications.global_preferences (user_id, push, version) VALUES ('{ana}', false, 1)"
    ))
        .await;
    let preferences = world.get(&format!("{path}/preferences"), ana).await;
    assert_eq!(preferences.data()["global"]["pushEnabled"], false);
    let types = preferences.data()["types"].as_array().expect("a list");
    let line = |name: &str, place: bool| {
        types
            .iter()
            .find(|it| it["type"] == name && it.get("communityId").is_some() == place)
            .expect("a line")
    };
    assert_eq!(line("new_request", true)["inApp"], false);
    assert_eq!(line("new_request", false)["inApp"], true);
    assert_eq!(line("match_accepted", false)["push"], false);
    assert_eq!(line("security_notice", false)["required"], true);
    world.drop().await;
}

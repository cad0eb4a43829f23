//! Karma, trust and feeds as they are computed on read.

use serde_json::{Value, json};

use crate::fixture::World;
use crate::rows::Request;

#[tokio::test]
async fn exact_numbers_are_the_owners_until_they_are_shared() {
    let world = World::new().await;
    let [ana, ben, cleo] = [world.person("Ana").await, world.person("Ben").await, world.person("Cleo").await];
    let elm = world.community("Elm Street", ana).await;
    world.member(elm, ben, "member").await;
    world.exchange(elm, ben, ana, 75, Some(5.0)).await;

    // One exchange, one person, one community, one fresh rating of 5: 10 + 25 + 0 + 2 + 5.
    let path = format!("/reputation/trust/{ben}/{elm}");
    let own = world.get(&path, ben).await;
    assert_eq!((&own.data()["score"], &own.data()["tier"]), (&json!(42), &json!("active")));
    assert_eq!(own.data()["averageFeedback"], Value::Null, "fewer than three ratings");
    let others = world.get(&path, ana).await;
    assert_eq!((&others.data()["score"], &others.data()["tier"]), (&Value::Null, &json!("active")));
    assert_eq!(world.get(&path, cleo).await.refusal(), (404, "USER_NOT_FOUND"));

    let karma = world.get(&format!("/reputation/karma/{ben}"), ben).await;
    assert_eq!(karma.data()["totalKarma"], 75);
    assert_eq!(karma.data()["byCommunity"][0]["transactionCount"], 1);
    assert_eq!(world.get(&format!("/reputation/karma/{ben}"), ana).await.data()["totalKarma"], Value::Null);
    let board = format!("/reputation/leaderboard/{elm}");
    let seen = world.get(&board, ana).await;
    assert_eq!(
        (seen.each("name"), seen.each("totalKarma")),
        (vec!["Ben".into(), "Ana".into()], vec!["null".into(), "0".into()])
    );

    world
        .project(format!("UPDATE auth.user_settings SET share_reputation = true WHERE user_id = '{ben}'"))
        .await;
    assert_eq!(world.get(&path, ana).await.data()["score"], 42);
    assert_eq!(world.get(&board, ana).await.each("trustScore"), ["42", "17"]);
    world
        .project(format!(
            "UPDATE community.settings SET leaderboard_enabled = false WHERE community_id = '{elm}'"
        ))
        .await;
    assert_eq!(world.get(&board, ana).await.refusal(), (404, "LEADERBOARD_DISABLED"));
    assert_eq!(world.get(&board, cleo).await.refusal(), (403, "NOT_A_MEMBER"));
    world.drop().await;
}

#[tokio::test]
async fn trust_is_the_same_for_every_reader_and_carries_over() {
    let world = World::new().await;
    let [ana, ben, cleo] = [world.person("Ana").await, world.person("Ben").await, world.person("Cleo").await];
    let elm = world.community("Elm Street", ana).await;
    let oak = world.community("Oak Street", cleo).await;
    world.member(elm, ben, "member").await;
    world.member(oak, ben, "member").await;
    world.exchange(elm, ben, ana, 60, Some(5.0)).await;
    world
        .project(format!("UPDATE auth.user_settings SET share_reputation = true WHERE user_id = '{ben}'"))
        .await;

    // Cleo cannot see Elm Street, where 42 was earned; floor(42 × 0.4) counts in Oak Street all the same.
    let there = world.get(&format!("/reputation/trust/{ben}/{oak}"), cleo).await;
    assert_eq!((&there.data()["score"], &there.data()["carried"]), (&json!(16), &json!(true)));
    let overall = world.get(&format!("/reputation/trust/{ben}"), cleo).await;
    assert_eq!(overall.data()["byCommunity"], json!([{"communityId": oak, "score": 16, "tier": "new"}]));
    assert_eq!(
        overall.data()["overall"],
        world.get(&format!("/reputation/trust/{ben}"), ben).await.data()["overall"]
    );
    world.drop().await;
}

#[tokio::test]
async fn ones_own_summary_needs_a_community() {
    let world = World::new().await;
    let [ana, ben] = [world.person("Ana").await, world.person("Ben").await];
    let elm = world.community("Elm Street", ana).await;
    world.exchange(elm, ana, ben, 60, Some(4.0)).await;
    for path in ["/reputation/me/karma", "/reputation/me/community-summary", "/feed/community-health"] {
        assert_eq!(world.get(path, ana).await.refusal(), (400, "COMMUNITY_CONTEXT_REQUIRED"), "{path}");
        assert_eq!(
            world.get(&format!("{path}?community_id={elm}"), ben).await.refusal(),
            (403, "NOT_A_MEMBER")
        );
    }
    let summary = world.get(&format!("/reputation/me/community-summary?community_id={elm}"), ana).await;
    assert_eq!((&summary.data()["karma"], &summary.data()["trend"]), (&json!(60.0), &json!("growing")));
    assert_eq!((&summary.data()["helpsGiven"], &summary.data()["recentHelps"]), (&json!(1), &json!(1)));
    // 1 match of 2 people in a community of one: activity 10, quality (5 + 4) / 2 → 90, density 100.
    let health = world.get(&format!("/feed/community-health?community_id={elm}"), ana).await;
    assert_eq!(
        (&health.data()["networkStrength"], &health.data()["networkStrengthLabel"]),
        (&json!(60.0), &json!("Strong"))
    );
    world.drop().await;
}

#[tokio::test]
async fn a_feed_has_cards_asks_and_suggestions_in_order() {
    let world = World::new().await;
    let [ana, ben, cleo] = [world.person("Ana").await, world.person("Ben").await, world.person("Cleo").await];
    let elm = world.community("Elm Street", ana).await;
    let oak = world.community("Oak Street", cleo).await;
    world.member(elm, ben, "member").await;
    world.member(oak, ben, "member").await;
    let own = world.request(ana, elm, Request::default()).await;
    let urgent = world.request(ben, elm, Request { urgency: "urgent", ..Request::default() }).await;
    let platform = world
        .request(cleo, oak, Request { scope: "platform", category: "gardening", ..Request::default() })
        .await;

    let feed = world.get("/feed", ana).await;
    let ids = [format!("open_request_{urgent}"), format!("community_activity_{elm}")];
    let suggested = [format!("suggested_community_{oak}"), format!("suggested_request_{platform}")];
    let found = feed.each("id");
    assert_eq!(found[..2], ids, "{found:?}");
    assert_eq!(feed.each("priority")[..2], ["125.0", "100.0"]);
    let mut rest = found[2..].to_vec();
    rest.sort();
    assert_eq!(rest, suggested, "{found:?}");
    assert!(!found.contains(&format!("open_request_{own}")));
    assert_eq!(feed.body["meta"], json!({"count": 4}));

    world.project(format!("INSERT INTO feed.dismissals VALUES ('{ana}', 'open_request', '{urgent}', now() + interval '7 days')")).await;
    assert!(!world.get("/feed", ana).await.each("id").contains(&ids[0]));
    assert_eq!(world.get(&format!("/feed?community_id={elm}"), ana).await.each("id"), [ids[1].clone()]);
    world.drop().await;
}

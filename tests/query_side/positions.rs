//! Read your own writes.

use std::time::{Duration, Instant};

use crate::fixture::{World, answer};
use tests::eventually::eventually;

#[tokio::test]
async fn a_read_waits_until_its_projections_have_passed_the_position() {
    let world = World::new().await;
    let ana = world.person("Ana").await;
    let get = |query: &str| {
        let call = world.call(&format!("/communities/my/communities?{query}")).bearer_auth(world.token(ana));
        async move { answer(call).await }
    };
    for bad in ["x", "community-events/0", "community-events/0@x", "community-events/7@1", "/0@1"] {
        assert_eq!(get(&format!("min_position={bad}")).await.refusal(), (400, "INVALID_POSITION"), "{bad}");
    }
    assert_eq!(
        get("min_position=community-events/0@1&wait_ms=10001").await.refusal(),
        (400, "VALIDATION_ERROR")
    );
    // Topics that this route does not read count as included.
    assert_eq!(get("min_position=request-events/0@9&min_position=elsewhere/0@9").await.status, 200);

    let begun = Instant::now();
    let late = get("min_position=community-events/0@41&wait_ms=200").await;
    assert_eq!(late.refusal(), (503, "NOT_YET_VISIBLE"));
    assert!(begun.elapsed() >= Duration::from_millis(200));
    world.checkpoint("community", "community-events", 0, 41).await;
    assert_eq!(get("min_position=community-events/0@41&wait_ms=0").await.refusal(), (503, "NOT_YET_VISIBLE"));

    let moving = async {
        tokio::task::yield_now().await;
        world.checkpoint("community", "community-events", 0, 42).await;
    };
    let waiting = get("min_position=community-events/0@41&min_position=community-events/0@3&wait_ms=10000");
    let (answered, ()) = tokio::join!(waiting, moving);
    assert_eq!(answered.status, 200, "{:?}", answered.body);
    assert!(begun.elapsed() < Duration::from_secs(9), "it is released when the checkpoint moves");
    world.drop().await;
}

#[tokio::test]
async fn who_is_not_signed_in_does_not_wait() {
    let world = World::new().await;
    let begun = Instant::now();
    let refused = answer(world.call("/users/me?min_position=user-events/0@1&wait_ms=10000")).await;
    assert_eq!(refused.refusal(), (401, "UNAUTHENTICATED"));
    assert!(begun.elapsed() < Duration::from_secs(5));
    world.drop().await;
}

#[tokio::test]
async fn a_position_whose_record_is_parked_is_not_visible() {
    let world = World::new().await;
    let ana = world.person("Ana").await;
    world.checkpoint("community", "community-events", 0, 50).await;
    sqlx::query(
        "INSERT INTO projection.parked (projection, version, topic, partition, record_offset, record_key, header_names,
             header_values, recorded_at, kind, reason)
         SELECT projection, version, 'community-events', 0, 41, '', '{}', '{}', now(), 'unreadable', 'test'
         FROM projection.active WHERE projection = 'community'",
    )
    .execute(&world.projector)
    .await
    .expect("projectors may park");
    let get = |offset: i64| {
        let path =
            format!("/communities/my/communities?min_position=community-events/0@{offset}&wait_ms=200");
        let call = world.call(&path).bearer_auth(world.token(ana));
        async move { answer(call).await }
    };
    assert_eq!(get(41).await.refusal(), (503, "NOT_YET_VISIBLE"));
    assert_eq!(get(42).await.status, 200, "only that record is missing");
    world.drop().await;
}

#[tokio::test]
async fn a_thousand_that_wait_cost_the_database_what_one_costs() {
    let world = World::new().await;
    let ana = world.person("Ana").await;
    world.checkpoint("community", "community-events", 0, 5).await;
    let transactions = async || -> i64 {
        let count = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()";
        sqlx::query_scalar(count).fetch_one(&world.projector).await.expect("readable")
    };
    let before = transactions().await;
    let path = "/communities/my/communities?min_position=community-events/0@9&wait_ms=2000";
    let calls = (0..1_000).map(|_| answer(world.call(path).bearer_auth(world.token(ana))));
    let answers = futures::future::join_all(calls).await;
    assert!(answers.iter().all(|it| it.refusal() == (503, "NOT_YET_VISIBLE")));
    // Backends tell their figures about once a second: until those of the looks are there.
    let cost = eventually("the looks are counted", Duration::from_secs(20), || async {
        let cost = transactions().await - before;
        (cost >= 20).then_some(cost)
    })
    .await;
    // One every ten milliseconds at most, and whoever else is connected.
    assert!(cost < 300, "{cost} transactions for 1 000 who waited");
    world.drop().await;
}

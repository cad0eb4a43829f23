//! Verify: a row that is not what the log says is found and named.

use std::time::Duration;

use projectors::verify::{DifferenceKind, verify};
use projectors::{dead_letters, registry};
use serde_json::json;
use sqlx::AssertSqlSafe;
use tests::eventually::eventually;

use crate::fixture::{Schemas, World};
use crate::jobs::folded;
use crate::story::Story;

const SOON: Duration = Duration::from_secs(20);

/// Comparisons of all projections while events arrive.
const ROUNDS: u32 = 4;

#[tokio::test]
async fn rows_are_equal_at_every_moment_while_they_change() {
    let (mut world, running) = folded(20).await;
    let (source, owner) = (world.source.clone(), world.owner());
    let verifying = tokio::spawn(async move {
        for _ in 0..ROUNDS {
            for it in registry::PROJECTIONS {
                let verified = verify(&source, &owner, it.name, false, |_| {}).await.expect("verified");
                assert!(verified.equal && verified.foldable == 0, "{verified:?}");
            }
        }
    });
    let mut pace = tokio::time::interval(Duration::from_millis(10));
    while !verifying.is_finished() {
        world.append(Story::new().events()).await;
        pace.tick().await;
    }
    verifying.await.expect("the rows are equal");
    running.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn what_nobody_has_folded_is_not_equal_and_what_could_be_folded_now_is_told() {
    let mut world = World::new().await;
    let owner = world.owner();
    let never = verify(&world.source, &owner, "requests", false, |_| {}).await.expect("it can be verified");
    assert_eq!((never.version, never.equal), (None, false));

    let mut records = world.encode(Story::new().events());
    for it in records.iter_mut().filter(|it| &*it.to.topic == "request-events") {
        Schemas::obscure(it, 1);
    }
    world.append_records(records).await;
    let running = world.start();
    world.folded().await;
    let parked = verify(&world.source, &owner, "requests", false, |_| {}).await.expect("it can be verified");
    assert!(parked.equal && parked.foldable == 0 && parked.parked > 0, "{parked:?}");
    world.schemas.learn(1);
    let found = verify(&world.source, &owner, "requests", false, |_| {}).await.expect("it can be verified");
    assert!(!found.equal && found.foldable == parked.parked && found.parked == 0, "{found:?}");
    for key in dead_letters::list(&owner, Some("requests")).await.expect("it can be listed") {
        let registration = registry::named("requests").expect("it is registered");
        dead_letters::redrive(&world.source, &owner, registration, &key).await.expect("it is redriven");
    }
    eventually("nothing is parked", SOON, || async {
        let verified = verify(&world.source, &owner, "requests", false, |_| {}).await.expect("verified");
        (verified.equal && verified.foldable == 0).then_some(())
    })
    .await;
    running.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn rows_that_somebody_has_touched_are_named_without_their_texts() {
    let (world, running) = folded(40).await;
    let owner = world.owner();
    let equal = verify(&world.source, &owner, "requests", false, |_| {}).await.expect("it can be verified");
    assert!(equal.equal && equal.rows > 0 && equal.tables.iter().all(|it| it.ranges.is_empty()), "{equal:?}");

    let ids: Vec<uuid::Uuid> =
        sqlx::query_scalar("SELECT id FROM requests.help_requests ORDER BY id LIMIT 3")
            .fetch_all(&owner)
            .await
            .expect("there are rows");
    for sql in [
        format!(
            "UPDATE requests.help_requests SET title = 'Secret', urgency = 'high' WHERE id = '{}'",
            ids[0]
        ),
        format!("DELETE FROM requests.help_requests WHERE id = '{}'", ids[1]),
        format!(
            "INSERT INTO requests.request_communities (request_id, community_id, position, status, created_at)
             SELECT '{}', gen_random_uuid(), 9, 'approved', now()",
            ids[2]
        ),
    ] {
        sqlx::query(AssertSqlSafe(sql)).execute(&owner).await.expect("the owner may do it");
    }
    let found = verify(&world.source, &owner, "requests", false, |_| {}).await.expect("it can be verified");
    assert!(!found.equal);
    let table = |name: &str| found.tables.iter().find(|it| it.table == name).expect("it is compared");
    let requests = table("requests.help_requests");
    assert!((1..=2).contains(&requests.ranges.len()) && requests.differing == 2, "{requests:?}");
    let of = |id| requests.differences.iter().find(|it| it.key == json!({ "id": id })).expect("it is named");
    assert_eq!((of(ids[0]).kind, of(ids[1]).kind), (DifferenceKind::Changed, DifferenceKind::Missing));
    assert!(of(ids[0]).columns.contains(&"title".to_owned()), "{requests:?}");
    assert!(!json!(found).to_string().contains("Secret"), "{found:?}");
    let surplus = &table("requests.request_communities").differences;
    assert_eq!((surplus.len(), surplus[0].kind), (1, DifferenceKind::Surplus));
    assert!(table("requests.matches").equal);

    let shown = verify(&world.source, &owner, "requests", true, |_| {}).await.expect("it can be verified");
    assert!(json!(shown).to_string().contains("Secret"));
    world.rebuild("requests").await;
    world.verify().await;
    running.stop().await;
    world.drop().await;
}

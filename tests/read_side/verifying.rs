//! Verify: a row that is not what the log says is found and named.

use projectors::verify::{DifferenceKind, verify};
use serde_json::json;
use sqlx::AssertSqlSafe;

use crate::jobs::folded;

#[tokio::test]
async fn rows_that_somebody_has_touched_are_named_without_their_texts() {
    let (world, running) = folded(40).await;
    let owner = world.owner();
    let equal = verify(&world.source, &owner, "requests", false).await.expect("it can be verified");
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
    let found = verify(&world.source, &owner, "requests", false).await.expect("it can be verified");
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

    let shown = verify(&world.source, &owner, "requests", true).await.expect("it can be verified");
    assert!(json!(shown).to_string().contains("Secret"));
    world.rebuild("requests").await;
    world.verify().await;
    running.stop().await;
    world.drop().await;
}

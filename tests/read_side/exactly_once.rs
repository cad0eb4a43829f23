//! Rows and checkpoint are one: whatever happens to workers, every event is folded once (invariant R1).

use crate::fixture::World;
use crate::story::Story;

#[tokio::test]
async fn a_restart_in_the_middle_folds_nothing_twice() {
    let mut world = World::new().await;
    for _ in 0..20 {
        world.append(Story::new().events()).await;
    }
    // Stopped wherever it happens to be.
    let first = world.start();
    world.append(Story::new().events()).await;
    first.stop().await;
    let second = world.start();
    world.folded().await;
    let before = world.checksums().await;
    second.stop().await;

    let third = world.start();
    world.folded().await;
    third.stop().await;
    assert_eq!(world.checksums().await, before);
    world.verify().await;
    world.drop().await;
}

#[tokio::test]
async fn a_worker_whose_claim_was_taken_changes_nothing_and_claims_again() {
    let mut world = World::new().await;
    world.append(Story::new().events()).await;
    let running = world.start();
    world.folded().await;
    // What a second process does when the group gives it the partition; here nobody folds with the new epoch.
    sqlx::query("UPDATE projection.checkpoints SET owner_epoch = owner_epoch + 1")
        .execute(&world.owner())
        .await
        .expect("checkpoints are there");
    for _ in 0..5 {
        world.append(Story::new().events()).await;
    }
    world.folded().await;
    let fenced: i64 =
        sqlx::query_scalar("SELECT count(*) FROM projection.checkpoints WHERE owner_epoch >= 3")
            .fetch_one(&world.owner())
            .await
            .expect("checkpoints are there");
    assert!(fenced > 0, "whoever had something to fold found its claim gone");
    world.verify().await;
    running.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn commits_that_the_database_forgets_are_folded_again() {
    let mut world = World::new().await;
    let running = world.start();
    for _ in 0..20 {
        world.append(Story::new().events()).await;
    }
    world.folded().await;
    // Set back to where it was before the first batch, with claims that still count.
    let mut crash = world.owner().begin().await.expect("begins");
    for (table, _) in world.checksums().await {
        let forget = sqlx::AssertSqlSafe(format!("DELETE FROM {table}"));
        sqlx::query(forget).execute(&mut *crash).await.expect("deleted");
    }
    sqlx::query("UPDATE projection.checkpoints SET next_offset = 0").execute(&mut *crash).await.expect("set");
    crash.commit().await.expect("commits");
    for _ in 0..20 {
        world.append(Story::new().events()).await;
    }
    world.folded().await;
    world.verify().await;
    running.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn two_processes_share_the_partitions_and_count_everything_once() {
    let mut world = World::new().await;
    let (one, other) = (world.start(), world.start());
    for _ in 0..20 {
        world.append(Story::new().events()).await;
    }
    world.folded().await;
    world.verify().await;
    one.stop().await;
    for _ in 0..20 {
        world.append(Story::new().events()).await;
    }
    world.folded().await;
    world.verify().await;
    other.stop().await;
    world.drop().await;
}

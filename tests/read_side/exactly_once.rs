//! Rows and checkpoint are one: whatever happens to workers, every event is folded once (invariant R1).

use std::time::Duration;

use projectors::registry;
use tests::eventually::eventually;

use crate::fixture::World;
use crate::story::Story;

/// How long every projection may take to find that it cannot go on.
const TOLD: Duration = Duration::from_secs(20);

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
async fn rows_whose_checkpoint_cannot_move_are_not_kept() {
    // Refused where it is written, and where its transaction is to be committed.
    for when in [
        "TRIGGER not_now BEFORE UPDATE ON projection.checkpoints",
        "CONSTRAINT TRIGGER not_now AFTER UPDATE ON projection.checkpoints DEFERRABLE INITIALLY DEFERRED",
    ] {
        let mut world = World::new().await;
        world.append(Story::new().events()).await;
        refuse(&world, when, "NEW.next_offset > OLD.next_offset").await;
        let running = world.start();
        every_projection_is_in_trouble(&world).await;
        for (table, checksum) in world.checksums().await {
            assert_eq!(checksum.rows, 0, "{table} has rows that no checkpoint knows of: {when}");
        }
        sqlx::query("DROP TRIGGER not_now ON projection.checkpoints")
            .execute(&world.superuser())
            .await
            .expect("it is there");
        world.folded().await;
        world.verify().await;
        running.stop().await;
        world.drop().await;
    }
}

#[tokio::test]
async fn a_checkpoint_whose_rows_cannot_be_written_does_not_move() {
    let mut world = World::new().await;
    world.append(Story::new().events()).await;
    let tables: Vec<_> = world.checksums().await.into_iter().map(|(table, _)| table).collect();
    for table in &tables {
        refuse(&world, &format!("TRIGGER not_now BEFORE INSERT ON {table}"), "true").await;
    }
    let running = world.start();
    every_projection_is_in_trouble(&world).await;
    let superuser = world.superuser();
    for table in &tables {
        // It locks parent and partition in the other order than those who insert; of a deadlock either may be the victim.
        let mend = format!("DROP TRIGGER IF EXISTS not_now ON {table}");
        eventually("the trigger is dropped", TOLD, || async {
            sqlx::query(sqlx::AssertSqlSafe(mend.as_str())).execute(&superuser).await.ok()
        })
        .await;
    }
    world.folded().await;
    world.verify().await;
    running.stop().await;
    world.drop().await;
}

/// Has the database refuse something, as it does in passing.
async fn refuse(world: &World, trigger: &str, what: &str) {
    let function = format!(
        "CREATE OR REPLACE FUNCTION public.not_now() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
         IF {what} THEN RAISE EXCEPTION 'not now' USING ERRCODE = 'serialization_failure'; END IF;
         RETURN NEW; END $$"
    );
    for sql in [function, format!("CREATE {trigger} FOR EACH ROW EXECUTE FUNCTION public.not_now()")] {
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&world.superuser()).await.expect("the superuser may");
    }
}

async fn every_projection_is_in_trouble(world: &World) {
    let (pool, all) = (world.owner(), i64::try_from(registry::PROJECTIONS.len()).expect("few"));
    eventually("every projection tells that it cannot go on", TOLD, || async {
        let told = "SELECT count(DISTINCT projection) FROM projection.troubles WHERE reason LIKE '%not now%'";
        let told: i64 = sqlx::query_scalar(told).fetch_one(&pool).await.expect("troubles are readable");
        (told == all).then_some(())
    })
    .await;
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

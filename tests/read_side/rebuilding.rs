//! Rebuild: the result equals the live model, is swapped in while writes go on, and leaves nothing behind when cancelled.

use std::sync::Arc;

use projectors::rebuild::{self, Error, Options, Progress, rebuild};
use projectors::registry;
use sqlx::AssertSqlSafe;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::fixture::World;
use crate::story::Story;

#[tokio::test]
async fn a_rebuilt_projection_equals_the_live_one() {
    let mut world = World::new().await;
    for _ in 0..20 {
        world.append(Story::new().events()).await;
    }
    let running = world.start();
    world.folded().await;
    let live = world.checksums().await;
    for registration in registry::PROJECTIONS {
        world.rebuild(registration.name).await;
    }
    assert_eq!(world.checksums().await, live);
    // Workers go on with the new version.
    world.append(Story::new().events()).await;
    world.folded().await;
    world.verify().await;
    // And it can be done again.
    world.rebuild("requests").await;
    world.verify().await;
    running.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn a_rebuild_while_events_arrive_loses_and_doubles_nothing() {
    let mut world = World::new().await;
    for _ in 0..50 {
        world.append(Story::new().events()).await;
    }
    let running = world.start();
    let (source, owner) = (world.source.clone(), world.owner());
    let rebuilding = tokio::spawn(async move {
        for name in ["requests", "reputation", "requests"] {
            rebuild(&source, &owner, name, &Options::default(), |_| {}, &CancellationToken::new())
                .await
                .expect("it is rebuilt");
        }
    });
    while !rebuilding.is_finished() {
        world.append(Story::new().events()).await;
        world.folded().await;
    }
    rebuilding.await.expect("no panic");
    world.folded().await;
    world.verify().await;
    running.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn a_cancelled_rebuild_leaves_nothing_behind() {
    let mut world = World::new().await;
    world.append(Story::new().events()).await;
    let running = world.start();
    world.folded().await;
    let before = world.tables().await;
    let cancelled = CancellationToken::new();
    let stop_when_written = |it: &rebuild::Progress| {
        if it.phase == rebuild::Phase::Writing {
            cancelled.cancel();
        }
    };
    let result = rebuild(
        &world.source,
        &world.owner(),
        "requests",
        &Options::default(),
        stop_when_written,
        &cancelled,
    )
    .await;
    assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
    assert_eq!(world.tables().await, before);
    world.verify().await;
    running.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn a_swap_waits_for_a_reader_without_holding_up_others_for_long() {
    let mut world = World::new().await;
    world.append(Story::new().events()).await;
    let running = world.start();
    world.folded().await;
    let mut reading = world.owner().begin().await.expect("a transaction");
    sqlx::query("SELECT FROM requests.matches").execute(&mut *reading).await.expect("the owner may select");
    let (source, owner) = (world.source.clone(), world.owner());
    let rebuilding = tokio::spawn(async move {
        rebuild(&source, &owner, "requests", &Options::default(), |_| {}, &CancellationToken::new())
            .await
            .map(|it| it.version)
    });
    // Others read and projections fold while the swap tries again and again.
    world.append(Story::new().events()).await;
    world.folded().await;
    assert!(!rebuilding.is_finished());
    reading.rollback().await.expect("it ends");
    assert_eq!(rebuilding.await.expect("no panic").expect("it is rebuilt"), 2);
    world.folded().await;
    world.verify().await;
    running.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn a_swap_waits_for_who_holds_the_version_that_goes() {
    let mut world = World::new().await;
    world.append(Story::new().events()).await;
    let running = world.start();
    world.folded().await;
    world.rebuild("feed").await;
    for mode in ["SHARE UPDATE EXCLUSIVE", "ACCESS SHARE"] {
        let kept = world.tables().await.into_iter().find(|it| it.contains("activities_v"));
        let lock = format!("LOCK TABLE {} IN {mode} MODE", kept.expect("one is kept"));
        let mut held = world.owner().begin().await.expect("a transaction");
        sqlx::query(AssertSqlSafe(lock)).execute(&mut *held).await.expect("as VACUUM or a reader has it");
        let (source, owner, held_up) = (world.source.clone(), world.owner(), Arc::new(Notify::new()));
        let holder: i32 =
            sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut *held).await.expect("one");
        let (told, holder) = (Arc::clone(&held_up), format!("karmyq_owner (process {holder})"));
        let mut rebuilding = tokio::spawn(async move {
            let names_holder = |it: &&String| it.contains(&holder);
            let told =
                move |it: &Progress| it.trouble.iter().filter(names_holder).for_each(|_| told.notify_one());
            rebuild(&source, &owner, "feed", &Options::default(), told, &CancellationToken::new()).await
        });
        tokio::select! {
            () = held_up.notified() => {}
            ended = &mut rebuilding => panic!("it did not wait for {mode}: {ended:?}"),
        }
        held.rollback().await.expect("it ends");
        rebuilding.await.expect("no panic").expect("it tries again");
    }
    world.verify().await;
    running.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn the_version_before_stays_and_older_ones_go() {
    let mut world = World::new().await;
    world.append(Story::new().events()).await;
    let running = world.start();
    world.folded().await;
    for _ in 0..3 {
        world.rebuild("feed").await;
    }
    let versions: Vec<String> =
        world.tables().await.into_iter().filter(|it| it.contains("activities_v")).collect();
    assert_eq!(versions, ["feed.activities_v3", "feed.activities_v4"]);
    running.stop().await;
    world.drop().await;
}

//! Readers during swaps: each sees one version or the other, whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use projectors::rebuild::{Options, Phase, rebuild};
use projectors::rollback::rollback;
use sqlx::PgPool;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::jobs::folded;
use crate::story::Story;

/// Swaps while readers read; half of them rollbacks.
const SWAPS: usize = 20;

/// Readers at once.
const READERS: usize = 4;

#[tokio::test]
async fn a_swap_waits_for_a_reading_that_has_its_snapshot_and_not_its_tables_yet() {
    let (world, running) = folded(5).await;
    let mut reading = query_api::open_reading(&world.owner(), None).await.expect("a reading");
    // The snapshot is taken now, and of another projection's table.
    let members: i64 = sqlx::query_scalar("SELECT count(*) FROM community.memberships")
        .fetch_one(&mut *reading)
        .await
        .expect("it may read");
    let (told, mut phases) = mpsc::unbounded_channel();
    let (source, owner) = (world.source.clone(), world.owner());
    let mut rebuilding = tokio::spawn(async move {
        let tell = move |it: &projectors::rebuild::Progress| told.send(it.phase).expect("somebody listens");
        rebuild(&source, &owner, "requests", &Options::default(), tell, &CancellationToken::new()).await
    });
    while phases.recv().await.is_some_and(|it| it != Phase::Swapping) {}
    let early = tokio::time::timeout(Duration::from_secs(2), &mut rebuilding).await;
    assert!(early.is_err(), "it did not wait");
    // Without the lock this would find a table whose rows are younger than the snapshot.
    let requests: i64 = sqlx::query_scalar("SELECT count(*) FROM requests.help_requests")
        .fetch_one(&mut *reading)
        .await
        .expect("it may read");
    assert_eq!((members, requests), (10, 5));
    reading.rollback().await.expect("it ends");
    assert_eq!(rebuilding.await.expect("no panic").expect("it is rebuilt").version, 2);
    running.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn readers_notice_nothing_of_twenty_swaps_and_rollbacks_under_traffic() {
    let (mut world, running) = folded(30).await;
    let (visible, readings) = (Arc::new(AtomicI64::new(30)), Arc::new(AtomicU64::new(0)));
    let stop = CancellationToken::new();
    let readers: Vec<_> = (0..READERS)
        .map(|_| {
            let reading = read_on(world.owner(), Arc::clone(&visible), Arc::clone(&readings), stop.clone());
            tokio::spawn(reading)
        })
        .collect();
    for round in 0..SWAPS {
        let (source, owner) = (world.source.clone(), world.owner());
        let swapping = tokio::spawn(async move {
            let (options, never) = (Options::default(), CancellationToken::new());
            if round % 2 == 0 {
                rebuild(&source, &owner, "requests", &options, |_| {}, &never).await.map(|_| ())
            } else {
                rollback(&source, &owner, "requests", &options, |_| {}, &never).await.map(|_| ())
            }
        });
        while !swapping.is_finished() {
            world.append(Story::new().events()).await;
            world.folded().await;
            visible.fetch_add(1, Ordering::SeqCst);
        }
        swapping.await.expect("no panic").expect("it is swapped in");
        world.folded().await;
        world.verify().await;
    }
    stop.cancel();
    for reader in readers {
        reader.await.expect("no reader saw anything odd");
    }
    assert!(readings.load(Ordering::SeqCst) > 100, "the readers have read: {readings:?}");
    running.stop().await;
    world.drop().await;
}

/// Reads again and again: all that was visible before, and every request with its community and its match.
async fn read_on(pool: PgPool, visible: Arc<AtomicI64>, readings: Arc<AtomicU64>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let at_least = visible.load(Ordering::SeqCst);
        let mut reading = query_api::open_reading(&pool, None).await.expect("a reading");
        let mut counts = Vec::new();
        for table in [
            "community.memberships",
            "requests.help_requests",
            "requests.request_communities",
            "requests.matches",
        ] {
            let count = format!("SELECT count(*) FROM {table}");
            let count: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(count))
                .fetch_one(&mut *reading)
                .await
                .expect("no reading fails");
            counts.push(count);
        }
        let requests = counts[1];
        assert!(requests >= at_least, "{requests} of {at_least} requests");
        assert_eq!(counts[1..], [requests, requests, requests], "a mixed model");
        reading.rollback().await.expect("it ends");
        readings.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn every_projection_has_a_table_that_readings_lock() {
    let unlocked: Vec<_> = projectors::registry::PROJECTIONS
        .iter()
        .filter(|it| {
            !it.tables().iter().any(|table| query_api::LOCK_READ_MODELS.contains(&format!("ONLY {table}")))
        })
        .map(|it| it.name)
        .collect();
    assert_eq!(unlocked, Vec::<&str>::new());
}

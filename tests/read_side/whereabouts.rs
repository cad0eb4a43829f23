//! The truth about where projections are: lag, what is in the way, and what is not said to be in the way.

use std::time::Duration;

use projectors::status::{self, State};
use tests::eventually::eventually;

use crate::cut_off::{Cut, CutOff};
use crate::fixture::World;
use crate::story::Story;

const SOON: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_database_that_goes_away_is_waited_for_and_nothing_is_parked() {
    let mut world = World::new().await;
    world.append(Story::new().events()).await;
    let running = world.start();
    world.folded().await;
    world.lock_out().await;
    for _ in 0..5 {
        world.append(Story::new().events()).await;
    }
    let reason = eventually("it is told", SOON, || async {
        running.health.reasons().await.into_iter().find(|it| it.reason.contains("do not move"))
    })
    .await;
    assert!(reason.reason.contains("the database"), "{reason:?}");
    world.let_in().await;
    world.folded().await;
    eventually("it is ready again", SOON, || async {
        running.health.reasons().await.is_empty().then_some(())
    })
    .await;
    let left: (i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM projection.parked), (SELECT count(*) FROM projection.troubles)",
    )
    .fetch_one(&world.owner())
    .await
    .expect("readable");
    assert_eq!(left, (0, 0));
    world.verify().await;
    running.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn a_transaction_that_nobody_ends_is_named_with_the_command_that_ends_it() {
    let mut world = World::new().await;
    let story = Story::new();
    world.append(story.beginning()).await;
    let running = world.start();
    world.folded().await;
    let hanging = world.encode(vec![story.renamed(story.helper, "Ben", 3)]);
    let held = world.append_and_hang(hanging).await;
    world.append(vec![story.renamed(story.helper, "Benno", 4)]).await;
    let of = world.partition_of("user-events", &story.helper.to_string());

    let all = status::look(&world.source, &world.owner(), Some("user_directory")).await.expect("told");
    assert_eq!(all[0].state, State::Frozen);
    let frozen: Vec<_> = all[0].partitions.iter().filter(|it| it.state == State::Frozen).collect();
    assert_eq!(frozen.len(), 1, "others are idle, which is not lag: {all:?}");
    let at = frozen[0].hanging.as_ref().expect("it is named");
    assert_eq!((at.start_offset, frozen[0].partition), (frozen[0].end.expect("told"), of.partition));
    assert!(frozen[0].high_watermark > frozen[0].end && frozen[0].lag_events == Some(0), "{frozen:?}");
    let arguments =
        format!("--topic user-events --partition {} --start-offset {}", of.partition, at.start_offset);
    assert!(at.command.starts_with("kafka-transactions.sh") && at.command.ends_with(&arguments), "{at:?}");
    eventually("the projector says so, and stays ready", SOON, || async {
        let warned = running.health.warnings().iter().any(|it| it.reason.contains("hangs at offset"));
        (warned && running.health.reasons().await.is_empty()).then_some(())
    })
    .await;

    held.release();
    eventually("it is live again", SOON, || async {
        let all = status::look(&world.source, &world.owner(), Some("user_directory")).await.expect("told");
        (all[0].state == State::Live && all[0].partitions.iter().all(|it| it.lag_events == Some(0)))
            .then_some(())
    })
    .await;
    eventually("the projector takes it back", SOON, || async {
        running.health.warnings().is_empty().then_some(())
    })
    .await;
    world.verify().await;
    running.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn lag_is_the_age_of_what_is_not_folded_and_nobody_who_folds_it_is_frozen() {
    let mut world = World::new().await;
    world.append(Story::new().events()).await;
    // Nobody has ever folded, and the events are years old.
    let all = status::status(&world.source, &world.owner(), Some("community")).await.expect("told");
    assert_eq!((all[0].version, all[0].state), (None, State::Frozen));
    let behind: Vec<_> = all[0].partitions.iter().filter(|it| it.lag_events > Some(0)).collect();
    assert!(!behind.is_empty() && behind.iter().all(|it| it.lag_seconds > 86_400.0), "{behind:?}");
    assert!(behind.iter().all(|it| it.per_second == Some(0.0) && it.seconds_left.is_none()), "{behind:?}");
    let asks = |it: &str| it.starts_with("nobody has ever folded it: is a process up that runs it");
    assert!(behind.iter().all(|it| it.reason.as_deref().is_some_and(asks)), "{behind:?}");
    let idle = all[0].partitions.iter().filter(|it| it.lag_events == Some(0));
    assert!(idle.map(|it| (it.state, it.lag_seconds)).all(|it| it == (State::Live, 0.0)));
    let running = world.start();
    world.folded().await;
    let all = status::look(&world.source, &world.owner(), None).await.expect("told");
    assert!(all.iter().all(|it| it.state == State::Live), "{all:?}");
    running.stop().await;
    world.append(Story::new().events()).await;
    // As if half an hour had passed.
    sqlx::query("UPDATE projection.checkpoints SET updated_at = '2026-01-02 03:04:05Z'")
        .execute(&world.owner())
        .await
        .expect("the owner may do it");
    let all = status::look(&world.source, &world.owner(), Some("community")).await.expect("told");
    let reasons: Vec<_> = all[0].partitions.iter().filter_map(|it| it.reason.as_deref()).collect();
    assert!(!reasons.is_empty() && all[0].state == State::Frozen, "{all:?}");
    let asks = |it: &&str| it.starts_with("nobody has folded it since 2026-01-02T03:04:05Z: is a process up");
    assert!(reasons.iter().all(asks), "{reasons:?}");
    world.drop().await;
}

#[tokio::test]
async fn what_the_broker_does_not_show_in_time_is_not_taken_for_nothing() {
    let mut world = World::new().await;
    let log = CutOff::before(&mut world);
    world.append(Story::new().events()).await;
    log.cut(Cut::Records);
    let all = status::look(&world.source, &world.owner(), Some("community")).await.expect("told");
    assert_eq!(all[0].state, State::Frozen, "{all:?}");
    let behind: Vec<_> = all[0].partitions.iter().filter(|it| it.end > Some(0)).collect();
    assert!(!behind.is_empty() && behind.iter().all(|it| it.lag_events == it.end), "{behind:?}");
    let unseen = |it: &str| it.contains("does not show");
    assert!(behind.iter().all(|it| it.reason.as_deref().is_some_and(unseen)), "{behind:?}");
    world.drop().await;
}

#[tokio::test]
async fn a_partition_without_a_leader_is_named_and_the_others_are_told() {
    let mut world = World::new().await;
    let log = CutOff::before(&mut world);
    world.append(Story::new().events()).await;
    let running = world.start();
    world.folded().await;
    running.stop().await;
    let of = world.partition_of("community-events", "any");
    log.cut(Cut::Partition(of.clone()));
    let all = status::look(&world.source, &world.owner(), Some("feed")).await.expect("told");
    let is_cut =
        |it: &&status::PartitionStatus| (it.topic.as_str(), it.partition) == (&*of.topic, of.partition);
    let (cut, others): (Vec<_>, Vec<_>) = all[0].partitions.iter().partition(is_cut);
    assert_eq!((cut[0].state, cut[0].end, cut[0].lag_events), (State::Frozen, None, None), "{cut:?}");
    assert!(cut[0].reason.as_deref().is_some_and(|it| it.contains("has no leader")), "{cut:?}");
    assert!(!others.is_empty() && others.iter().all(|it| it.state == State::Live), "{others:?}");
    world.drop().await;
}

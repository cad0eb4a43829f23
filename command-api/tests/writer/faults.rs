//! What callers learn, and what is in the log, when an append does not simply succeed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use command_api::writer::{Failure, Owner, Target};
use event_log::{EventLog, Fault, MemoryLog};
use event_schemas::topics::{Profile, manifest};
use event_schemas::{AggregateType, Domain};

use super::scene::{Scene, Setting, join, join_privately, person, rename};
use super::slow::Slow;

#[tokio::test]
async fn an_aborted_window_leaves_nothing_behind_and_the_same_key_succeeds_later() {
    let scene = Scene::begin().await;
    let (community, _) = scene.found(person(1)).await;
    scene.log.fail_next(Fault::Aborted);
    assert_eq!(
        scene.execute(join(community, person(2)), "key").await.expect_err("aborted"),
        Failure::NotTaken
    );
    let joined = scene.execute(join(community, person(2)), "key").await.expect("joins now");
    assert_eq!((joined.version, joined.replayed), (3, false));
    assert_eq!(scene.versions_of(community).await, [1, 2, 3]);
}

#[tokio::test]
async fn what_was_decided_on_an_aborted_window_vanishes_with_it() {
    let scene = Scene::begin().await;
    let (community, _) = scene.found(person(1)).await;
    let mut held = scene.log.hold_next();
    let before = scene.start(join(community, person(2)), "before");
    held.reached().await;
    // Both are decided while the window with "before" is under way, the second of them against its member.
    scene.log.fail_next(Fault::Aborted);
    let aborted = scene.start(join(community, person(3)), "aborted");
    let refused = scene.start(join(community, person(3)), "refused on its ground");
    scene.sees_no_answer(&refused).await;
    held.release();
    before.await.expect("task").expect("joins");
    for call in [aborted, refused] {
        assert_eq!(call.await.expect("task").expect_err("aborted"), Failure::NotTaken);
    }
    scene.execute(join(community, person(3)), "again").await.expect("joins after all");
    assert_eq!(scene.versions_of(community).await, [1, 2, 3, 4]);
}

/// What it goes back to was under way itself when it was decided upon, and is committed by now.
#[tokio::test]
async fn where_the_last_event_stands_is_known_after_an_aborted_window() {
    let scene = Scene::begin().await;
    scene.register(person(1)).await;
    let mut held = scene.log.hold_next();
    let before = scene.start(rename(person(1), "Bea"), "before");
    held.reached().await;
    scene.log.fail_next(Fault::Aborted);
    let aborted = scene.start(rename(person(1), "Cleo"), "aborted");
    scene.sees_no_answer(&aborted).await;
    held.release();
    let before = before.await.expect("task").expect("renames");
    assert_eq!(aborted.await.expect("task").expect_err("aborted"), Failure::NotTaken);
    let again = scene.execute(rename(person(1), "Bea"), "again").await.expect("is Bea already");
    assert!(again.events.is_empty(), "nothing to change");
    assert_eq!((again.version, again.position), (before.version, before.position));
}

#[tokio::test]
async fn an_unknown_outcome_is_told_as_such_and_the_same_key_finds_out() {
    for committed in [true, false] {
        let scene = Scene::begin().await;
        let (community, _) = scene.found(person(1)).await;
        scene.log.fail_next(Fault::AnswerLost { committed });
        let failure = scene.execute(join(community, person(2)), "key").await.expect_err("nobody knows");
        assert_eq!(failure, Failure::OutcomeUnknown);
        let answer = retried(&scene, community).await;
        assert_eq!((answer.version, answer.replayed), (3, committed), "committed: {committed}");
        assert_eq!(scene.versions_of(community).await, [1, 2, 3]);
    }
}

#[tokio::test]
async fn a_fenced_writer_begins_anew_and_loses_nothing() {
    let scene = Scene::begin().await;
    let (community, _) = scene.found(person(1)).await;
    scene.log.fail_next(Fault::Fenced);
    scene.execute(join(community, person(2)), "key").await.expect_err("fenced");
    let answer = retried(&scene, community).await;
    assert_eq!((answer.version, answer.replayed), (3, false));
    assert_eq!(scene.versions_of(community).await, [1, 2, 3]);
}

/// Everybody else would send calls to nobody, or to whoever has let go, for as long as nothing moves.
#[tokio::test]
async fn who_owns_a_partition_is_told_again_when_its_window_was_aborted() {
    let log = MemoryLog::new();
    log.create_topics(&manifest(Profile::Small), 1).await.expect("creates topics");
    log.fail_next(Fault::Aborted);
    let shared: Arc<dyn EventLog> = Arc::new(log.clone());
    let of = |domains| Setting { domains, ..Setting::of(Arc::clone(&shared)) };
    let owner = Scene::set(log.clone(), of(vec![Domain::Notification]), "owner").await;
    let other = Scene::set(log.clone(), of(Vec::new()), "other").await;
    let inbox = Target::new(AggregateType::Inbox, person(1));
    other.until(|it| it.handle.owner_of(&inbox) == Owner::At("http://owner".to_owned())).await;
    log.fail_next(Fault::Aborted);
    owner.end().await;
    other.until(|it| it.handle.owner_of(&inbox) == Owner::Moving).await;
}

/// A policy's command waits for a view, and the log does not tell where its end is: whoever asks again at once would do
/// nothing else.
#[tokio::test]
async fn whoever_waits_for_a_view_asks_a_log_that_is_away_with_pauses() {
    let log = MemoryLog::new();
    log.create_topics(&manifest(Profile::Small), 1).await.expect("creates topics");
    let slow = Slow::new(log.clone());
    slow.allow(u32::MAX);
    let scene = Scene::joining_by(log, Arc::clone(&slow) as _, "first").await;
    scene.until(|it| it.handle.serving().count() >= 9).await;
    let nobodys = scene.found_privately(person(1)).await;

    let began = Instant::now();
    slow.refuse(true);
    scene.execute(join_privately(nobodys, person(2)), "ask").await.expect("asks to join");
    scene.until(|_| slow.refused() >= 3).await;
    assert!(began.elapsed() >= Duration::from_secs(1), "asked three times within {:?}", began.elapsed());

    slow.refuse(false);
    scene.register(person(4)).await;
    scene.until_raised(1).await;
    assert_eq!(scene.dead_letters().await, 0);
}

/// Asks with the same key until a writer serves the partition again.
async fn retried(scene: &Scene, community: event_schemas::CommunityId) -> command_api::writer::Executed {
    loop {
        match scene.execute(join(community, person(2)), "key").await {
            Ok(executed) => return executed,
            Err(Failure::Moving) => tokio::task::yield_now().await,
            Err(other) => panic!("{other}"),
        }
    }
}

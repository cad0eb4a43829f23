//! The writer on the in-memory log: the promises W1 and W2 under every way in which an append can end.

mod author;
mod faults;
mod internal;
mod scene;
mod slow;
mod takeover;

use command_api::writer::Failure;
use scene::{Scene, found, join, join_privately, person, register, rename};

#[tokio::test]
async fn versions_count_up_and_the_position_is_that_of_the_last_event() {
    let scene = Scene::begin().await;
    let (community, founded) = scene.found(person(1)).await;
    assert_eq!(founded.version, 2, "founding makes the founder a member");
    let joined = scene.execute(join(community, person(2)), "a").await.expect("joins");
    assert_eq!((joined.version, joined.events.len(), joined.replayed), (3, 1, false));
    let position = joined.position.expect("stands somewhere");
    assert_eq!(&*position.of.topic, "community-events");
    assert_eq!(scene.record_at(&position).await.envelope, joined.events[0].envelope);
}

#[tokio::test]
async fn the_same_key_is_answered_with_the_first_answer_and_appends_nothing() {
    let scene = Scene::begin().await;
    let (community, _) = scene.found(person(1)).await;
    let first = scene.execute(join(community, person(2)), "key").await.expect("joins");
    let again = scene.execute(join(community, person(2)), "key").await.expect("is known");
    assert!(again.replayed);
    assert_eq!(
        (again.version, &again.position, &again.events),
        (first.version, &first.position, &first.events)
    );
    assert_eq!(scene.versions_of(community).await, [1, 2, 3]);
}

#[tokio::test]
async fn calls_with_the_same_key_at_the_same_time_share_one_execution() {
    let scene = Scene::begin().await;
    let (community, _) = scene.found(person(1)).await;
    let calls = (0..20).map(|_| scene.execute(join(community, person(2)), "key"));
    let answers = futures::future::join_all(calls).await;
    let answers: Vec<_> = answers.into_iter().map(|it| it.expect("one answer for all")).collect();
    assert_eq!(answers.iter().filter(|it| !it.replayed).count(), 1);
    assert!(answers.iter().all(|it| it.position == answers[0].position));
    assert_eq!(scene.versions_of(community).await, [1, 2, 3]);
}

#[tokio::test]
async fn a_key_that_belongs_to_another_call_is_refused() {
    let scene = Scene::begin().await;
    let (community, _) = scene.found(person(1)).await;
    scene.execute(join(community, person(2)), "key").await.expect("joins");
    let mut other = scene.submission(join(community, person(2)), "key");
    other.origin.fingerprint = [9; 8];
    assert_eq!(scene.handle.execute(other).await.expect_err("reused"), Failure::KeyReused);
}

#[tokio::test]
async fn a_version_that_is_not_the_expected_one_is_told() {
    let scene = Scene::begin().await;
    let (community, _) = scene.found(person(1)).await;
    let mut submission = scene.submission(join(community, person(2)), "key");
    submission.origin.expected_version = Some(7);
    let failure = scene.handle.execute(submission).await.expect_err("another version");
    assert_eq!(failure, Failure::VersionConflict { current: 2 });
}

#[tokio::test]
async fn a_refusal_that_rests_on_a_window_waits_for_it() {
    let scene = Scene::begin().await;
    let (community, _) = scene.found(person(1)).await;
    let mut held = scene.log.hold_next();
    let first = scene.start(join(community, person(2)), "first");
    held.reached().await;
    let second = scene.start(join(community, person(2)), "second");
    scene.sees_no_answer(&second).await;
    held.release();
    first.await.expect("task").expect("joins");
    let refused = second.await.expect("task").expect_err("is a member already");
    assert!(
        matches!(refused, Failure::Refused(it) if it.code == "ALREADY_MEMBER"),
        "told once it is durable"
    );
}

#[tokio::test]
async fn a_version_that_rests_on_a_window_is_told_once_that_is_decided() {
    let scene = Scene::begin().await;
    let (community, _) = scene.found(person(1)).await;
    let mut held = scene.log.hold_next();
    let first = scene.start(join(community, person(2)), "first");
    held.reached().await;
    let mut submission = scene.submission(join(community, person(3)), "second");
    submission.origin.expected_version = Some(2);
    let handle = scene.handle.clone();
    let second = tokio::spawn(async move { handle.execute(submission).await });
    scene.sees_no_answer(&second).await;
    held.release();
    first.await.expect("task").expect("joins");
    let conflict = second.await.expect("task").expect_err("another version");
    assert_eq!(conflict, Failure::VersionConflict { current: 3 });
}

#[tokio::test]
async fn what_is_so_already_is_told_with_the_event_that_made_it_so() {
    let scene = Scene::begin().await;
    scene.register(person(1)).await;
    let mut held = scene.log.hold_next();
    let other = scene.start(register(person(2)), "keeps the log busy");
    held.reached().await;
    // All three wait for one window, in this order.
    let first = scene.start(rename(person(1), "Bea"), "first");
    let again = scene.start(rename(person(1), "Bea"), "again");
    let later = scene.start(rename(person(1), "Cleo"), "later");
    scene.sees_no_answer(&later).await;
    held.release();
    other.await.expect("task").expect("registers");
    let (first, again) = (first.await.expect("task"), again.await.expect("task"));
    let (first, again) = (first.expect("renames"), again.expect("is Bea already"));
    assert!(again.events.is_empty(), "nothing to change");
    assert_eq!((again.version, again.position), (first.version, first.position));
    assert_eq!(later.await.expect("task").expect("renames").version, first.version + 1);
}

#[tokio::test]
async fn a_policy_reaches_its_target_exactly_once() {
    let scene = Scene::begin().await;
    scene.register(person(1)).await;
    let community = scene.found_privately(person(1)).await;
    scene.execute(join_privately(community, person(2)), "ask").await.expect("asks to join");
    scene.execute(join_privately(community, person(2)), "ask").await.expect("is known");
    let notices =
        scene.eventually_events("notification-events", |it| it.contains(&"NotificationRaised")).await;
    let raised = notices.iter().filter(|it| **it == "NotificationRaised").count();
    assert_eq!(raised, 2, "a welcome, and one join request for the founder: {notices:?}");
}

#[tokio::test]
async fn whoever_does_not_exist_is_told_nothing() {
    let scene = Scene::begin().await;
    scene.register(person(4)).await;
    let (nobodys, known) = (scene.found_privately(person(1)).await, scene.found_privately(person(4)).await);
    scene.execute(join_privately(nobodys, person(2)), "of nobody").await.expect("asks to join");
    scene.execute(join_privately(known, person(2)), "of somebody").await.expect("asks to join");
    // One after the other: when the second request was told, the first one had been looked at.
    scene.until_raised(2).await;
    assert_eq!(scene.dead_letters().await, 0);
}

#[tokio::test]
async fn ids_of_new_things_hash_into_the_partition_of_their_command() {
    let scene = Scene::begin().await;
    for n in 0..50 {
        let submission = found(&scene, person(n), "public");
        let command = submission.origin.command_id;
        let domain = submission.target.domain();
        assert_eq!(
            scene.handle.partition(domain, &submission.target.id),
            scene.handle.partition(domain, &command.to_string())
        );
    }
}

//! Partitions change hands: by agreement, by a crash, and against the will of an owner that slept.

use command_api::writer::Owner;

use super::scene::{Scene, join, person};

#[tokio::test]
async fn a_successor_knows_everything_and_every_key() {
    let scene = Scene::begin().await;
    let (community, _) = scene.found(person(1)).await;
    let first = scene.execute(join(community, person(2)), "key").await.expect("joins");
    let log = scene.end().await;

    let successor = Scene::on(log, "second").await;
    let again = successor.execute(join(community, person(2)), "key").await.expect("is known");
    assert!(again.replayed);
    assert_eq!((again.version, again.position, again.events), (first.version, first.position, first.events));
    let third = successor.execute(join(community, person(3)), "other").await.expect("joins");
    assert_eq!(third.version, 4);
}

#[tokio::test]
async fn a_takeover_waits_for_a_window_that_passed_the_fence() {
    let scene = Scene::begin().await;
    let (community, _) = scene.found(person(1)).await;
    let mut held = scene.log.hold_next();
    let call = scene.start(join(community, person(2)), "key");
    held.reached().await;
    // The owner crashes with its window open: the last stable offset hides it, the high watermark does not.
    scene.stopped.abort();
    let log = scene.log.clone();
    let successor = tokio::spawn(Scene::joining(log, "second"));
    held.release();
    let successor = successor.await.expect("joins the group");
    drop(call);
    successor.until(|it| it.handle.serving().count() > 0).await;
    let versions = successor.versions_of(community).await;
    assert_eq!(versions, (1..).take(versions.len()).collect::<Vec<_>>(), "no gap and no repeat");
}

#[tokio::test]
async fn two_instances_share_the_partitions_and_tell_each_others_address() {
    let first = Scene::begin().await;
    let second = Scene::joining(first.log.clone(), "second").await;
    first
        .until(|it| {
            it.handle.serving().count() + second.handle.serving().count() == 9
                && second.handle.serving().count() > 0
        })
        .await;
    let (community, _) = {
        // Whoever does not own it names the other.
        let submission = super::found(&first, person(1), "public");
        let target = submission.target.clone();
        let owners = || (first.handle.owner_of(&target), second.handle.owner_of(&target));
        first
            .until(|_| {
                owners() == (Owner::Here, Owner::At("http://first".to_owned()))
                    || owners() == (Owner::At("http://second".to_owned()), Owner::Here)
            })
            .await;
        let owner = if first.handle.owner_of(&target) == Owner::Here { &first } else { &second };
        (target.id.clone(), owner.handle.execute(submission).await.expect("founds"))
    };
    assert_eq!(first.versions_of(community.parse().expect("an id")).await, [1, 2]);
}

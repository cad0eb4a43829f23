//! Partitions change hands: by agreement, by a crash, and against the will of an owner that slept.

use std::sync::Arc;
use std::time::Duration;

use command_api::writer::{Failure, Owner, PartitionId};
use event_log::{EventLog as _, GroupConfig, TopicPartition};
use event_schemas::{CommunityId, Domain};
use tokio::time::timeout;
use uuid::Uuid;

use super::author::{Author, scribble};
use super::scene::{PATIENCE, Scene, join, join_privately, person, register, rename};
use super::slow::Slow;

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

/// An owner without views could decide nothing that asks them, and whoever owned the partition before could.
#[tokio::test]
async fn nobody_joins_before_the_views_are_there() {
    let first = Scene::begin().await;
    let (community, _) = first.found(person(1)).await;
    let slow = Slow::new(first.end().await);
    slow.hold_views(true);
    slow.allow(1);
    let second = Scene::joining_by(slow.log(), slow.clone(), "second").await;
    // Of each partition that the views follow.
    slow.asked(5).await;
    assert!(!slow.is_joined());
    slow.hold_views(false);
    second.until(|it| it.handle.serving().count() == 9).await;
    let joined = second.execute(join(community, person(2)), "key").await.expect("joins");
    assert_eq!(joined.version, 3);
}

/// A takeover that was asked back half-way must not serve the next assignment: others have appended in between.
#[tokio::test]
async fn a_takeover_of_an_earlier_assignment_is_not_served() {
    let first = Scene::begin().await;
    // Somebody on every partition, so that a takeover of any has something to read.
    for n in 0..20 {
        first.register(person(n)).await;
    }
    let log = first.log.clone();
    let slow = Slow::new(log.clone());
    let second = Scene::joining_by(log.clone(), Arc::clone(&slow) as _, "second").await;
    let begun = |it: PartitionId| slow.begun(&TopicPartition::new(it.domain.events_topic(), it.number));
    let users =
        |it: &Scene| (0..).map(|n| PartitionId { domain: Domain::User, number: n }).take(partitions(it));
    first.until(|it| users(it).any(|it| begun(it) == 1)).await;

    // A third one gets what the second is still taking over, and appends to it.
    let third = Scene::joining(log, "third").await;
    let of_third = |it: PartitionId| begun(it) == 1 && third.handle.serving().contains(it);
    first.until(|it| users(it).any(of_third)).await;
    let moved = users(&first).find(|it| of_third(*it)).expect("it was just there");
    let on_it = |n: &u128| third.handle.partition(Domain::User, &person(*n).to_string()) == moved.number;
    let newcomer = person((100..).find(on_it).expect("there are many"));
    third.register(newcomer).await;

    // Now everything comes back to the second one.
    first.end().await;
    third.end().await;
    second.until(|_| begun(moved) == 2).await;
    slow.allow(1);
    second.until(|it| it.handle.serving().count() + 1 >= 9).await;
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    slow.allow(2);
    second.until(|it| it.handle.serving().contains(moved)).await;
    let again = second.execute(register(newcomer), "another key").await.expect("changes nothing");
    assert_eq!((again.version, again.events.len()), (1, 0), "whom the third one registered is known");
}

/// Such a command would be appended after its partition was given back.
#[tokio::test]
async fn what_waits_when_its_partition_is_asked_back_is_not_carried_out() {
    let scene = Scene::begin().await;
    let refused = scene.execute(join(CommunityId::new(Uuid::nil()), person(1)), "nowhere").await;
    refused.expect_err("there is no such community");
    let config = GroupConfig {
        group: "karmyq-writers".to_owned(),
        topics: Domain::ALL.iter().map(|it| it.commands_topic().to_owned()).collect(),
        fetch: false,
        session_timeout: Duration::from_secs(6),
    };
    // On one thread the writer hears of the newcomer and of the command at the same time, and of the newcomer first.
    let (_membership, _events) = scene.log.join(config).await.expect("joins");
    let answer = scene.execute(register(person(2)), "key").await;
    assert_eq!(answer.expect_err("the partition goes away"), Failure::Moving);
    assert!(scene.events("user-events").await.is_empty());
}

/// Its owner would take what is sealed for forgotten, and draw a second key for what comes.
#[tokio::test]
async fn a_partition_is_not_served_before_its_data_keys_are_known() {
    let scene = Scene::begin().await;
    let nobodys = scene.found_privately(person(1)).await;
    scene.execute(join_privately(nobodys, person(2)), "ask").await.expect("asks to join");
    // Without a farewell, so that there is no snapshot for which the keys would be waited for, too.
    scene.stopped.abort();

    let slow = Slow::new(scene.log.clone());
    slow.allow(u32::MAX);
    slow.tell_keys(false);
    let number = scene.handle.partition(Domain::Community, &nobodys.to_string());
    let second = Scene::joining_by(scene.log.clone(), Arc::clone(&slow) as _, "second").await;
    second.until(|_| slow.begun(&TopicPartition::new("community-events", number)) > 0).await;
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    let partition = PartitionId { domain: Domain::Community, number };
    assert!(!second.handle.serving().contains(partition), "a key may be on its way");
    slow.tell_keys(true);
    second.until(|it| it.handle.serving().contains(partition)).await;
}

/// Its window may get through or not. Nobody waits for that: neither callers, nor whoever takes the partitions over.
#[tokio::test]
async fn whoever_lost_its_partitions_begins_anew_whatever_becomes_of_its_window() {
    let first = Scene::begin().await;
    let (community, _) = first.found(person(1)).await;
    let slow = Slow::new(first.end().await);
    slow.allow(u32::MAX);
    let scene = Scene::joining_by(slow.log(), Arc::clone(&slow) as _, "second").await;
    scene.until(|it| it.handle.serving().count() == 9).await;
    // By then all that it told of itself is decided.
    scene.execute(rename(person(9), "Bea"), "nobody").await.expect_err("there is no such person");
    let mut held = scene.log.hold_next();
    let call = scene.start(join(community, person(2)), "key");
    held.reached().await;
    // Nothing has to pass for that, neither a session nor the time that a revocation may take.
    tokio::time::pause();
    slow.evict();
    let told = timeout(Duration::from_millis(1), call).await.expect("is told before the window is decided");
    tokio::time::resume();
    assert_eq!(told.expect("task").expect_err("nobody knows"), Failure::OutcomeUnknown);
    scene.until(|it| it.handle.serving().count() == 9).await;
    let joined = scene.execute(join(community, person(2)), "key").await.expect("joins now");
    assert_eq!((joined.version, joined.replayed), (3, false));
    held.release();
}

/// The group gave it to somebody else in between, because the answer took too long: what is in memory is no ground any more.
#[tokio::test]
async fn whoever_gets_back_what_it_never_gave_begins_anew() {
    let scene = Scene::begin().await;
    let (community, _) = scene.found(person(1)).await;
    let mut held = scene.log.hold_next();
    let call = scene.start(join(community, person(2)), "key");
    held.reached().await;
    // The revocation waits for the window, and the group no longer than a session: nothing else can happen meanwhile.
    tokio::time::pause();
    drop(Author::join(&scene.log, "karmyq-writers", &Domain::ALL).await);
    let told = timeout(PATIENCE, call).await.expect("is told before the window is decided");
    assert_eq!(told.expect("task").expect_err("nobody knows"), Failure::OutcomeUnknown);
    held.release();
}

/// With the same transactional ids each would take the windows of the other from it.
#[tokio::test]
async fn whoever_joins_leaves_the_windows_of_others_alone() {
    let first = Scene::begin().await;
    let (community, _) = first.found(person(1)).await;
    let mut held = first.log.hold_next();
    let call = first.start(join(community, person(2)), "key");
    held.reached().await;
    let second = Scene::joining(first.log.clone(), "second").await;
    // The group asks for its share, which waits for the window.
    first.until(|it| it.handle.serving().count() < 9).await;
    held.release();
    let joined = call.await.expect("task").expect("joins");
    assert_eq!((joined.version, joined.replayed), (3, false));
    first.until(|_| second.handle.serving().count() > 0).await;
}

/// It may be gone by the time a call arrives there.
#[tokio::test]
async fn nobody_is_sent_to_an_owner_that_has_let_go() {
    let first = Scene::begin().await;
    first.register(person(1)).await;
    let slow = Slow::new(first.log.clone());
    let second = Scene::joining_by(slow.log(), Arc::clone(&slow) as _, "second").await;
    let (target, _) = register(person(1));
    first.end().await;
    // Its own takeover does not come to an end.
    second.until(|it| it.handle.owner_of(&target) == Owner::Moving).await;
}

#[tokio::test]
async fn what_no_writer_wrote_changes_neither_answers_nor_states() {
    let scene = Scene::begin().await;
    let (community, _) = scene.found(person(1)).await;
    let first = scene.execute(join(community, person(2)), "key").await.expect("joins");
    let of = first.position.clone().expect("stands somewhere").of;
    let mut stranger = Author::join(&scene.log, "strangers", &[Domain::Community]).await;
    stranger.append(vec![scribble(of, &community.to_string())]).await;
    let again = scene.execute(join(community, person(2)), "key").await.expect("is known");
    assert!(again.replayed);
    assert_eq!((again.version, again.position, again.events), (first.version, first.position, first.events));
    // Without a farewell, so that the log is read and not a snapshot.
    scene.stopped.abort();
    let successor = Scene::on(scene.log.clone(), "second").await;
    let third = successor.execute(join(community, person(3)), "other").await.expect("joins");
    assert_eq!(third.version, 4);
}

fn partitions(scene: &Scene) -> usize {
    let numbers = (0..1_000).map(|n| scene.handle.partition(Domain::User, &person(n).to_string()));
    usize::try_from(numbers.max().unwrap_or_default() + 1).expect("few")
}

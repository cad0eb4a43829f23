//! Policies' commands that come by hand, and timers: carried out once, in order, by whoever owns their partition then.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use command_api::writer::{Clock, Failure, PartitionId, Target};
use domain::inbox::{self, Kind, MarkAllRead, SetPreference};
use domain::{Command, Patch};
use event_log::{EventLog as _, Fault, MemoryLog, TopicPartition};
use event_schemas::topics::{Profile, manifest};
use event_schemas::{AggregateType, Domain, Payload as _, Timestamp, UserId};

use super::author::{Author, notice};
use super::scene::{Scene, Setting, person};
use super::slow::Slow;

/// A log on which a person has registered and was welcomed.
async fn welcomed() -> MemoryLog {
    let scene = Scene::begin().await;
    scene.register(person(1)).await;
    scene.until_raised(1).await;
    scene.end().await
}

fn reads_all(user: UserId) -> (Target, Command) {
    let command = inbox::Command::MarkAllRead(MarkAllRead { user_id: user, by: user });
    (Target::new(AggregateType::Inbox, user), command.into())
}

fn mutes_requests(user: UserId) -> (Target, Command) {
    let set = SetPreference {
        user_id: user,
        by: user,
        kind: Kind::NewRequest,
        community_id: None,
        in_app: Patch::Set(false),
        push: Patch::Keep,
        email: Patch::Keep,
    };
    (Target::new(AggregateType::Inbox, user), inbox::Command::SetPreference(set).into())
}

/// The next window would tell it, and whoever takes over would never hear of the command.
#[tokio::test]
async fn the_offset_behind_a_command_is_told_with_what_came_of_it() {
    let log = welcomed().await;
    let slow = Slow::new(log.clone());
    slow.allow(u32::MAX);
    let shared = Arc::clone(&slow) as _;
    let setting = Setting { domains: vec![Domain::Notification], ..Setting::of(shared) };
    let scene = Scene::set(log.clone(), setting, "first").await;
    scene.until(|it| it.handle.serving().count() == 1).await;
    scene.execute(reads_all(person(1)), "welcome").await.expect("reads it");

    // The second command waits for a view that does not catch up, and what is put back waits behind that.
    slow.refuse(true);
    let mut held = log.hold_next();
    let call = scene.start(reads_all(person(1)), "nothing");
    held.reached().await;
    let mut policies = Author::join(&log, "policies", &[Domain::Community]).await;
    policies.append(vec![notice(person(1)).0, notice(person(2)).0]).await;
    scene.sees_no_answer(&call).await;
    log.fail_next(Fault::Aborted);
    held.release();
    call.await.expect("task").expect("there is nothing to read");
    // By a window of its own, not by the aborted one.
    let again = async || scene.execute(reads_all(person(1)), "nothing again").await;
    while matches!(again().await, Err(Failure::NotTaken)) {}

    scene.stopped.abort();
    let successor = Scene::on(log, "second").await;
    successor.until_raised(2).await;
}

/// Whoever owned it meanwhile has carried them out, or found that there is nothing to do.
#[tokio::test]
async fn commands_of_a_partition_that_was_given_back_are_not_kept() {
    let log = welcomed().await;
    let mut policies = Author::join(&log, "policies", &[Domain::Community]).await;
    let before = policies.append(vec![notice(person(1)).0]).await;
    let (slow, domains) = (Slow::new(log.clone()), vec![Domain::Community, Domain::Notification]);
    let setting = Setting { domains: domains.clone(), ..Setting::of(Arc::clone(&slow) as _) };
    let scene = Scene::set(log.clone(), setting, "first").await;
    let inboxes = PartitionId { domain: Domain::Notification, number: 0 };
    let begun = || slow.begun(&TopicPartition::new("notification-events", 0));
    // It hears of the command before it has taken the partition over.
    scene.until(|_| begun() == 1).await;
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }

    let mut other = Author::join(&log, "karmyq-writers", &domains).await;
    assert_eq!(other.assigned[0].0, TopicPartition::new("notification-commands", 0));
    other.consume(Vec::new(), before[0] + 1).await;
    drop(other);

    scene.until(|_| begun() == 2).await;
    slow.allow(2);
    scene.until(|it| it.handle.serving().contains(inboxes)).await;
    let (after, id) = notice(person(1));
    policies.append(vec![after]).await;
    scene.until_raised(2).await;
    let events = scene.events("notification-events").await;
    let mut raised = events.iter().filter(|it| it.payload.entry().name == "NotificationRaised");
    assert_eq!(raised.nth(1).map(|it| it.envelope.command_id), Some(id));
}

/// A clock may leap, and an owner may have slept: what is decided on an aggregate comes after what was due before.
#[tokio::test]
async fn what_is_due_comes_before_what_is_asked_for() {
    let log = MemoryLog::new();
    log.create_topics(&manifest(Profile::Small), 1).await.expect("creates topics");
    let now = Arc::new(AtomicI64::new(1_800_000_000_000_000));
    let time = Arc::clone(&now);
    let clock = Clock::new(move || Timestamp::from_micros(time.load(Ordering::SeqCst)));
    let setting = Setting { clock, ..Setting::of(Arc::new(log.clone())) };
    let scene = Scene::set(log, setting, "first").await;
    scene.until(|it| it.handle.serving().count() == 9).await;
    scene.register(person(1)).await;
    scene.until_raised(1).await;
    scene.execute(reads_all(person(1)), "welcome").await.expect("reads it");
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }

    // Longer than the life of a welcome. Nobody is woken by that.
    now.fetch_add(400 * 86_400_000_000, Ordering::SeqCst);
    scene.execute(mutes_requests(person(1)), "mute").await.expect("is changed");
    let events = scene.events("notification-events").await;
    let names: Vec<_> = events.iter().map(|it| it.payload.entry().name).collect();
    assert_eq!(
        names[names.len() - 2..],
        ["NotificationsPurged", "NotificationPreferencesChanged"],
        "{names:?}"
    );
}

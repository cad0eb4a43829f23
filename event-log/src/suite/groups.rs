//! Groups: partitions come, go only when they were let go, and go on where they were left.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::kafka::Kafka;
use super::{Bench, keys, on_both_logs, record};
use crate::{AppendError, GroupEvent, LogError};

on_both_logs! {
    an_offset_in_an_open_transaction_is_told_as_unsettled,
    consumed_offsets_survive_their_consumer,
    records_follow_their_assignment_from_the_committed_offset_on,
    an_owner_that_wants_no_records_gets_none,
    a_revocation_waits_for_its_answer,
    whoever_leaves_hands_over_at_once,
    a_member_survives_a_rebalance_without_losing_a_window,
    whoever_answers_a_revocation_too_late_appends_nothing_from_before,
    a_group_is_deleted_once_nobody_is_in_it,
}

async fn consumed_offsets_survive_their_consumer(bench: &Bench) {
    let (owner, mut lane) = (bench.owner().await, bench.lane("a").await);
    let records = vec![record(bench.events(0), "a")];
    lane.append(owner.window(records, (bench.commands(1), 42))).await.expect("appended");
    owner.leave().await;

    let mut next = bench.join(false).await;
    let mut assigned = next.assigned().await;
    assigned.sort();
    assert_eq!(assigned, [(bench.commands(0), 0), (bench.commands(1), 42)]);
}

async fn records_follow_their_assignment_from_the_committed_offset_on(bench: &Bench) {
    let (owner, mut lane) = (bench.owner().await, bench.lane("a").await);
    let commands = ["a", "b", "c"].map(|key| record(bench.commands(0), key)).to_vec();
    lane.append(owner.window(commands, (bench.commands(0), 1))).await.expect("appended");
    owner.leave().await;

    let mut member = bench.join(true).await;
    assert_eq!(member.assigned().await.len(), 2);
    for (key, offset) in [("b", 1), ("c", 2)] {
        let event = member.next().await;
        let GroupEvent::Record(record) = event else { panic!("a record, not {event:?}") };
        assert_eq!((record.key.as_slice(), record.position.offset), (key.as_bytes(), offset));
    }
}

async fn an_owner_that_wants_no_records_gets_none(bench: &Bench) {
    let (mut owner, mut lane) = (bench.owner().await, bench.lane("a").await);
    let commands = vec![record(bench.commands(0), "a")];
    lane.append(owner.window(commands, (bench.commands(0), 0))).await.expect("appended");
    let mut reader = bench.reader(&[(bench.commands(0), 0)]).await;
    assert_eq!(reader.next(1, super::PATIENCE).await.expect("it is readable").len(), 1);
    timeout(Duration::from_millis(300), owner.next()).await.expect_err("nothing comes");
}

async fn a_revocation_waits_for_its_answer(bench: &Bench) {
    let (mut owner, mut lane) = (bench.owner().await, bench.lane("a").await);
    let mut second = bench.join(false).await;
    let (revoked, lost, done) = owner.revoked().await;
    assert_eq!((revoked.len(), lost), (1, false));
    timeout(Duration::from_millis(500), second.next()).await.expect_err("the partition is not given on yet");

    // The last window of a partition that goes away.
    let window = owner.window(vec![record(bench.events(0), "a")], (revoked[0].clone(), 9));
    lane.append(window).await.expect("appended");
    done.send(()).expect("the answer is awaited");
    assert_eq!(second.assigned().await, [(revoked[0].clone(), 9)]);
}

async fn whoever_leaves_hands_over_at_once(bench: &Bench) {
    let owner = bench.owner().await;
    let mut second = bench.join(false).await;
    let handed_over = async {
        let mut owned = 0;
        while owned < 2 {
            owned += second.assigned().await.len();
        }
    };
    // Far sooner than the session timeout.
    let in_time = timeout(Duration::from_secs(4), async { tokio::join!(owner.leave(), handed_over) });
    in_time.await.expect("both partitions are handed over");
}

async fn a_member_survives_a_rebalance_without_losing_a_window(bench: &Bench) {
    let (mut owner, mut lane) = (bench.owner().await, bench.lane("a").await);
    let window = |member: &super::Member, partition, key: &str| {
        member.window(vec![record(bench.events(partition), key)], (bench.commands(0), 0))
    };
    let mut second = bench.join(false).await;
    let mut appended = 0_u32;
    let given = loop {
        lane.append(window(&owner, 0, &appended.to_string()))
            .await
            .expect("the rebalance takes nothing away");
        appended += 1;
        match owner.events.try_recv() {
            Ok(GroupEvent::Revoked { partitions, done, .. }) => {
                done.send(()).expect("the answer is awaited");
                break partitions;
            }
            other => {
                assert!(!matches!(&other, Ok(GroupEvent::Assigned(it)) if !it.is_empty()), "{other:?}");
            }
        }
    };
    let mut assigned = None;
    while assigned.is_none() {
        lane.append(window(&owner, 0, &appended.to_string())).await.expect("nor does its second half");
        appended += 1;
        assigned = second.events.try_recv().ok();
        assigned.take_if(|it| matches!(it, GroupEvent::Assigned(it) if it.is_empty()));
    }
    assert!(matches!(assigned, Some(GroupEvent::Assigned(it)) if it[0].0 == given[0]));
    assert_eq!(bench.everything(0).await.len(), usize::try_from(appended).expect("few"));
}

async fn whoever_answers_a_revocation_too_late_appends_nothing_from_before(bench: &Bench) {
    let mut owner = bench.owner().await;
    let window = |member: &super::Member, key: &str| {
        member.window(vec![record(bench.events(0), key)], (bench.commands(0), 0))
    };
    let before = window(&owner, "before");
    let mut second = bench.join(false).await;
    let (revoked, lost, done) = owner.revoked().await;
    assert!(!lost);
    // Nobody has answered, and the group waits no longer.
    assert_eq!(second.assigned().await, [(revoked[0].clone(), 0)]);
    let refused = bench.lane("a").await.append(window(&owner, "unanswered")).await;
    assert!(matches!(refused, Err(AppendError::Fenced(_))), "{refused:?}");

    done.send(()).expect("the answer is still of use");
    let refused = bench.lane("b").await.append(before).await;
    assert!(matches!(refused, Err(AppendError::Fenced(_))), "{refused:?}");
    bench.lane("c").await.append(window(&owner, "after")).await.expect("appended");
    assert_eq!(keys(&bench.everything(0).await), ["after"]);
}

async fn a_group_is_deleted_once_nobody_is_in_it(bench: &Bench) {
    let (owner, mut lane) = (bench.owner().await, bench.lane("a").await);
    let records = vec![record(bench.events(0), "a")];
    lane.append(owner.window(records, (bench.commands(1), 42))).await.expect("appended");
    let settled = owner.membership.committed(vec![bench.commands(1)]).await;
    assert_eq!(settled, Ok(vec![(bench.commands(1), 42)]));
    let refused = bench.log.delete_group(&bench.group()).await;
    assert!(matches!(refused, Err(LogError::Refused(_))), "{refused:?}");

    owner.leave().await;
    assert_eq!(bench.log.delete_group(&bench.group()).await, Ok(true));
    assert_eq!(bench.log.delete_group(&bench.group()).await, Ok(false));
    let mut next = bench.join(false).await;
    let mut assigned = next.assigned().await;
    assigned.sort();
    assert_eq!(assigned, [(bench.commands(0), 0), (bench.commands(1), 0)]);
}

/// In memory nobody is told before there is something.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_for_whom_nothing_is_left_is_told_so() {
    let Some(kafka) = Kafka::of_environment() else { return };
    let bench = Bench::new(Arc::new(kafka)).await;
    let _owner = bench.owner().await;
    let (mut second, mut third) = (bench.join(false).await, bench.join(false).await);
    let told = async {
        loop {
            let event = tokio::select! {
                event = second.events.recv() => event,
                event = third.events.recv() => event,
            };
            if matches!(event, Some(GroupEvent::Assigned(it)) if it.is_empty()) {
                return;
            }
        }
    };
    timeout(Duration::from_secs(10), told).await.expect("two partitions are not enough for three members");
    bench.clean().await;
}

async fn an_offset_in_an_open_transaction_is_told_as_unsettled(bench: &Bench) {
    bench.subject.leave_offset_open(&bench.group(), &bench.id("open"), (bench.commands(1), 5)).await;

    let mut next = bench.join(false).await;
    let mut assigned = next.assigned().await;
    assigned.sort();
    assert_eq!(assigned[1], (bench.commands(1), GroupEvent::UNSETTLED));
    bench.log.fence(&bench.id("open")).await.expect("fenced");
    let settled = vec![(bench.commands(1), 0)];
    assert_eq!(next.membership.committed(vec![bench.commands(1)]).await, Ok(settled.clone()));

    let window = next.window(vec![record(bench.events(0), "a")], assigned[1].clone());
    bench.lane("a").await.append(window).await.expect("the lane finds the offset by itself");
    assert_eq!(next.membership.committed(vec![bench.commands(1)]).await, Ok(settled));
}

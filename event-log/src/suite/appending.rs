//! Windows: all of it or nothing, in order, and only by the owner.

use super::{Bench, PATIENCE, keys, on_both_logs, record};
use crate::AppendError;

on_both_logs! {
    a_window_is_read_in_its_order_at_the_offsets_that_were_told,
    a_window_over_several_partitions_is_there_as_a_whole,
    headers_tombstones_and_times_come_back_as_they_were_sent,
    a_large_window_is_appended_in_order,
    a_window_for_no_partition_is_aborted_and_the_lane_goes_on,
    a_window_without_consumed_offset_is_refused,
    a_window_without_records_keeps_its_consumed_offset,
    a_fenced_lane_appends_nothing_any_more,
    the_next_holder_of_an_id_fences_the_one_before,
    an_evicted_member_is_refused_and_its_lane_is_dead,
    a_member_that_has_joined_again_after_a_loss_may_append,
    a_window_from_before_a_loss_is_refused_after_it,
    a_member_that_has_left_is_refused,
}

async fn a_window_is_read_in_its_order_at_the_offsets_that_were_told(bench: &Bench) {
    let (owner, mut lane) = (bench.owner().await, bench.lane("a").await);
    let mut told = Vec::new();
    for window in [["a", "b", "c"], ["d", "e", "f"]] {
        let records = window.map(|key| record(bench.events(0), key)).to_vec();
        let appended = lane.append(owner.window(records, (bench.commands(0), 0))).await.expect("appended");
        told.extend(appended.offsets);
    }
    let read = bench.everything(0).await;
    assert_eq!(keys(&read), ["a", "b", "c", "d", "e", "f"]);
    assert_eq!(read.iter().map(|it| it.position.offset).collect::<Vec<_>>(), told);
    assert_eq!(told, [0, 1, 2, 4, 5, 6], "a marker ends each window");
}

async fn a_window_over_several_partitions_is_there_as_a_whole(bench: &Bench) {
    let (owner, mut lane) = (bench.owner().await, bench.lane("a").await);
    let records = [(0, "a"), (1, "b"), (0, "c"), (1, "d")];
    let records = records.map(|(partition, key)| record(bench.events(partition), key)).to_vec();
    let appended = lane.append(owner.window(records, (bench.commands(0), 0))).await.expect("appended");
    assert_eq!(appended.offsets, [0, 0, 1, 1]);
    assert_eq!(keys(&bench.everything(0).await), ["a", "c"]);
    assert_eq!(keys(&bench.everything(1).await), ["b", "d"]);
}

async fn headers_tombstones_and_times_come_back_as_they_were_sent(bench: &Bench) {
    let (owner, mut lane) = (bench.owner().await, bench.lane("a").await);
    let mut sent = record(bench.events(1), "a");
    sent.value = None;
    sent.headers =
        vec![("ce_id".into(), b"1".to_vec()), ("empty".into(), vec![]), ("ce_id".into(), vec![0xff])];
    lane.append(owner.window(vec![sent.clone()], (bench.commands(0), 0))).await.expect("appended");
    let read = bench.everything(1).await;
    assert_eq!(read.len(), 1);
    assert_eq!((&read[0].key, &read[0].value), (&sent.key, &None));
    assert_eq!(read[0].timestamp_ms, sent.timestamp_ms);
    let headers = sent.headers.into_iter().map(|(name, value)| (name.into_owned(), value));
    assert_eq!(read[0].headers, headers.collect::<Vec<_>>());
    assert_eq!(read[0].header("ce_id"), Some("1"));
}

async fn a_large_window_is_appended_in_order(bench: &Bench) {
    let (owner, mut lane) = (bench.owner().await, bench.lane("a").await);
    let expected = (0..25_000).map(|it| it.to_string()).collect::<Vec<_>>();
    let records = expected.iter().map(|key| record(bench.events(0), key)).collect();
    let appended = lane.append(owner.window(records, (bench.commands(0), 0))).await.expect("appended");
    assert!(appended.offsets.iter().copied().eq(0..25_000));
    assert_eq!(keys(&bench.everything(0).await), expected);
}

async fn a_window_for_no_partition_is_aborted_and_the_lane_goes_on(bench: &Bench) {
    let (owner, mut lane) = (bench.owner().await, bench.lane("a").await);
    let records = vec![record(bench.events(0), "never"), record(bench.events(99), "nowhere")];
    let refused = lane.append(owner.window(records, (bench.commands(0), 0))).await;
    assert!(matches!(refused, Err(AppendError::Aborted(_))), "{refused:?}");
    let records = vec![record(bench.events(0), "a")];
    lane.append(owner.window(records, (bench.commands(0), 0))).await.expect("appended");
    assert_eq!(keys(&bench.everything(0).await), ["a"]);
}

async fn a_window_without_consumed_offset_is_refused(bench: &Bench) {
    let (owner, mut lane) = (bench.owner().await, bench.lane("a").await);
    let mut window = owner.window(vec![record(bench.events(0), "a")], (bench.commands(0), 0));
    window.consumed.clear();
    let refused = lane.append(window).await;
    assert!(matches!(refused, Err(AppendError::Aborted(_))), "{refused:?}");
    assert_eq!(bench.log.high_watermark(&bench.events(0)).await, Ok(0));
}

async fn a_window_without_records_keeps_its_consumed_offset(bench: &Bench) {
    let (owner, mut lane) = (bench.owner().await, bench.lane("a").await);
    let appended = lane.append(owner.window(vec![], (bench.commands(1), 7))).await.expect("appended");
    assert!(appended.offsets.is_empty());
    let committed = owner.membership.committed(vec![bench.commands(0), bench.commands(1)]).await;
    assert_eq!(committed, Ok(vec![(bench.commands(0), 0), (bench.commands(1), 7)]));
}

async fn a_fenced_lane_appends_nothing_any_more(bench: &Bench) {
    let (owner, mut lane) = (bench.owner().await, bench.lane("a").await);
    let window = |key: &str| owner.window(vec![record(bench.events(0), key)], (bench.commands(0), 0));
    lane.append(window("a")).await.expect("appended");
    bench.log.fence(&bench.id("a")).await.expect("fenced");
    for key in ["b", "c"] {
        let refused = lane.append(window(key)).await;
        assert!(matches!(refused, Err(AppendError::Fenced(_))), "{refused:?}");
    }
    assert_eq!(keys(&bench.everything(0).await), ["a"]);
}

async fn the_next_holder_of_an_id_fences_the_one_before(bench: &Bench) {
    let (owner, mut before, mut next) = (bench.owner().await, bench.lane("a").await, bench.lane("a").await);
    let window = |key: &str| owner.window(vec![record(bench.events(0), key)], (bench.commands(0), 0));
    next.append(window("a")).await.expect("appended");
    let refused = before.append(window("b")).await;
    assert!(matches!(refused, Err(AppendError::Fenced(_))), "{refused:?}");
    next.append(window("c")).await.expect("appended");
    assert_eq!(keys(&bench.everything(0).await), ["a", "c"]);
}

async fn an_evicted_member_is_refused_and_its_lane_is_dead(bench: &Bench) {
    let (owner, mut lane) = (bench.owner().await, bench.lane("a").await);
    let window = |key: &str| owner.window(vec![record(bench.events(0), key)], (bench.commands(0), 0));
    lane.append(window("a")).await.expect("appended");
    bench.subject.evict(&owner.membership).await;
    for key in ["b", "c"] {
        let refused = lane.append(window(key)).await;
        assert!(matches!(refused, Err(AppendError::Fenced(_))), "{refused:?}");
    }
    assert_eq!(keys(&bench.everything(0).await), ["a"]);
}

async fn a_member_that_has_joined_again_after_a_loss_may_append(bench: &Bench) {
    let (mut owner, mut lane) = (bench.owner().await, bench.lane("a").await);
    bench.subject.evict(&owner.membership).await;
    let (partitions, lost, done) = owner.revoked().await;
    assert_eq!((partitions.len(), lost), (2, true));

    let window = owner.window(vec![record(bench.events(0), "a")], (bench.commands(0), 0));
    let refused = lane.append(window).await;
    assert!(matches!(refused, Err(AppendError::Fenced(_))), "before the answer: {refused:?}");
    done.send(()).expect("the answer is awaited");

    assert_eq!(owner.assigned().await.len(), 2);
    let window = owner.window(vec![record(bench.events(0), "b")], (bench.commands(0), 0));
    bench.lane("b").await.append(window).await.expect("appended");
    assert_eq!(keys(&bench.everything(0).await), ["b"]);
}

async fn a_window_from_before_a_loss_is_refused_after_it(bench: &Bench) {
    let (mut owner, mut lane) = (bench.owner().await, bench.lane("a").await);
    let before = owner.window(vec![record(bench.events(0), "a")], (bench.commands(0), 0));
    bench.subject.evict(&owner.membership).await;
    let (_, _, done) = owner.revoked().await;
    done.send(()).expect("the answer is awaited");
    assert_eq!(owner.assigned().await.len(), 2);
    // The generation is good, and the window was decided before others may have appended.
    let refused = lane.append(before).await;
    assert!(matches!(refused, Err(AppendError::Fenced(_))), "{refused:?}");
    assert_eq!(bench.everything(0).await, []);
}

async fn a_member_that_has_left_is_refused(bench: &Bench) {
    let (owner, mut lane) = (bench.owner().await, bench.lane("a").await);
    let window = owner.window(vec![record(bench.events(0), "a")], (bench.commands(0), 0));
    tokio::time::timeout(PATIENCE, owner.leave()).await.expect("the group is left");
    let refused = lane.append(window).await;
    assert!(matches!(refused, Err(AppendError::Fenced(_))), "{refused:?}");
    assert_eq!(bench.everything(0).await, []);
}

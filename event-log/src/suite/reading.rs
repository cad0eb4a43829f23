//! Reading: what is committed, all of it, in order, and how far it is.

use std::time::Duration;

use tokio::time::timeout;

use super::{Bench, PATIENCE, keys, on_both_logs, record};
use crate::LogError;

on_both_logs! {
    an_open_transaction_is_hidden_and_holds_up_what_comes_behind_it,
    aborted_records_are_never_read_and_positions_pass_them,
    positions_pass_the_markers_of_committed_windows,
    a_reader_starts_where_it_is_told,
    a_reader_takes_no_more_than_it_is_asked_for,
    a_tailing_reader_gets_a_window_soon_after_its_commit,
    a_reader_waits_no_longer_than_it_is_told,
    a_start_behind_the_end_is_refused,
    a_partition_that_does_not_exist_has_no_ends,
    a_time_is_found_where_the_first_record_of_it_or_later_stands,
}

async fn an_open_transaction_is_hidden_and_holds_up_what_comes_behind_it(bench: &Bench) {
    bench.subject.leave_open(&bench.id("open"), record(bench.events(0), "open")).await;
    let (owner, mut lane) = (bench.owner().await, bench.lane("a").await);
    let records = vec![record(bench.events(0), "behind")];
    lane.append(owner.window(records, (bench.commands(0), 0))).await.expect("appended");

    // The open record, a record, and its marker, which may come after the answer that it is committed.
    bench.end_reaches(&bench.events(0), 3).await;
    assert_eq!(bench.log.last_stable_offset(&bench.events(0)).await, Ok(0));
    let mut reader = bench.reader(&[(bench.events(0), 0)]).await;
    assert_eq!(reader.next(10, Duration::from_millis(500)).await, Ok(vec![]));
    assert_eq!(reader.position(&bench.events(0)), Some(0));

    // And it is told who holds it up.
    let open = bench.log.open_transactions(&bench.events(0)).await.expect("told");
    assert_eq!(open.iter().map(|it| it.start_offset).collect::<Vec<_>>(), [0], "{open:?}");

    bench.log.fence(&bench.id("open")).await.expect("fenced");
    let read = timeout(PATIENCE, reader.next(10, PATIENCE)).await.expect("in time").expect("it is readable");
    assert_eq!(keys(&read), ["behind"]);
    bench.stable_reaches(&bench.events(0), 4).await;
    assert_eq!(bench.log.high_watermark(&bench.events(0)).await, Ok(4));
    assert_eq!(bench.log.open_transactions(&bench.events(0)).await, Ok(vec![]));
}

async fn aborted_records_are_never_read_and_positions_pass_them(bench: &Bench) {
    bench.subject.leave_open(&bench.id("open"), record(bench.events(0), "aborted")).await;
    bench.log.fence(&bench.id("open")).await.expect("fenced");
    bench.end_reaches(&bench.events(0), 2).await;
    // Reads until the position has reached the high watermark.
    assert_eq!(bench.everything(0).await, []);
}

async fn positions_pass_the_markers_of_committed_windows(bench: &Bench) {
    let (owner, mut lane) = (bench.owner().await, bench.lane("a").await);
    let mut reader = bench.reader(&[(bench.events(0), 0), (bench.events(1), 0)]).await;
    for (window, partition) in (1..).zip([0, 0, 0]) {
        let records = vec![record(bench.events(partition), "a")];
        lane.append(owner.window(records, (bench.commands(0), 0))).await.expect("appended");
        let passing = async {
            while reader.position(&bench.events(partition)) != Some(2 * window) {
                reader.next(10, PATIENCE).await.expect("it is readable");
            }
        };
        // Soon: whoever takes a partition over waits for this.
        timeout(Duration::from_secs(2), passing).await.expect("the marker is passed");
    }
    assert_eq!(reader.position(&bench.events(1)), Some(0));
    assert_eq!(reader.position(&bench.commands(0)), None, "it is not read here");
}

async fn a_reader_starts_where_it_is_told(bench: &Bench) {
    let (owner, mut lane) = (bench.owner().await, bench.lane("a").await);
    let records = ["a", "b", "c"].map(|key| record(bench.events(0), key)).to_vec();
    lane.append(owner.window(records, (bench.commands(0), 0))).await.expect("appended");
    let mut reader = bench.reader(&[(bench.events(0), 1)]).await;
    assert_eq!(reader.position(&bench.events(0)), Some(1));
    let read = reader.next(10, PATIENCE).await.expect("it is readable");
    assert_eq!(keys(&read), ["b", "c"]);
}

async fn a_reader_takes_no_more_than_it_is_asked_for(bench: &Bench) {
    let (owner, mut lane) = (bench.owner().await, bench.lane("a").await);
    let records = ["a", "b", "c"].map(|key| record(bench.events(0), key)).to_vec();
    lane.append(owner.window(records, (bench.commands(0), 0))).await.expect("appended");
    let mut reader = bench.reader(&[(bench.events(0), 0)]).await;
    for key in ["a", "b", "c"] {
        assert_eq!(keys(&reader.next(1, PATIENCE).await.expect("it is readable")), [key]);
    }
    assert_eq!(reader.next(0, PATIENCE).await, Ok(vec![]));
}

async fn a_tailing_reader_gets_a_window_soon_after_its_commit(bench: &Bench) {
    let (owner, mut lane) = (bench.owner().await, bench.lane("a").await);
    let mut reader = bench.reader(&[(bench.events(0), 0), (bench.events(1), 0)]).await;
    let mut waits = Vec::new();
    for number in 0..50 {
        let records = vec![record(bench.events(number % 2), &number.to_string())];
        lane.append(owner.window(records, (bench.commands(0), 0))).await.expect("appended");
        let committed = tokio::time::Instant::now();
        let mut read = Vec::new();
        while read.is_empty() {
            read = reader.next(10, PATIENCE).await.expect("it is readable");
        }
        waits.push(committed.elapsed());
        assert_eq!(keys(&read), [number.to_string()]);
    }
    waits.sort();
    assert!(waits[25] < Duration::from_millis(50), "half of them took longer than {:?}", waits[25]);
}

async fn a_reader_waits_no_longer_than_it_is_told(bench: &Bench) {
    let mut reader = bench.reader(&[(bench.events(0), 0)]).await;
    for wait in [Duration::ZERO, Duration::from_millis(50)] {
        let read = timeout(Duration::from_secs(2), reader.next(10, wait)).await;
        assert_eq!(read.expect("in time"), Ok(vec![]));
    }
}

async fn a_start_behind_the_end_is_refused(bench: &Bench) {
    let mut reader = bench.reader(&[(bench.events(0), 5)]).await;
    let mut answer = Ok(vec![]);
    while answer == Ok(vec![]) {
        answer = timeout(PATIENCE, reader.next(10, PATIENCE)).await.expect("in time");
    }
    assert!(matches!(answer, Err(LogError::Refused(_))), "{answer:?}");
}

async fn a_partition_that_does_not_exist_has_no_ends(bench: &Bench) {
    let ends = [
        bench.log.high_watermark(&bench.events(9)).await,
        bench.log.last_stable_offset(&bench.events(9)).await,
    ];
    for end in ends {
        assert!(matches!(end, Err(LogError::Refused(_))), "{end:?}");
    }
}

async fn a_time_is_found_where_the_first_record_of_it_or_later_stands(bench: &Bench) {
    let (owner, mut lane) = (bench.owner().await, bench.lane("a").await);
    let noon = 1_700_000_000_000;
    let at = |seconds: i64| {
        let mut record = record(bench.events(0), "a");
        record.timestamp_ms = noon + seconds * 1_000;
        record
    };
    let records = vec![at(0), at(10), at(10), at(20)];
    lane.append(owner.window(records, (bench.commands(0), 0))).await.expect("appended");
    let both = [bench.events(1), bench.events(0)];
    for (seconds, found) in [(-5, 0), (0, 0), (1, 1), (10, 1), (20, 3)] {
        let since = bench.log.offsets_since(&both, noon + seconds * 1_000).await;
        assert_eq!(since, Ok(vec![None, Some(found)]), "{seconds} s");
    }
    // Behind the records stands their marker, whose time is the broker's own.
    let since = bench.log.offsets_since(&both, noon + 21_000).await.expect("told");
    assert!(since[1].is_none_or(|it| it >= 4), "{since:?}");
}

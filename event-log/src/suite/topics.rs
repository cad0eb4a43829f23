//! Topics: created once, and every difference from the manifest told.

use event_schemas::topics::{Kind, Topic};

use super::{Bench, on_both_logs};

on_both_logs! {
    existing_topics_stay_as_they_are,
    what_differs_from_the_manifest_is_told_with_the_fix,
}

async fn existing_topics_stay_as_they_are(bench: &Bench) {
    let (mut there, new) = (bench.topic("events"), bench.topic("new"));
    there.partitions = 7;
    bench.create(std::slice::from_ref(&new)).await;
    assert_eq!(bench.log.create_topics(&[there, new], 1).await, Ok(vec![]));
    assert_eq!(bench.log.drift(&[bench.topic("events"), bench.topic("new")]).await, Ok(vec![]));
}

async fn what_differs_from_the_manifest_is_told_with_the_fix(bench: &Bench) {
    let altered = |kind: &str, alter: &dyn Fn(&mut Topic)| {
        let mut topic = bench.topic(kind);
        alter(&mut topic);
        topic
    };
    let compact = |it: &mut Topic| it.settings[0].1 = "compact".to_owned();
    bench
        .create(&[
            altered("narrow", &|it| it.partitions = 1),
            altered("fleeting", &|it| it.settings[1].1 = "1000".to_owned()),
            altered("compacted", &compact),
            altered("kept", &|_| {}),
        ])
        .await;
    let state = altered("kept", &|it| {
        compact(it);
        it.kind = Kind::State;
    });
    let wanted = [
        bench.topic("narrow"),
        bench.topic("fleeting"),
        bench.topic("compacted"),
        state,
        bench.topic("none"),
    ];
    let drift = bench.log.drift(&wanted).await.expect("the broker answers");
    let expected = [
        ["-narrow has 1 partitions where the manifest has 2", "a count never changes in place"],
        ["-fleeting has retention.ms=1000 where the manifest has -1", "--add-config retention.ms=-1"],
        [
            "-compacted has cleanup.policy=compact where the manifest has delete",
            "--add-config cleanup.policy=delete",
        ],
        [
            "-kept has cleanup.policy=delete where the manifest has compact",
            "--add-config cleanup.policy=compact",
        ],
        ["-none does not exist", "karmyq topics create"],
    ];
    assert_eq!(drift.len(), expected.len(), "{drift:#?}");
    for (sentence, parts) in drift.iter().zip(expected) {
        assert!(parts.iter().all(|part| sentence.contains(part)), "{sentence}");
    }
}

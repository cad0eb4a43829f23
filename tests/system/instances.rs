//! Several instances of command-api: any of them takes any command, one at a time owns a partition (invariant W1).

use serde_json::json;
use tests::people::{Person, Thing};
use tests::services::System;
use uuid::Uuid;

const COMMUNITIES: usize = 8;

pub(crate) async fn every_instance_takes_every_command_and_one_follows_the_other(system: &System) {
    let mut places: Vec<(Person, Thing)> = Vec::new();
    for number in 0..COMMUNITIES {
        let mut founder = system.api.register(&format!("Ira{number}")).await;
        let community = system.api.found(&mut founder).await;
        places.push((founder, community));
    }
    let (second, other) = system.another_command_api().await;
    let mut versions = [2_i64; COMMUNITIES];
    let mut keys = Vec::new();
    for round in 0..6 {
        let api = if round % 2 == 0 { &other } else { &system.api };
        for (index, (founder, community)) in places.iter().enumerate() {
            let (path, key) = (format!("/communities/{}/tags", community.id), Uuid::now_v7().to_string());
            let tags = json!({"tags": [format!("round-{round}")]});
            let answer = api.put(&path, &tags).by(founder).key(&key).expect(200).await;
            versions[index] += 1;
            assert_eq!(answer.version(), versions[index], "one writer numbers them all: {answer}");
            keys.push((index, path, tags, key, answer));
        }
    }
    // The second instance drains and hands its partitions back; its answers stand.
    drop(second);
    for (index, path, tags, key, answer) in keys {
        let again = system.api.put(&path, &tags).by(&places[index].0).key(&key).expect(200).await;
        assert_eq!(again.body, answer.body);
        assert_eq!(again.header("idempotent-replay"), "true", "{again}");
    }
    for (index, (_, community)) in places.iter().enumerate() {
        let events = system.log.events_of("community-events", &community.id).await;
        let found: Vec<_> = events.iter().filter_map(|it| it["aggregateVersion"].as_i64()).collect();
        assert!(found.iter().copied().eq(1..=versions[index]), "{found:?}");
    }
}

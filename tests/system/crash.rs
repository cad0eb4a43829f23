//! `kill -9` in the middle of two thousand concurrent commands: what was acknowledged is there, once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::StreamExt;
use serde_json::{Value, json};
use tests::eventually::eventually;
use tests::http::{Answer, Call};
use tests::people::Person;
use tests::services::System;
use uuid::Uuid;

use crate::rebuild::assert_rebuild_equals_live;

const COMMANDS: usize = 2_000;
const COMMUNITIES: usize = 20;
const CLIENTS: usize = 64;
/// Acknowledgements after which the process dies.
const KILL_AFTER: usize = 600;

/// A community and its founder.
struct Place {
    founder: Person,
    id: String,
}

/// One command: the community's tags become one that names the command.
struct Command<'a> {
    place: &'a Place,
    key: String,
    tag: String,
}

impl Command<'_> {
    fn call(&self, system: &System) -> Call {
        let path = format!("/communities/{}/tags", self.place.id);
        system.api.put(&path, &json!({"tags": [self.tag]})).by(&self.place.founder).key(&self.key)
    }
}

pub(crate) async fn whatever_was_acknowledged_survives_a_kill(system: &System) {
    let mut places = Vec::new();
    for number in 0..COMMUNITIES {
        let mut founder = system.api.register(&format!("Kim{number}")).await;
        let id = system.api.found(&mut founder).await.id;
        places.push(Place { founder, id });
    }
    let commands: Vec<Command<'_>> = (0..COMMANDS)
        .map(|number| Command {
            place: &places[number % COMMUNITIES],
            key: Uuid::now_v7().to_string(),
            tag: format!("command-{number}"),
        })
        .collect();

    let first = run_and_kill(system, &commands).await;
    let acknowledged = first.iter().flatten().filter(|it| it.status == 200).count();
    assert!((KILL_AFTER..COMMANDS).contains(&acknowledged), "killed in the middle: {acknowledged}");
    system.restart_command_api().await;
    let second = run(system, &commands).await;

    for (command, (first, second)) in commands.iter().zip(first.iter().zip(&second)) {
        assert_eq!(second.status, 200, "{second}");
        if let Some(first) = first.as_ref().filter(|it| it.status == 200) {
            assert_eq!(second.body, first.body, "{}: another answer after the restart", command.tag);
            assert_eq!(second.header("idempotent-replay"), "true", "{second}");
        }
    }
    for place in &places {
        let expected: Vec<_> =
            commands.iter().filter(|it| it.place.id == place.id).map(|it| &it.tag).collect();
        assert_on_the_log_once(system, place, &expected).await;
    }
    assert_rebuild_equals_live(system).await;
}

/// Exchanges whose completion the process dies in.
const EXCHANGES: usize = 80;

/// The second mark completes a match; from there on policies credit helper, requester and community.
pub(crate) async fn policies_run_exactly_once_across_a_kill(system: &System) {
    let api = &system.api;
    let mut requester = api.register("Rosa").await;
    let mut helper = api.register("Rolf").await;
    let community = api.found(&mut requester).await;
    api.join(&mut helper, &community).await;
    let mut marks = Vec::new();
    for number in 0..EXCHANGES {
        let request = api.ask(&requester, &community, &format!("Errand {number}")).await;
        let proposal = api.propose(&helper, &request).await;
        api.accept(&requester, &proposal).await;
        api.complete(&helper, &proposal).await;
        marks.push((proposal.id, Uuid::now_v7().to_string()));
    }
    let mark = |(id, key): &(String, String)| {
        api.put(&format!("/matches/{id}/complete"), &json!({})).by(&requester).key(key)
    };
    let acknowledged = AtomicUsize::new(0);
    let calls = marks.iter().map(|it| {
        let (call, acknowledged) = (mark(it), &acknowledged);
        async move {
            let good = call.try_send().await.is_ok_and(|it| it.status == 200);
            if good && acknowledged.fetch_add(1, Ordering::Relaxed) + 1 == EXCHANGES / 3 {
                system.kill_command_api().await;
            }
        }
    });
    futures::stream::iter(calls).buffer_unordered(16).collect::<Vec<()>>().await;
    system.restart_command_api().await;
    for it in &marks {
        assert_eq!(mark(it).expect(200).await.data()["fullyCompleted"], true);
    }

    for (topic, aggregate, kind) in [
        ("reputation-events", &helper.id, "ExchangeCredited"),
        ("reputation-events", &requester.id, "ExchangeReceived"),
        ("community-events", &community.id, "ExchangeCounted"),
    ] {
        let matches = eventually(&format!("{kind} of every match"), Duration::from_secs(30), || async {
            let events = system.log.events_of(topic, aggregate).await;
            let of_kind = events.iter().filter(|it| it["eventType"] == kind);
            let matches: Vec<_> =
                of_kind.filter_map(|it| it["data"]["matchId"].as_str().map(str::to_owned)).collect();
            (matches.len() >= EXCHANGES).then_some(matches)
        })
        .await;
        let distinct: BTreeSet<_> = matches.iter().collect();
        assert_eq!((matches.len(), distinct.len()), (EXCHANGES, EXCHANGES), "{kind} once per match");
    }
}

/// Sends every command; kills the process when enough are acknowledged. A lost answer is none.
async fn run_and_kill(system: &System, commands: &[Command<'_>]) -> Vec<Option<Answer>> {
    let acknowledged = AtomicUsize::new(0);
    let calls = commands.iter().map(|command| {
        let (call, acknowledged) = (command.call(system), &acknowledged);
        async move {
            let answer = call.try_send().await.ok();
            let good = answer.as_ref().is_some_and(|it| it.status == 200);
            if good && acknowledged.fetch_add(1, Ordering::Relaxed) + 1 == KILL_AFTER {
                system.kill_command_api().await;
            }
            answer
        }
    });
    futures::stream::iter(calls).buffered(CLIENTS).collect().await
}

async fn run(system: &System, commands: &[Command<'_>]) -> Vec<Answer> {
    let calls = commands.iter().map(|it| it.call(system).send());
    futures::stream::iter(calls).buffered(CLIENTS).collect().await
}

/// Every command of the community stands on the log exactly once, and its versions are 1..n.
async fn assert_on_the_log_once(system: &System, place: &Place, expected: &[&String]) {
    let events = system.log.events_of("community-events", &place.id).await;
    let versions: Vec<_> = events.iter().filter_map(|it| it["aggregateVersion"].as_i64()).collect();
    assert!(versions.iter().copied().eq(1..=i64::try_from(events.len()).expect("few")), "{versions:?}");
    let mut times = BTreeMap::new();
    for tag in events.iter().filter_map(|it| it.pointer("/data/tags/0")).filter_map(Value::as_str) {
        *times.entry(tag).or_insert(0) += 1;
    }
    for tag in expected {
        assert_eq!(times.get(tag.as_str()), Some(&1), "{tag} in {}", place.id);
    }
    assert_eq!(times.len(), expected.len());
}

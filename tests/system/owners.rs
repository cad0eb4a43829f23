//! `karmyq owners`: every partition has one owner that answers, and an instance can be emptied while commands go on.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tests::eventually::eventually;
use tests::http::{Answer, Api};
use tests::people::{Person, Thing};
use tests::services::{System, karmyq, said};
use uuid::Uuid;

const COMMUNITIES: usize = 8;
/// Commands that must be acknowledged before the instance is emptied, and again after it is.
const ENOUGH: usize = 40;
/// How long partitions may take to find another owner.
const MOVED: Duration = Duration::from_secs(60);

pub(crate) async fn an_instance_hands_over_everything_and_no_acknowledged_command_is_lost(system: &System) {
    let mut places: Vec<(Person, Thing)> = Vec::new();
    for number in 0..COMMUNITIES {
        let mut founder = system.api.register(&format!("Oda{number}")).await;
        let community = system.api.found(&mut founder).await;
        places.push((founder, community));
    }
    let (_second, other) = system.another_command_api().await;
    let first = format!("http://{}", system.addresses.command_api);
    shared_by(system, 2).await;

    let (stop, acknowledged) = (AtomicBool::new(false), AtomicUsize::new(0));
    let load = futures::future::join_all(places.iter().enumerate().map(|(index, place)| {
        let api = if index % 2 == 0 { &system.api } else { &other };
        keep_writing(api, place, &stop, &acknowledged)
    }));
    let emptied = async {
        more(&acknowledged).await;
        let said = run(system, &["owners", "drain", &first]).await;
        assert!(said.contains("is now at") && said.contains(" ms"), "{said}");
        assert!(!addresses(&list(system).await).contains(&first), "nothing is left at {first}");
        more(&acknowledged).await;
        stop.store(true, Ordering::Relaxed);
    };
    let (written, ()) = tokio::join!(load, emptied);

    let checks = places.iter().zip(&written).map(|(place, answers)| assert_kept(system, place, answers));
    futures::future::join_all(checks).await;

    run(system, &["owners", "resume", &first]).await;
    shared_by(system, 2).await;
    let rows = list(system).await;
    let community = rows.iter().find(|it| it["domain"] == "community").expect("a community partition");
    let owner = address(community);
    run(system, &["owners", "move", &name(community)]).await;
    let moved = list(system).await;
    let now = moved.iter().find(|it| name(it) == name(community)).expect("it is still listed");
    assert_ne!(address(now), owner, "{} has moved", name(community));
    let refused = karmyq(&system.environment, &["owners", "drain", &address(now)]);
    assert!(!refused.status.success(), "nobody could take over: {}", said(&refused));
    run(system, &["owners", "resume", &owner]).await;
    shared_by(system, 2).await;
}

/// Every acknowledged command stands on the log once, the versions are 1..n, and the same key gets the same answer.
async fn assert_kept(system: &System, (founder, community): &(Person, Thing), answers: &[(String, Answer)]) {
    let events = system.log.events_of("community-events", &community.id).await;
    let versions: Vec<_> = events.iter().filter_map(|it| it["aggregateVersion"].as_i64()).collect();
    assert!(versions.iter().copied().eq(1..=i64::try_from(events.len()).expect("few")), "{versions:?}");
    for (number, (key, answer)) in answers.iter().enumerate() {
        let tagged = |it: &&Value| it.pointer("/data/tags/0") == Some(&json!(tag(number)));
        assert_eq!(events.iter().filter(tagged).count(), 1, "{} of {} on the log", tag(number), community.id);
        let again = write(&system.api, founder, community, number, key).await;
        assert_eq!((&again.body, again.header("idempotent-replay")), (&answer.body, "true"), "{again}");
    }
}

/// Waits until every partition has an owner that answers, and so many instances share them; each is listed once.
async fn shared_by(system: &System, instances: usize) {
    eventually(&format!("{instances} instances share all partitions"), MOVED, || async {
        let rows = list(system).await;
        let names: BTreeSet<_> = rows.iter().map(name).collect();
        assert_eq!(names.len(), rows.len(), "every partition is listed once");
        let counted =
            |it: &Value| it["state"] == "owned" && it["aggregates"].is_u64() && it["since"].is_string();
        let shared = rows.iter().all(counted) && addresses(&rows).len() == instances;
        shared.then_some(())
    })
    .await;
}

/// Writes to a community, one command after the other, until told to stop: keys and answers.
async fn keep_writing(
    api: &Api,
    (founder, community): &(Person, Thing),
    stop: &AtomicBool,
    acknowledged: &AtomicUsize,
) -> Vec<(String, Answer)> {
    let mut answers = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let key = Uuid::now_v7().to_string();
        let answer = write(api, founder, community, answers.len(), &key).await;
        answers.push((key, answer));
        acknowledged.fetch_add(1, Ordering::Relaxed);
    }
    answers
}

async fn write(api: &Api, founder: &Person, community: &Thing, number: usize, key: &str) -> Answer {
    let path = format!("/communities/{}/tags", community.id);
    api.put(&path, &json!({"tags": [tag(number)]})).by(founder).key(key).expect(200).await
}

fn tag(number: usize) -> String {
    format!("moved-{number}")
}

/// Waits until so many more commands are acknowledged.
async fn more(acknowledged: &AtomicUsize) {
    let before = acknowledged.load(Ordering::Relaxed);
    eventually("commands are acknowledged", MOVED, || async {
        (acknowledged.load(Ordering::Relaxed) >= before + ENOUGH).then_some(())
    })
    .await;
}

/// What `karmyq owners --json` lists.
async fn list(system: &System) -> Vec<Value> {
    let text = run(system, &["owners", "--json"]).await;
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// What the command line says on standard output, while everything else goes on.
async fn run(system: &System, arguments: &[&str]) -> String {
    let environment = system.environment.clone();
    let owned: Vec<String> = arguments.iter().map(|it| (*it).to_owned()).collect();
    let output = tokio::task::spawn_blocking(move || {
        karmyq(&environment, &owned.iter().map(String::as_str).collect::<Vec<_>>())
    });
    let output = output.await.expect("karmyq runs");
    assert!(output.status.success(), "karmyq {arguments:?}: {}", said(&output));
    String::from_utf8(output.stdout).expect("text")
}

/// Where the owners are.
fn addresses(rows: &[Value]) -> BTreeSet<String> {
    rows.iter().map(address).collect()
}

fn address(row: &Value) -> String {
    row["owner"]["address"].as_str().unwrap_or("nobody").to_owned()
}

fn name(row: &Value) -> String {
    format!("{}/{}", row["domain"].as_str().unwrap_or_default(), row["partition"])
}

//! Clients that misbehave: idle by the thousand, gone before the answer, or slower than anybody would wait for.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use serde_json::json;
use tests::eventually::eventually;
use tests::people::Person;
use tests::services::System;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use uuid::Uuid;

/// Connections on which nobody says anything.
const IDLE: usize = 10_000;
/// Longer than a call may take.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) async fn ten_thousand_idle_connections_are_nothing_to_anybody(system: &System) {
    let api = &system.api;
    let mut founder = api.register("Ines").await;
    let community = api.found(&mut founder).await;
    let before = connections(system).await;
    let mut idle = Vec::with_capacity(IDLE);
    for _ in 0..IDLE {
        idle.push(TcpStream::connect(&system.addresses.command_api).await.expect("it accepts"));
    }
    let all_there = async || (connections(system).await >= before + IDLE).then_some(());
    eventually("all connections are counted", PATIENCE, all_there).await;
    let path = format!("/communities/{}/tags", community.id);
    api.put(&path, &json!({"tags": ["tools"]})).by(&founder).expect(200).await;
    drop(idle);
    let all_gone = async || (connections(system).await < before + 10).then_some(());
    eventually("they are let go", PATIENCE, all_gone).await;
}

pub(crate) async fn a_body_that_never_ends_is_not_waited_for(system: &System) {
    let api = &system.api;
    let founder = api.register("Ilse").await;
    let mut slow = connect(system).await;
    let head = head(&founder, "/communities", &Uuid::now_v7().to_string(), 1_000);
    slow.write_all(format!("{head}{{\"name\": \"The s").as_bytes()).await.expect("it reads");
    let mut answer = Vec::new();
    let ended = tokio::time::timeout(PATIENCE, slow.read_to_end(&mut answer)).await;
    ended.expect("it is given up in time").expect("it is answered");
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("REQUEST_TIMEOUT"), "{answer}");
}

pub(crate) async fn who_is_gone_before_the_answer_gets_it_with_the_same_key(system: &System) {
    let api = &system.api;
    let mut founder = api.register("Imke").await;
    let community = api.found(&mut founder).await;
    let body = json!({
        "communityId": community.id,
        "title": "Carry a wardrobe",
        "description": "Second floor, no lift, two people would do",
    });
    let ends = system.log.ends("request-events").await;
    let keys: Vec<_> = (0..50).map(|_| Uuid::now_v7().to_string()).collect();
    for key in &keys {
        let text = body.to_string();
        let mut gone = connect(system).await;
        let call = head(&founder, "/requests", key, text.len()) + &text;
        gone.write_all(call.as_bytes()).await.expect("it reads");
        // Dropped: nobody will read what it says.
    }
    let again = keys.iter().map(|key| api.post("/requests", &body).by(&founder).key(key).expect(201));
    let answers = join_all(again).await;
    let ids: BTreeSet<_> = answers.iter().map(|it| it.str("/id")).collect();
    assert_eq!(ids.len(), keys.len());
    // Nothing but what was told: no call was carried out twice, under whatever id.
    let records = system.log.records_from(ends).await;
    let created =
        records.iter().filter(|it| it.header("ce_type").is_some_and(|it| it.contains("RequestCreated")));
    let created: BTreeSet<_> = created.map(|it| String::from_utf8_lossy(&it.key).into_owned()).collect();
    assert_eq!((created, records.len()), (ids, keys.len()));
}

async fn connect(system: &System) -> TcpStream {
    TcpStream::connect(&system.addresses.command_api).await.expect("it accepts")
}

/// The head of a command whose body has so many bytes.
fn head(person: &Person, path: &str, key: &str, bytes: usize) -> String {
    format!(
        "POST /api/v1{path} HTTP/1.1\r\nHost: karmyq\r\nAuthorization: Bearer {}\r\nIdempotency-Key: {key}\r\n\
         Content-Type: application/json\r\nContent-Length: {bytes}\r\nConnection: close\r\n\r\n",
        person.token
    )
}

/// Open connections as command-api counts them, the one of this question among them.
async fn connections(system: &System) -> usize {
    let metrics = system.api.raw_command("/metrics").expect(200).await;
    let count = metrics.text.lines().find_map(|it| it.strip_prefix("http_connections ")).expect("a gauge");
    count.parse().expect("a number of connections")
}

//! Several instances: a call reaches any of them, and the one that owns the partition carries it out.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tests::eventually::eventually;

use crate::client::{Answer, Client, Person};
use crate::world::{World, registration};

const SOON: Duration = Duration::from_secs(20);

#[tokio::test]
async fn any_instance_takes_any_call() {
    let world = World::new().await;
    let first = world.instance(|_| {}).await;
    let second = world.instance(|_| {}).await;
    let clients = [&first.client, &second.client];
    let mut people = Vec::new();
    for n in 0..6 {
        people.push(newcomer(clients[n % 2], &format!("person-{n}")).await);
    }
    for (n, person) in people.iter().enumerate() {
        let elsewhere = person.at(clients[(n + 1) % 2]);
        let ids = [person.id.as_str()];
        let answer = patiently(|| elsewhere.call("PATCH /users/{id}", &ids, json!({ "bio": "hello" }))).await;
        assert_eq!(answer.is(200)["version"], 2);
        assert!(answer.header("x-position").is_some() && answer.header("etag") == Some("\"2\""));
        let login = json!({ "email": person.email, "password": "correct horse" });
        patiently(|| clients[n % 2].call("POST /auth/login", &[], login.clone())).await.is(200);
    }
    let served: Vec<_> = clients.iter().map(|it| it.base()).collect();
    assert_ne!(served[0], served[1]);
    first.stop().await;
    // What the first one owned is taken over.
    for person in &people {
        let at_second = person.at(&second.client);
        let ids = [person.id.as_str()];
        let answer =
            patiently(|| at_second.call("PATCH /users/{id}", &ids, json!({ "bio": Value::Null }))).await;
        assert_eq!(answer.is(200)["version"], 3);
    }
    second.stop().await;
    world.drop().await;
}

/// With its door closed nobody else could write to what it still owns, for as long as it takes to hand that over.
#[tokio::test]
async fn an_instance_that_stops_answers_until_it_has_given_its_partitions_back() {
    let (world, instance) = World::with_instance().await;
    let ana = instance.register("ana").await;
    let mut held = world.log.hold_next();
    let rename = tokio::spawn({
        let ana = ana.clone();
        async move { ana.call("PATCH /users/{id}", &[&ana.id], json!({ "bio": "hello" })).await }
    });
    held.reached().await;
    instance.begin_to_stop();
    eventually("it says that nobody is to be sent there, and why", SOON, || async {
        instance.client.unready().await.filter(|it| it.contains("the process stops"))
    })
    .await;
    held.release();
    rename.await.expect("no panic").is(200);
    let client = instance.client.clone();
    instance.stop().await;
    assert_eq!((client.is_ready().await, client.unready().await), (false, None), "the door is closed");
    world.drop().await;
}

#[tokio::test]
async fn a_name_is_taken_wherever_its_holder_lives() {
    let world = World::new().await;
    let first = world.instance(|_| {}).await;
    let second = world.instance(|_| {}).await;
    let ana = newcomer(&first.client, "ana").await;
    let mut communities = Vec::new();
    for n in 0..6 {
        let name = json!({ "name": format!("Elm Street {n}") });
        let answer = patiently(|| ana.call("POST /communities", &[], name.clone())).await;
        communities.push(answer.is(201)["community"]["id"].as_str().expect("an id").to_owned());
    }
    let refusals = async {
        for (n, id) in communities.iter().enumerate() {
            let taken = json!({ "name": format!("Elm Street {}", (n + 1) % communities.len()) });
            for person in [&ana, &ana.at(&second.client)] {
                let ids = [id.as_str()];
                let rename = || person.call("PUT /communities/{id}", &ids, taken.clone());
                patiently(rename).await.is_refused(409, "NAME_TAKEN");
            }
        }
    };
    // Some of these communities live on the other instance than the one whose name they want.
    tokio::time::timeout(Duration::from_secs(20), refusals).await.expect("nobody is put off for ever");
    first.stop().await;
    second.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn a_name_is_met_wherever_its_holder_lives() {
    let world = World::new().await;
    let first = world.instance(|_| {}).await;
    let second = world.instance(|_| {}).await;
    let (ana, eva) = (newcomer(&first.client, "ana").await, newcomer(&first.client, "eva").await);
    let meetings = async {
        for n in 0..6 {
            let name = json!({ "name": format!("Oak Street {n}") });
            let founded = patiently(|| ana.call("POST /communities", &[], name.clone())).await;
            let id = founded.is(201)["community"]["id"].clone();
            // The key decides who carries it out: each of the four combinations with the holder's owner will come up.
            for (m, person) in [&eva, &eva.at(&second.client)].into_iter().enumerate() {
                for key in 0..2 {
                    let key = [("idempotency-key", &*format!("meet-{n}-{m}-{key}"))];
                    let meet = || person.call_with(&key, "POST /communities", &[], name.clone());
                    let met = patiently(meet).await;
                    assert_eq!(
                        (&met.is(200)["existing"], &met.body["data"]["joined"]),
                        (&json!(true), &json!(true))
                    );
                    assert_eq!(met.body["data"]["community"]["id"], id);
                    let repeat = patiently(meet).await;
                    assert_eq!(repeat.is(200)["community"]["id"], id);
                }
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), meetings).await.expect("nobody is put off for ever");
    first.stop().await;
    second.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn what_no_writer_wrote_keeps_nobody_from_taking_over() {
    let world = World::new().await;
    let first = world.instance(|_| {}).await;
    let ana = first.register("ana").await;
    let ids = [ana.id.as_str()];
    let edited = ana.call("PATCH /users/{id}", &ids, json!({ "bio": "hello" })).await;
    let position = edited.is(200)["position"].as_str().expect("a position").to_owned();
    world.scribble(&position, ana.id.as_bytes()).await;
    // The owner never saw it; whoever comes after it has to come to the same state.
    first.stop().await;
    let second = world.instance(|_| {}).await;
    let at_second = ana.at(&second.client);
    let answer = at_second.call("PATCH /users/{id}", &ids, json!({ "bio": Value::Null })).await;
    assert_eq!(answer.is(200)["version"], 3);
    second.stop().await;
    world.drop().await;
}

/// Registers a person, who calls by this client from then on.
/// What the one owns nobody reaches through the other, because both tell the same address.
#[tokio::test]
async fn two_processes_configured_alike_say_so_and_carry_nothing_out_twice() {
    let world = World::new().await;
    let first = world.instance(|_| {}).await;
    let address = first.client.base().to_owned();
    let second = world.begin(|config| config.advertised_url = address).await;
    for it in [&first, &second] {
        eventually("it says what is wrong", SOON, || async {
            it.client.unready().await.filter(|it| it.contains("configured alike"))
        })
        .await;
    }
    let either = [&first.client, &second.client];
    let mut people = Vec::new();
    for n in 0..6 {
        let body = registration(&format!("person-{n}"));
        let register = async |it: &Client| it.call("POST /auth/register", &[], body.clone()).await;
        let answer = at_either(either, register).await;
        let person = Person::of(answer.is(201), &second.client);
        for version in 2..5 {
            let (key, bio) = (format!("{n}-{version}"), json!({ "bio": format!("version {version}") }));
            let edit = async |client: &Client| {
                let key = [("idempotency-key", key.as_str())];
                person.at(client).call_with(&key, "PATCH /users/{id}", &[&person.id], bio.clone()).await
            };
            assert_eq!(at_either(either, &edit).await.is(200)["version"], version);
            for client in either {
                let again = edit(client).await;
                assert!(again.status == 503 || again.is_replay() && again.is(200)["version"] == version);
            }
        }
        people.push(person);
    }
    first.stop().await;
    for person in &people {
        let ids = [person.id.as_str()];
        let last = patiently(|| person.call("PATCH /users/{id}", &ids, json!({ "bio": Value::Null }))).await;
        assert_eq!(last.is(200)["version"], 5);
    }
    second.stop().await;
    world.drop().await;
}

/// Asks one after the other until somebody carries it out.
async fn at_either(clients: [&Client; 2], call: impl AsyncFn(&Client) -> Answer) -> Answer {
    let turns = AtomicUsize::new(0);
    patiently(|| call(clients[turns.fetch_add(1, Ordering::Relaxed) % clients.len()])).await
}

async fn newcomer(client: &Client, name: &str) -> Person {
    let body = registration(name);
    let answer = patiently(|| client.call("POST /auth/register", &[], body.clone())).await;
    Person::of(answer.is(201), client)
}

/// Repeats a call while its partition moves, as a client does that is told to try again.
async fn patiently<F: Future<Output = Answer>>(call: impl Fn() -> F) -> Answer {
    loop {
        let answer = call().await;
        if answer.status != 503 {
            return answer;
        }
        assert!(answer.header("retry-after").is_some(), "{}", answer.body);
        tokio::task::yield_now().await;
    }
}

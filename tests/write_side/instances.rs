//! Several instances: a call reaches any of them, and the one that owns the partition carries it out.

use serde_json::{Value, json};

use crate::client::Person;
use crate::world::{World, registration};

#[tokio::test]
async fn any_instance_takes_any_call() {
    let world = World::new().await;
    let first = world.instance(|_| {}).await;
    let second = world.instance(|_| {}).await;
    let clients = [&first.client, &second.client];
    let mut people = Vec::new();
    for n in 0..6 {
        let client = clients[n % 2];
        let newcomer = registration(&format!("person-{n}"));
        let answer = patiently(|| client.call("POST /auth/register", &[], newcomer.clone())).await;
        people.push(Person::of(answer.is(201), client));
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

/// Repeats a call while its partition moves, as a client does that is told to try again.
async fn patiently<F: Future<Output = crate::client::Answer>>(call: impl Fn() -> F) -> crate::client::Answer {
    loop {
        let answer = call().await;
        if answer.status != 503 {
            return answer;
        }
        assert!(answer.header("retry-after").is_some(), "{}", answer.body);
        tokio::task::yield_now().await;
    }
}

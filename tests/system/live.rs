//! Live updates: notifications as server-sent events.

use std::time::Duration;

use serde_json::Value;
use tests::http::Api;
use tests::people::Person;
use tests::services::System;
use tests::stream::{Listener, Update};

const SOON: Duration = Duration::from_secs(10);

async fn listen(api: &Api, person: &Person) -> Listener {
    let mut listener = Listener::open(api.get("/notifications/stream").by(person)).await;
    let first = listener.next(SOON).await;
    assert_eq!(first.data["type"], "connected", "{first:?}");
    listener
}

/// The next update of this type; others may come first.
async fn await_type(listener: &mut Listener, kind: &str) -> Update {
    loop {
        let update = listener.next(SOON).await;
        if update.data["type"] == kind {
            return update;
        }
    }
}

pub(crate) async fn a_notification_arrives_while_it_is_raised(system: &System) {
    let api = &system.api;
    let mut requester = api.register("Lea").await;
    let mut helper = api.register("Luis").await;
    let community = api.found(&mut requester).await;
    api.join(&mut helper, &community).await;
    let mut listener = listen(api, &requester).await;
    let request = api.ask(&requester, &community, "Water the plants").await;
    let proposal = api.propose(&helper, &request).await;

    let update = await_type(&mut listener, "match_created").await;
    assert!(update.id.starts_with("notification-events/"), "{update:?}");
    assert_eq!(update.data["data"]["subjectId"], proposal.id.as_str(), "{update:?}");
    assert_eq!(update.data["read"], Value::Bool(false), "{update:?}");

    let path = format!("/notifications/{}", requester.id);
    let list = api.get(&path).by(&requester).seeing(&update.id).expect(200).await;
    let listed = list.items().iter().find(|it| it["id"] == update.data["id"]).expect("it is stored");
    assert_eq!(*listed, update.data, "the same object as in the list");
}

pub(crate) async fn a_stream_resumes_after_the_last_update_that_was_seen(system: &System) {
    let api = &system.api;
    let mut requester = api.register("Mia").await;
    let mut helper = api.register("Max").await;
    let community = api.found(&mut requester).await;
    let mut listener = listen(api, &requester).await;
    api.join(&mut helper, &community).await;
    let seen = await_type(&mut listener, "member_joined").await;
    drop(listener);

    // Missed while nobody listened.
    let request = api.ask(&requester, &community, "Walk the dog").await;
    api.propose(&helper, &request).await;
    let resumed = api.get("/notifications/stream").by(&requester).header("last-event-id", &seen.id);
    let mut listener = Listener::open(resumed).await;
    let missed = await_type(&mut listener, "match_created").await;
    assert_ne!(missed.id, seen.id);
}

pub(crate) async fn a_stream_is_for_its_owner_alone(system: &System) {
    let api = &system.api;
    let owner = api.register("Nele").await;
    let other = api.register("Nico").await;
    api.get("/notifications/stream").refused(401, "UNAUTHENTICATED").await;
    let path = format!("/notifications/stream/{}", owner.id);
    api.get(&path).by(&other).refused(403, "FORBIDDEN").await;

    let ticket = api.post("/auth/stream-ticket", &Value::Null).by(&owner).expect(200).await.str("/ticket");
    let by_ticket = || api.get("/notifications/stream").query("ticket", &ticket);
    let mut listener = Listener::open(by_ticket()).await;
    assert_eq!(listener.next(SOON).await.data["type"], "connected");
    by_ticket().expect(401).await;
}

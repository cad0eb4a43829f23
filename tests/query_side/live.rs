//! The live stream of notifications.

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use reqwest::RequestBuilder;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::time::timeout;
use uuid::Uuid;

use crate::fixture::{World, answer};

const SOON: Duration = Duration::from_secs(10);

/// An open stream.
struct Stream {
    chunks: BoxStream<'static, reqwest::Result<Vec<u8>>>,
    unread: String,
}

impl Stream {
    async fn open(call: RequestBuilder) -> Self {
        let response = call.send().await.expect("query-api answers");
        assert_eq!(response.status(), 200);
        let chunks = response.bytes_stream().map(|it| it.map(|bytes| bytes.to_vec())).boxed();
        let mut stream = Self { chunks, unread: String::new() };
        assert_eq!(stream.next().await.1["type"], "connected");
        stream
    }

    /// Id and data of the next message.
    async fn next(&mut self) -> (String, Value) {
        timeout(SOON, self.message()).await.expect("a message comes").expect("the stream goes on")
    }

    /// The stream ends.
    async fn ends(&mut self) {
        assert!(timeout(SOON, self.message()).await.expect("it ends soon").is_none());
    }

    async fn message(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((message, rest)) = self.unread.split_once("\n\n") {
                let field = |name| {
                    message.lines().find_map(|it| it.strip_prefix(name)).unwrap_or_default().to_owned()
                };
                let (id, data) = (field("id: "), field("data: "));
                self.unread = rest.to_owned();
                if !data.is_empty() {
                    return Some((id, serde_json::from_str(&data).expect("data is JSON")));
                }
                continue;
            }
            let chunk = self.chunks.next().await?.ok()?;
            self.unread.push_str(&String::from_utf8(chunk).expect("messages are UTF-8"));
        }
    }
}

/// Raises an item as writer and projection do, one after the other.
async fn raise(world: &mut World, user: Uuid, actor: Uuid) -> (Uuid, i64) {
    let (partition, offset) = world.append_notice(user).await;
    let id = world.notice(user, actor, Uuid::nil(), offset).await;
    world.checkpoint("notifications", "notification-events", partition, offset + 1).await;
    (id, offset)
}

#[tokio::test]
async fn items_are_pushed_as_they_stand_in_the_list_and_can_be_resumed() {
    let mut world = World::new().await;
    let [ana, ben] = [world.person("Ana").await, world.person("Ben").await];
    let (before, before_offset) = raise(&mut world, ana, ben).await;
    let mut stream = Stream::open(world.call("/notifications/stream").bearer_auth(world.token(ana))).await;
    let (id, offset) = raise(&mut world, ana, ben).await;
    raise(&mut world, ben, ana).await;
    let (event_id, pushed) = stream.next().await;
    assert_eq!(event_id, format!("notification-events/0@{offset}"));
    assert_eq!(pushed["id"], id.to_string(), "not the one from before: {before}");
    let list = world.get(&format!("/notifications/{ana}"), ana).await;
    assert_eq!(list.data()[0], pushed);

    let resume = |from: &str| {
        let call = world.call(&format!("/notifications/stream/{ana}")).bearer_auth(world.token(ana));
        call.header("last-event-id", from)
    };
    let mut resumed = Stream::open(resume(&format!("notification-events/0@{before_offset}"))).await;
    assert_eq!(resumed.next().await, (event_id, pushed));
    let mut lost = Stream::open(resume("something else")).await;
    assert_eq!(lost.next().await.1["type"], "resync");
    world.drop().await;
}

#[tokio::test]
async fn whoever_missed_more_than_a_hundred_begins_anew() {
    let world = World::new().await;
    let ana = world.person("Ana").await;
    for offset in 0..101 {
        world.notice(ana, ana, Uuid::nil(), offset).await;
    }
    let call = |from: &str| {
        world.call("/notifications/stream").bearer_auth(world.token(ana)).header("last-event-id", from)
    };
    let mut far = Stream::open(call("notification-events/0@-1")).await;
    assert_eq!(far.next().await.1["type"], "resync", "no offset is negative");
    let mut near = Stream::open(call("notification-events/0@0")).await;
    assert_eq!(near.next().await.0, "notification-events/0@1");
    world.notice(ana, ana, Uuid::nil(), 101).await;
    let mut far = Stream::open(call("notification-events/0@0")).await;
    assert_eq!(far.next().await.1["type"], "resync");
    world.drop().await;
}

#[tokio::test]
async fn a_stream_ends_with_its_token_and_gives_way_to_newer_ones() {
    let world = World::new().await;
    let ana = world.person("Ana").await;
    let mut short =
        Stream::open(world.call("/notifications/stream").bearer_auth(world.token_for(ana, 2))).await;
    assert_eq!(short.next().await.1["type"], "token_expired");
    short.ends().await;

    let mut streams = Vec::new();
    for _ in 0..6 {
        let token = world.token(ana);
        streams.push(Stream::open(world.call(&format!("/notifications/stream?access_token={token}"))).await);
    }
    streams[0].ends().await;
    world.drop().await;
}

#[tokio::test]
async fn a_ticket_opens_one_stream_of_its_owner() {
    let world = World::new().await;
    let [ana, ben] = [world.person("Ana").await, world.person("Ben").await];
    let mine = format!("/notifications/stream/{ana}");
    assert_eq!(answer(world.call(&mine)).await.refusal(), (401, "UNAUTHENTICATED"));
    assert_eq!(answer(world.call(&mine).bearer_auth(world.token(ben))).await.refusal(), (403, "FORBIDDEN"));
    assert_eq!(answer(world.call(&format!("{mine}?ticket=none"))).await.refusal(), (401, "TOKEN_INVALID"));

    let digest: [u8; 32] = Sha256::digest(b"a-ticket").into();
    sqlx::query(
        "INSERT INTO auth.stream_tickets (ticket_hash, user_id, session_id, token_expires_at, expires_at)
         VALUES ($1, $2, $2, now() + interval '10 minutes', now() + interval '1 minute')",
    )
    .bind(digest.as_slice())
    .bind(ana)
    .execute(&world.command)
    .await
    .expect("command-api may write it");
    Stream::open(world.call(&format!("{mine}?ticket=a-ticket"))).await;
    assert_eq!(
        answer(world.call(&format!("{mine}?ticket=a-ticket"))).await.refusal(),
        (401, "TOKEN_INVALID")
    );
    world.drop().await;
}

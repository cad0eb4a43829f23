//! The live stream of notifications.

use std::time::Duration;

use futures::StreamExt as _;
use futures::future::join_all;
use futures::stream::BoxStream;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sqlx::Executor as _;
use tests::eventually::eventually;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use uuid::Uuid;

use crate::fixture::{World, answer};
use crate::versions::{Item, Versions};

const SOON: Duration = Duration::from_secs(10);
/// More streams than there are connections to PostgreSQL.
const COMING_BACK: usize = 30;

/// An open stream.
struct Stream {
    chunks: BoxStream<'static, reqwest::Result<Vec<u8>>>,
    unread: String,
}

impl Stream {
    async fn open(call: RequestBuilder) -> Self {
        Self::connect(call).await.0
    }

    /// The stream with its first message.
    async fn connect(call: RequestBuilder) -> (Self, (String, Value)) {
        let mut stream = Self::accepted(call).await;
        let first = stream.next().await;
        assert_eq!(first.1["type"], "connected");
        (stream, first)
    }

    /// The stream before its first message.
    async fn accepted(call: RequestBuilder) -> Self {
        let response = call.send().await.expect("query-api answers");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let chunks = response.bytes_stream().map(|it| it.map(|bytes| bytes.to_vec())).boxed();
        Self { chunks, unread: String::new() }
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

/// A client that opens a stream and reads nothing of it, with as little room in its kernel as there can be.
struct Slow(TcpStream);

impl Slow {
    async fn open(world: &World, user: Uuid) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(1_024).expect("a small buffer");
        let mut stream = socket.connect(world.address()).await.expect("query-api listens");
        let token = world.token(user);
        let head = format!(
            "GET /api/v1/notifications/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.expect("it is sent");
        // What is raised from then on is for it.
        eventually("it is connected", SOON, || async {
            let mut read = [0; 1_024];
            let length = stream.peek(&mut read).await.expect("an answer");
            String::from_utf8_lossy(&read[..length]).contains("connected").then_some(())
        })
        .await;
        Self(stream)
    }

    /// Whether the server still has the connection: it is established, as `/proc/net/tcp` has it (state 01).
    fn is_connected(&self, world: &World) -> bool {
        let (server, client) =
            (world.address().port(), self.0.local_addr().expect("it was connected").port());
        let (server, client) = (format!(":{server:04X}"), format!(":{client:04X}"));
        let sockets = std::fs::read_to_string("/proc/net/tcp").expect("readable");
        sockets
            .lines()
            .map(|it| it.split_whitespace().collect::<Vec<_>>())
            .any(|it| it[1].ends_with(&server) && it[2].ends_with(&client) && it[3] == "01")
    }

    /// The ids of all messages that came whole.
    async fn rest(&mut self) -> Vec<String> {
        let mut bytes = Vec::new();
        // Cut off means that it ends with an error.
        let _cut = self.0.read_to_end(&mut bytes).await;
        let text = String::from_utf8(bytes).expect("messages are UTF-8");
        let (_head, body) = text.split_once("\r\n\r\n").expect("a head");
        // Each message is a chunk: its length, a line break, the message.
        let whole = body.rsplit_once("\n\n").map_or("", |(whole, _)| whole);
        whole.lines().filter_map(|it| it.strip_prefix("id: ")).map(str::to_owned).collect()
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
async fn what_comes_after_the_first_connection_is_never_missed() {
    let mut world = World::new().await;
    let [ana, ben] = [world.person("Ana").await, world.person("Ben").await];
    let nobody_waits = "/notifications/stream?min_position=notification-events/0@99&wait_ms=0";
    let (connected, _) = Stream::connect(world.call(nobody_waits).bearer_auth(world.token(ana))).await.1;
    assert_eq!(connected, "notification-events/0@-1", "there is nothing yet");
    let (id, offset) = raise(&mut world, ana, ben).await;
    let call = || world.call("/notifications/stream").bearer_auth(world.token(ana));
    let mut resumed = Stream::open(call().header("last-event-id", &connected)).await;
    let (event_id, pushed) = resumed.next().await;
    assert_eq!(
        (event_id.as_str(), &pushed["id"]),
        (&*format!("notification-events/0@{offset}"), &id.to_string().into())
    );

    let (again, _) = Stream::connect(call()).await.1;
    assert_eq!(again, event_id, "the newest item is where it resumes");
    let ahead = format!("notification-events/0@{}", offset + 1_000);
    let mut lost = Stream::open(call().header("last-event-id", ahead)).await;
    assert_eq!(lost.next().await, (event_id, json!({"type": "resync"})), "an id of another log");
    world.drop().await;
}

#[tokio::test]
async fn what_is_folded_while_the_log_is_away_reaches_streams_that_are_open() {
    let mut world = World::before_notices().await;
    let [ana, ben] = [world.person("Ana").await, world.person("Ben").await];
    let inbox = format!("/notifications/{ana}");
    eventually("it answers", SOON, || async { (world.get(&inbox, ana).await.status == 200).then_some(()) })
        .await;
    let mut stream = Stream::open(world.call("/notifications/stream").bearer_auth(world.token(ana))).await;
    let id = world.notice(ana, ben, Uuid::nil(), 0).await;
    world.checkpoint("notifications", "notification-events", 0, 1).await;
    world.begin_notices().await;
    assert_eq!(world.append_notice(ana).await, (0, 0));
    assert_eq!(stream.next().await.1["id"], id.to_string());
    world.drop().await;
}

#[tokio::test]
async fn what_is_parked_reaches_streams_that_opened_meanwhile_when_it_is_redriven() {
    let mut world = World::new().await;
    let [ana, ben] = [world.person("Ana").await, world.person("Ben").await];
    let mut bens = Stream::open(world.call("/notifications/stream").bearer_auth(world.token(ben))).await;
    let mut versions = Versions::begin(&world).await;
    for user in [ana, ben] {
        let (_, offset) = world.append_notice(user).await;
        versions.log.push(Item { user, offset });
        versions.fold(&world, user == ana).await;
    }
    let [parked, folded] = [0, 1].map(|it| format!("notification-events/0@{}", versions.log[it].offset));
    // So the tail has passed what is parked.
    assert_eq!(bens.next().await.0, folded);
    let mut anas = Stream::open(world.call("/notifications/stream").bearer_auth(world.token(ana))).await;
    versions.redrive(&world).await;
    assert_eq!(anas.next().await.0, parked);
    world.drop().await;
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_cut_off_and_resumes_where_it_was() {
    let mut world = World::new().await;
    let ana = world.person("Ana").await;
    let mut slow = Slow::open(&world, ana).await;
    let mut raised = Vec::new();
    // More than the buffers of the kernel take.
    for _ in 0..90 {
        let (partition, offset) = world.append_notice(ana).await;
        let id = world.notice(ana, ana, Uuid::nil(), offset).await;
        let large = "jsonb_build_object('text', repeat('x', 100000))";
        world
            .project(format!("UPDATE notifications.notifications SET params = {large} WHERE id = '{id}'"))
            .await;
        world.checkpoint("notifications", "notification-events", partition, offset + 1).await;
        raised.push(format!("notification-events/0@{offset}"));
    }
    eventually("it is cut off", Duration::from_secs(120), || async {
        (!slow.is_connected(&world)).then_some(())
    })
    .await;
    let ids = slow.rest().await;
    let (connected, had) = ids.split_first().expect("it was connected");
    assert!(had.len() < raised.len(), "all {} went into buffers", raised.len());
    assert_eq!(*had, raised[..had.len()]);

    let call = world.call("/notifications/stream").bearer_auth(world.token(ana));
    let mut resumed = Stream::open(call.header("last-event-id", had.last().unwrap_or(connected))).await;
    for id in &raised[had.len()..] {
        assert_eq!(resumed.next().await.0, *id);
    }
    world.drop().await;
}

#[tokio::test]
async fn streams_that_come_back_all_at_once_leave_connections_to_everybody_else() {
    let mut world = World::new().await;
    let ana = world.person("Ana").await;
    let (_, offset) = raise(&mut world, ana, ana).await;
    // What a stream that resumes asks for, and a call without a position does not.
    let mut lock = world.owner.begin().await.expect("a transaction");
    lock.execute("LOCK TABLE projection.checkpoints").await.expect("the owner may do it");
    let come_back = || {
        let call = world.call("/notifications/stream").bearer_auth(world.token(Uuid::now_v7()));
        Stream::accepted(call.header("last-event-id", format!("notification-events/0@{offset}")))
    };
    let streams = join_all((0..COMING_BACK).map(|_| come_back())).await;
    eventually("streams have all connections that they can get", SOON, || async {
        (world.waiting_for("projection.checkpoints").await >= 4).then_some(())
    })
    .await;
    let meanwhile = join_all((0..5).map(|_| world.get("/requests", ana))).await;
    assert!(meanwhile.iter().all(|it| it.status == 200), "{meanwhile:?}");
    assert!(world.waiting_for("projection.checkpoints").await > 0, "the streams hung all the while");

    lock.rollback().await.expect("the lock goes");
    for mut stream in streams {
        assert_eq!(stream.next().await.1["type"], "connected");
    }
    world.drop().await;
}

#[tokio::test]
async fn an_item_that_cannot_be_shown_holds_back_nobody_but_its_own_person() {
    let mut world = World::new().await;
    let [ana, ben] = [world.person("Ana").await, world.person("Ben").await];
    let mut anas = Stream::open(world.call("/notifications/stream").bearer_auth(world.token(ana))).await;
    let mut bens = Stream::open(world.call("/notifications/stream").bearer_auth(world.token(ben))).await;
    let (partition, first) = world.append_notice(ana).await;
    let (_, second) = world.append_notice(ben).await;
    let broken = world.notice(ana, ben, Uuid::nil(), first).await;
    let shown = world.notice(ben, ana, Uuid::nil(), second).await;
    let params = |json: &str| {
        format!("UPDATE notifications.notifications SET params = '{json}' WHERE id = '{broken}'")
    };
    world.project(params(r#"{"requestId": 1}"#)).await;
    world.checkpoint("notifications", "notification-events", partition, second + 1).await;
    assert_eq!(bens.next().await.1["id"], shown.to_string());
    let (shown, _) = raise(&mut world, ben, ana).await;
    assert_eq!(bens.next().await.1["id"], shown.to_string());

    world.project(params("{}")).await;
    assert_eq!(anas.next().await.1["id"], broken.to_string(), "it is tried again");
    world.drop().await;
}

#[tokio::test]
async fn whoever_missed_more_than_a_hundred_begins_anew() {
    let world = World::new().await;
    let ana = world.person("Ana").await;
    for offset in 0..101 {
        world.notice(ana, ana, Uuid::nil(), offset).await;
    }
    world.checkpoint("notifications", "notification-events", 0, 102).await;
    let call = |from: &str| {
        world.call("/notifications/stream").bearer_auth(world.token(ana)).header("last-event-id", from)
    };
    let mut far = Stream::open(call("notification-events/0@-1")).await;
    let resync = ("notification-events/0@100".to_owned(), json!({"type": "resync"}));
    assert_eq!(far.next().await, resync);
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

//! Random histories of the live stream: people with several clients each, on two instances, that come, go and resume while
//! items are raised, folded late, parked and redriven, versions are swapped and instances restarted. Every client gets what
//! was raised since it first connected: all of it, in order, once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use parking_lot::Mutex;
use reqwest::Response;
use serde_json::Value;
use tests::chance::Chance;
use tests::eventually::eventually;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::fixture::World;
use crate::versions::{Item, Versions};

/// Steps of a history.
const STEPS: usize = 150;
/// Clients of each person: fewer than an instance allows.
const CLIENTS: usize = 3;
/// Instances of query-api.
const INSTANCES: usize = 2;
/// Items of a person at most; whoever missed more begins anew.
const ITEMS: usize = 90;

#[tokio::test]
async fn every_client_gets_what_was_raised_since_it_first_connected_in_order_and_once() {
    let seeds = match std::env::var("KARMYQ_SEED") {
        Ok(seed) => vec![seed.parse().expect("KARMYQ_SEED is a number")],
        Err(_) => (1..=3).collect(),
    };
    for seed in seeds {
        Run::begin(seed).await.play().await;
    }
}

/// A client of a person, which remembers what it has across its streams.
struct Client {
    user: Uuid,
    had: Arc<Mutex<Had>>,
    stream: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Had {
    /// Offset from which on it was told that it gets everything.
    since: Option<i64>,
    last_event_id: Option<String>,
    offsets: Vec<i64>,
}

impl Client {
    async fn open(&mut self, world: &World, instance: usize) {
        let mut call = world.call_at(instance, "/notifications/stream").bearer_auth(world.token(self.user));
        if let Some(id) = self.had.lock().last_event_id.clone() {
            call = call.header("last-event-id", id);
        }
        let response = call.send().await.expect("query-api answers");
        assert_eq!(response.status(), 200);
        self.stream = Some(tokio::spawn(listen(response, Arc::clone(&self.had))));
    }

    fn close(&mut self) {
        if let Some(stream) = self.stream.take() {
            stream.abort();
        }
    }

    /// Whether it has a stream, as far as it knows.
    fn is_open(&self) -> bool {
        self.stream.as_ref().is_some_and(|it| !it.is_finished())
    }
}

/// Notes every message until the stream ends.
async fn listen(response: Response, had: Arc<Mutex<Had>>) {
    let (mut chunks, mut unread) = (response.bytes_stream(), String::new());
    while let Some(Ok(chunk)) = chunks.next().await {
        unread.push_str(std::str::from_utf8(&chunk).expect("messages are ASCII here"));
        while let Some((message, rest)) = unread.split_once("\n\n") {
            had.lock().note(message);
            unread = rest.to_owned();
        }
    }
}

impl Had {
    fn note(&mut self, message: &str) {
        let field = |name| message.lines().find_map(|it| it.strip_prefix(name));
        let (Some(id), Some(data)) = (field("id: "), field("data: ")) else { return };
        let data: Value = serde_json::from_str(data).expect("data is JSON");
        let offset = id.rsplit_once('@').and_then(|(_, it)| it.parse().ok()).expect("an id has an offset");
        match data["type"].as_str() {
            Some("connected") => _ = self.since.get_or_insert(offset),
            Some("match_created") => self.offsets.push(offset),
            _ => panic!("not expected: {message}"),
        }
        self.last_event_id = Some(id.to_owned());
    }
}

/// A history under way.
struct Run {
    seed: u64,
    chance: Chance,
    world: World,
    versions: Versions,
    people: Vec<Uuid>,
    clients: Vec<Client>,
}

impl Run {
    async fn begin(seed: u64) -> Self {
        let mut world = World::new().await;
        for _ in 1..INSTANCES {
            world.another_instance().await;
        }
        let people = vec![world.person("Ana").await, world.person("Ben").await];
        let each = people.iter().flat_map(|it| [*it; CLIENTS]);
        let clients = each.map(|user| Client { user, had: Arc::default(), stream: None }).collect();
        let versions = Versions::begin(&world).await;
        Self { seed, chance: Chance(seed), world, versions, people, clients }
    }

    async fn play(mut self) {
        for _ in 0..STEPS {
            self.step().await;
        }
        self.versions.redrive(&self.world).await;
        while self.versions.left() > 0 {
            self.versions.fold(&self.world, false).await;
        }
        for index in 0..self.clients.len() {
            if !self.clients[index].is_open() {
                self.clients[index].open(&self.world, 0).await;
            }
        }
        for client in &self.clients {
            self.judge(client).await;
        }
        for client in &mut self.clients {
            client.close();
        }
        self.world.drop().await;
    }

    async fn step(&mut self) {
        match self.chance.below(16) {
            0..=3 => {
                let user = self.people[self.chance.below(self.people.len())];
                for _ in 0..=self.chance.below(3) {
                    self.raise(user).await;
                }
            }
            4..=8 => {
                for _ in 0..self.versions.left().min(1 + self.chance.below(5)) {
                    let next = self.versions.log[self.versions.log.len() - self.versions.left()];
                    let park = self.versions.holds_back(next.user) || self.chance.one_in(12);
                    self.versions.fold(&self.world, park).await;
                }
            }
            9 => self.versions.redrive(&self.world).await,
            10 => self.rebuild().await,
            11..=13 => {
                let (index, instance) = (self.chance.below(self.clients.len()), self.chance.below(INSTANCES));
                self.clients[index].close();
                self.clients[index].open(&self.world, instance).await;
            }
            14 => {
                let index = self.chance.below(self.clients.len());
                self.clients[index].close();
            }
            _ if self.chance.one_in(3) => {
                let instance = self.chance.below(INSTANCES);
                self.world.restart(instance).await;
            }
            _ => {}
        }
    }

    async fn raise(&mut self, user: Uuid) {
        if self.versions.log.iter().filter(|it| it.user == user).count() < ITEMS {
            let (_, offset) = self.world.append_notice(user).await;
            self.versions.log.push(Item { user, offset });
        }
    }

    /// At least as far as the one before, with somebody's records parked from some point on.
    async fn rebuild(&mut self) {
        let folded = self.versions.log.len() - self.versions.left();
        let records = folded + self.chance.below(self.versions.left() + 1);
        let (held, from) =
            (self.people[self.chance.below(self.people.len())], self.chance.below(records + 1));
        let parked = (from..records).filter(|it| self.versions.log[*it].user == held);
        let parked: BTreeSet<_> = if self.chance.one_in(2) { parked.collect() } else { BTreeSet::new() };
        self.versions.rebuild(&self.world, records, parked).await;
    }

    async fn judge(&self, client: &Client) {
        let of_user = |it: &&Item| it.user == client.user;
        let all: Vec<_> = self.versions.log.iter().filter(of_user).map(|it| it.offset).collect();
        let complete = || async {
            let had = client.had.lock();
            (had.offsets.last().or(had.since.as_ref()) == all.last()).then_some(())
        };
        let what =
            format!("{} has everything (KARMYQ_SEED={}): {:?}", client.user, self.seed, client.had.lock());
        eventually(&what, Duration::from_secs(30), complete).await;
        let had = client.had.lock();
        let since = had.since.expect("it was connected");
        let expected: Vec<_> = all.into_iter().filter(|it| *it > since).collect();
        assert_eq!(had.offsets, expected, "since {since}, KARMYQ_SEED={}", self.seed);
    }
}

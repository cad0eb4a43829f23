//! Clients in a closed loop: the next wish comes after the answer to the last, and not too soon.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use futures::StreamExt;
use futures::stream;
use serde_json::json;
use tests::http::Api;
use tests::people::PASSWORD;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};
use uuid::Uuid;

use super::Board;
use super::wish::{Person, Wish};
use crate::chance::Chance;
use crate::world::World;

/// People with an account from the beginning.
pub(crate) const PEOPLE: usize = 32;
/// Those who come while everything burns are at most as many.
const NEWCOMERS: usize = 32;
/// Who want something at the same time.
const CLIENTS: u64 = 24;
/// A client wants nothing sooner than this after its last wish: 24 clients ask for 100 commands a second at most, so
/// that an hour of answers fits into memory.
const PACE: Duration = Duration::from_millis(240);
/// Answered wishes that a client may come back to.
const PAST: usize = 48;

/// All clients of a run.
#[derive(Debug)]
pub(crate) struct Crowd {
    pub(super) world: Arc<World>,
    pub(super) board: Board,
    /// Clients of every command-api with every query-api.
    pub(super) apis: Vec<(String, Api)>,
    pub(super) seed: u64,
}

impl Crowd {
    /// Everybody registers.
    ///
    /// # Errors
    /// When somebody cannot.
    pub(crate) async fn gather(world: &Arc<World>, seed: u64) -> Result<Arc<Self>> {
        let (commands, queries) = (world.ground.places.command_apis(), world.ground.places.query_apis());
        let mut apis = Vec::new();
        for (c, command) in (1..).zip(&commands) {
            for (q, query) in (1..).zip(&queries) {
                let name = format!("command-api-{c}, query-api-{q}");
                apis.push((name, Api::new(command.clone(), query.clone())));
            }
        }
        let crowd = Arc::new(Self { world: Arc::clone(world), board: Board::default(), apis, seed });
        let registered: Vec<Result<()>> = stream::iter(0..PEOPLE)
            .map(|number| crowd.register(Chance::new(seed, 2_000_000 + number as u64)))
            .buffer_unordered(4)
            .collect()
            .await;
        registered.into_iter().collect::<Result<()>>()?;
        Ok(crowd)
    }

    /// The clients, who go on until the run closes and everything that they wanted is answered.
    pub(crate) fn begin(self: &Arc<Self>) -> JoinSet<()> {
        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            clients.spawn(Arc::clone(self).client(Chance::new(self.seed, 1_000_000 + number)));
        }
        clients
    }

    async fn client(self: Arc<Self>, mut chance: Chance) {
        let (mut pace, mut past) = (interval(PACE), VecDeque::new());
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.world.closing.is_cancelled() {
            pace.tick().await;
            if chance.one_in(1_000) {
                self.newcomer(&mut chance).await;
                continue;
            }
            // An answer that was lost on the way to them, or a habit.
            let again = if chance.one_in(4) { chance.pick(past.make_contiguous()).cloned() } else { None };
            let wish: Wish = again.unwrap_or_else(|| self.board.next(&mut chance));
            if chance.one_in(8) {
                let (mut one, mut other) = (chance.clone(), Chance::new(chance.below(u64::MAX), 1));
                tokio::join!(self.fulfil(&wish, &mut one), self.fulfil(&wish, &mut other));
            } else {
                self.fulfil(&wish, &mut chance).await;
            }
            past.push_back(wish);
            if past.len() > PAST {
                past.pop_front();
            }
        }
    }

    async fn newcomer(&self, chance: &mut Chance) {
        if self.board.known().people.len() < PEOPLE + NEWCOMERS {
            // Whoever gives up was told nothing; that is noted where it happens.
            drop(self.register(Chance::new(chance.below(u64::MAX), 2)).await);
        }
    }

    /// Opens an account, asking until there is an answer.
    async fn register(&self, mut chance: Chance) -> Result<()> {
        let email = format!("ana.{}@example.org", Uuid::now_v7().simple());
        let key = Uuid::now_v7().to_string();
        let body = json!({"email": email, "name": "Ana", "password": PASSWORD});
        let mut patience = self.patience();
        loop {
            let (_, api) = chance.pick(&self.apis).context("an address")?;
            let answer = api.post("/auth/register", &body).key(&key).limit(super::asking::PATIENCE);
            let told = match answer.try_send().await {
                Ok(answer) if answer.status == 201 => {
                    let id = answer.str("/user/id");
                    let person = Person::new(id.parse()?, email, answer.str("/token"));
                    self.world.registered(&id, answer.version(), answer.position().parse()?);
                    self.board.known().people.push(person);
                    return Ok(());
                }
                Ok(answer) if answer.status < 500 && answer.status != 429 => {
                    self.world.history().faults.push(format!("a new address is refused: {answer}"));
                    anyhow::bail!("{answer}");
                }
                Ok(answer) => answer.to_string(),
                Err(error) => error.to_string(),
            };
            anyhow::ensure!(patience.lasts(), "nobody can register: {told}");
            sleep(chance.millis(100, 600)).await;
        }
    }
}

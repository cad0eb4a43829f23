//! Asking for one thing until there is an answer that another attempt would not change.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use event_log::{Position, TopicPartition};
use event_schemas::partitioner::partition;
use event_schemas::topics::partitions;
use serde_json::{Value, json};
use tests::checker::{Answer, Attempt, Shown};
use tests::http::{self, Api};
use tests::people::PASSWORD;
use tokio::time::{Instant, sleep};

use super::client::Crowd;
use super::wish::Wish;
use crate::chance::Chance;
use crate::ground::PROFILE;

/// How long a client waits for an answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// How long something may go unanswered once nothing goes wrong any more.
const AT_LAST: Duration = Duration::from_secs(90);

/// Lasts as long as things go wrong, and a while longer.
#[derive(Debug)]
pub(super) struct Patience<'a> {
    crowd: &'a Crowd,
    until: Option<Instant>,
}

impl Patience<'_> {
    pub(super) fn lasts(&mut self) -> bool {
        if !self.crowd.world.closing.is_cancelled() {
            return true;
        }
        Instant::now() < *self.until.get_or_insert_with(|| Instant::now() + AT_LAST)
    }
}

impl Crowd {
    pub(super) const fn patience(&self) -> Patience<'_> {
        Patience { crowd: self, until: None }
    }

    /// Asks until there is an answer, and looks whether what was acknowledged can be read.
    pub(super) async fn fulfil(&self, wish: &Wish, chance: &mut Chance) {
        let mut patience = self.patience();
        loop {
            let (via, api) = chance.pick(&self.apis).expect("an address").clone();
            let (attempt, data) = self.attempt(wish, &via, &api, chance).await;
            let answer = attempt.answer.clone();
            let aggregate = attempt.aggregate.clone();
            if answer.is_final() {
                self.world.history().attempts.push(attempt);
                self.board.came_true(wish, &data);
                if let Answer::Appended { version, position, .. } = answer
                    && chance.one_in(3)
                {
                    self.look(wish, &aggregate, version, &position, chance).await;
                }
                return;
            }
            if !patience.lasts() {
                self.world.history().unanswered.push(attempt);
                return;
            }
            self.world.history().attempts.push(attempt);
            sleep(chance.millis(30, 500)).await;
        }
    }

    /// Asks once. With what the answer shows.
    async fn attempt(&self, wish: &Wish, via: &str, api: &Api, chance: &mut Chance) -> (Attempt, Value) {
        let sent = self.world.elapsed();
        let call = api.call(wish.method.clone(), &wish.path).token(&wish.by.token()).key(&wish.key);
        let call = if wish.body.is_null() { call } else { call.body(&wish.body) };
        let answered = call.limit(PATIENCE).try_send().await;
        let at = self.world.elapsed();
        let (answer, data) = match answered {
            Ok(answer) => (self.told(wish, &answer), answer.data().clone()),
            Err(error) if error.is_connect() => (Answer::NotTaken("no connection".to_owned()), Value::Null),
            Err(error) if error.is_timeout() => {
                (Answer::Unknown("no answer in time".to_owned()), Value::Null)
            }
            Err(error) => (Answer::Unknown(error.to_string()), Value::Null),
        };
        if matches!(&answer, Answer::NotTaken(code) if code == "401") {
            self.log_in(wish, chance).await;
        }
        let aggregate = aggregate_of(wish, &data);
        if let Some(of) = partition_of(wish, &answer, aggregate.as_deref()) {
            match &answer {
                Answer::Appended { .. } | Answer::Unchanged | Answer::Refused(_) => {
                    self.world.meter.decided(&of, at);
                }
                // Whoever asks with a token that does not count is turned away at the door: nobody asked the partition.
                Answer::NotTaken(code) if code == "401" => {}
                Answer::NotTaken(_) | Answer::Unknown(_) => self.world.meter.turned_away(&of, sent),
            }
        }
        let aggregate = aggregate.unwrap_or_else(|| "something new".to_owned());
        if matches!(answer, Answer::Appended { .. }) {
            let shown =
                Shown { command: wish.command(), aggregate: aggregate.clone(), digest: digest(&data) };
            self.world.history().shown.push(shown);
        }
        let (command, what, via) = (wish.command(), wish.what.to_owned(), via.to_owned());
        (Attempt { command, aggregate, what, sent, at, via, answer }, data)
    }

    /// What the person hears of it.
    fn told(&self, wish: &Wish, answer: &http::Answer) -> Answer {
        if let Some(token) = answer.data()["token"].as_str() {
            wish.by.has_token(token);
        }
        match (answer.status, answer.code()) {
            (200..=299, _) => {
                let position = answer.data()["position"].as_str().and_then(|it| it.parse::<Position>().ok());
                let Some(position) = position else { return Answer::Unchanged };
                let replayed = Some(answer.header("idempotent-replay") == "true");
                Answer::Appended { version: answer.version(), position, events: None, replayed }
            }
            (401, _) => Answer::NotTaken("401".to_owned()),
            (429, _) => Answer::NotTaken("429".to_owned()),
            (422, code) | (500, code) => {
                self.world.history().faults.push(format!("{} {}: {answer}", wish.what, wish.command()));
                Answer::Unknown(code.to_owned())
            }
            (400..=499, code) => Answer::Refused(code.to_owned()),
            (_, code @ ("PARTITION_MOVING" | "OVERLOADED")) => Answer::NotTaken(code.to_owned()),
            (status, code) => Answer::Unknown(format!("{status} {code}")),
        }
    }

    /// A token lasts a quarter of an hour. When nobody can log in, the next attempt tries again.
    async fn log_in(&self, wish: &Wish, chance: &mut Chance) {
        let (_, api) = chance.pick(&self.apis).expect("an address");
        let body = json!({"email": wish.by.email, "password": PASSWORD});
        if let Ok(answer) = api.post("/auth/login", &body).limit(PATIENCE).try_send().await
            && let Some(token) = answer.data()["token"].as_str()
        {
            wish.by.has_token(token);
        }
    }
}

fn aggregate_of(wish: &Wish, data: &Value) -> Option<String> {
    let known = wish.aggregate.map(|it| it.to_string());
    known.or_else(|| {
        ["/community/id", "/id"].iter().find_map(|it| Some(data.pointer(it)?.as_str()?.to_owned()))
    })
}

fn partition_of(wish: &Wish, answer: &Answer, aggregate: Option<&str>) -> Option<TopicPartition> {
    if let Answer::Appended { position, .. } = answer {
        return Some(position.of.clone());
    }
    let count = u32::try_from(partitions(wish.domain, PROFILE)).ok()?;
    Some(TopicPartition::new(wish.domain.events_topic(), partition(aggregate?.as_bytes(), count)))
}

/// Of all that a repeat must show again: tokens are fresh each time.
fn digest(data: &Value) -> u64 {
    let mut data = data.clone();
    if let Some(members) = data.as_object_mut() {
        members.remove("token");
    }
    let mut hasher = DefaultHasher::new();
    data.to_string().hash(&mut hasher);
    hasher.finish()
}

//! `karmyq bench rolling`: what callers notice when three instances are restarted one after the other under load, and when
//! all but one are killed.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use clap::Args;
use hdrhistogram::Histogram;
use parking_lot::RwLock;
use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::exchange::Pair;
use super::ground::{self, Ground, Servers};
use super::report::{answer, histogram, note, quantile_ms};
use super::services::{Kind, Service};
use crate::api::{Api, Person};
use crate::terminal::{mention, say};

/// Instances.
const INSTANCES: usize = 3;
/// People who edit a request each, all the time.
const PEOPLE: usize = 64;
/// How long it goes on between two events.
const BETWEEN: Duration = Duration::from_secs(4);
/// A caller asks again after this long, at the next instance.
const AGAIN: Duration = Duration::from_millis(20);
/// An answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(5);
/// When nobody asks any more.
const GIVE_UP: Duration = Duration::from_secs(60);

/// How to answer, and where.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Arguments {
    /// Answer with one JSON object on standard output
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    servers: Servers,
}

/// What was measured; `--json` prints exactly these fields. Times are those of commands, from the first attempt to the
/// answer, in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
struct Report {
    /// While nothing happens.
    quiet: Times,
    /// While one instance after the other is stopped, and started again.
    restarts: Times,
    /// While all but one are killed.
    killed: Times,
    /// Commands whose answer was asked for again at the end, and was the same.
    repeated: usize,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Times {
    commands: u64,
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
}

/// Measures and reports.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode> {
    let report = ground::on(arguments.servers, async |ground| measure(ground).await).await?;
    answer(&report, arguments.json, Report::tell)
}

impl Report {
    fn tell(&self) {
        let Self { quiet, restarts, killed, repeated } = self;
        for (what, it) in [
            ("nothing happens", quiet),
            ("one after the other restarts", restarts),
            ("all but one are killed", killed),
        ] {
            let Times { commands, p50_ms, p99_ms, max_ms } = it;
            say(format_args!(
                "{what:<30} {commands:>8} commands, p50 {p50_ms:.1} ms, p99 {p99_ms:.1} ms, max {max_ms:.0} ms"
            ));
        }
        say(format_args!("{repeated} commands were asked for again: every answer was the first one"));
    }
}

impl Times {
    fn of(all: &Histogram<u64>) -> Self {
        let (p50_ms, p99_ms) = (quantile_ms(all, 0.5), quantile_ms(all, 0.99));
        Self { commands: all.len(), p50_ms, p99_ms, max_ms: quantile_ms(all, 1.0) }
    }
}

async fn measure(ground: &Ground) -> Result<Report> {
    let mut instances = Vec::new();
    for _ in 0..INSTANCES {
        instances.push(Service::start(ground, Kind::CommandApi).await?);
    }
    mention("settling people");
    let api = Api::new(&instances[0].url(), &instances[0].url())?;
    let mut pairs = JoinSet::new();
    for number in 0..PEOPLE {
        let api = api.clone();
        pairs.spawn(async move { Pair::settle(&api, number).await });
    }
    let mut people = Vec::new();
    for pair in pairs.join_all().await {
        people.push(Caller::asks(&api, pair?).await?);
    }
    let addresses = Arc::new(RwLock::new(instances.iter().map(Service::url).collect::<Vec<_>>()));

    mention("nothing happens");
    let nothing = async {
        tokio::time::sleep(BETWEEN).await;
        Ok(())
    };
    let (people, quiet) = during(people, &addresses, nothing).await?;
    mention("restarting one after the other");
    let restarting = async {
        for index in 0..INSTANCES {
            // Callers find its address dead until the next one is ready, as those do whom nobody has told.
            instances.remove(0).stop().await?;
            let fresh = Service::start(ground, Kind::CommandApi).await?;
            addresses.write()[index] = fresh.url();
            instances.push(fresh);
            tokio::time::sleep(BETWEEN).await;
        }
        Ok(())
    };
    let (people, restarts) = during(people, &addresses, restarting).await?;
    mention("killing all but one");
    let killing = async {
        // Whichever are the owners of requests, one of them is among these.
        instances.truncate(1);
        tokio::time::sleep(3 * BETWEEN).await;
        Ok(())
    };
    let (people, killed) = during(people, &addresses, killing).await?;
    let repeated = people.len();
    for mut caller in people {
        caller.repeat(&addresses).await?;
    }
    for it in instances {
        it.stop().await?;
    }
    let (quiet, restarts, killed) = (Times::of(&quiet), Times::of(&restarts), Times::of(&killed));
    Ok(Report { quiet, restarts, killed, repeated })
}

/// Lets everybody edit for as long as something happens; how long each command took.
async fn during(
    people: Vec<Caller>,
    addresses: &Arc<RwLock<Vec<String>>>,
    happens: impl Future<Output = Result<()>>,
) -> Result<(Vec<Caller>, Histogram<u64>)> {
    let enough = CancellationToken::new();
    let mut editing = JoinSet::new();
    for mut caller in people {
        let (addresses, enough) = (Arc::clone(addresses), enough.clone());
        editing.spawn(async move {
            let mut took = histogram();
            while !enough.is_cancelled() {
                note(&mut took, caller.edit(&addresses).await?);
            }
            anyhow::Ok((caller, took))
        });
    }
    happens.await?;
    enough.cancel();
    let (mut people, mut all) = (Vec::new(), histogram());
    for ended in editing.join_all().await {
        let (caller, took) = ended?;
        people.push(caller);
        all.add(took)?;
    }
    Ok((people, all))
}

/// Somebody who edits a request, and asks any instance until one answers.
struct Caller {
    client: reqwest::Client,
    person: Person,
    request: String,
    edits: u64,
    turn: usize,
    last: Value,
}

impl Caller {
    async fn asks(api: &Api, pair: Pair) -> Result<Self> {
        let body = json!({
            "communityId": pair.community,
            "title": "Somebody to water the plants",
            "description": "For two weeks in August, every other day",
        });
        let asked = api.command(&pair.requester, Method::POST, "/requests", &body).await?;
        let client = reqwest::Client::builder().timeout(PATIENCE).build()?;
        let (request, person) = (asked.text("/id")?.to_owned(), pair.requester);
        Ok(Self { client, person, request, edits: 0, turn: 0, last: Value::Null })
    }

    /// The next edit; how long it took.
    async fn edit(&mut self, addresses: &RwLock<Vec<String>>) -> Result<Duration> {
        self.edits += 1;
        let began = Instant::now();
        self.last = self.ask(addresses).await?;
        Ok(began.elapsed())
    }

    /// Asks for the last edit again.
    async fn repeat(&mut self, addresses: &RwLock<Vec<String>>) -> Result<()> {
        let again = self.ask(addresses).await?;
        ensure!(again == self.last, "the answer was {}, and is {again}", self.last);
        Ok(())
    }

    /// Asks until somebody answers, at one instance after the other; the data of the answer.
    async fn ask(&mut self, addresses: &RwLock<Vec<String>>) -> Result<Value> {
        let key = format!("{}-{}", self.request, self.edits);
        let body = json!({"title": format!("Somebody to water the plants, version {}", self.edits)});
        let give_up = Instant::now() + GIVE_UP;
        loop {
            let base = {
                let addresses = addresses.read();
                addresses[self.turn % addresses.len()].clone()
            };
            let url = format!("{base}/api/v1/requests/{}", self.request);
            let call = self.client.put(url).bearer_auth(&self.person.token).header("Idempotency-Key", &key);
            let why = match call.json(&body).send().await {
                Ok(reply) if reply.status() == StatusCode::SERVICE_UNAVAILABLE => "503".to_owned(),
                Ok(reply) => {
                    let status = reply.status();
                    match reply.json::<Value>().await {
                        Ok(mut body) if status.is_success() => return Ok(body["data"].take()),
                        Ok(body) => bail!("{status}: {body}"),
                        Err(error) => error.to_string(),
                    }
                }
                Err(error) => error.to_string(),
            };
            ensure!(Instant::now() < give_up, "nobody answers: {why}");
            self.turn += 1;
            tokio::time::sleep(AGAIN).await;
        }
    }
}

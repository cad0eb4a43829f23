//! Ours: an account is a request for help, opening it is asking, and a command edits its title: one event, with sealed
//! texts and the whole envelope. In this process, without HTTP, like everybody else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use command_api::writer::SnapshotConfig;
use event_log::TopicPartition;
use event_schemas::{Domain, topics};
use projectors::rebuild::{Options, rebuild};
use sqlx::PgPool;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::report::{Load, Measured, Rebuild};
use super::{CLIENTS, Workload};
use crate::commands::bench::closed_loop::{self, Answer, Carrier as _};
use crate::commands::bench::exchange::{Exchange, Pair};
use crate::commands::bench::ground::Ground;
use crate::commands::bench::in_process::{Client, Writer};
use crate::commands::bench::report::ClosedLoop;
use crate::commands::bench::write;
use crate::engine::Engine;

/// Clients that open the accounts.
const OPENERS: usize = 64;
/// Records that are counted at a time.
const BATCH: usize = 5_000;
/// How long it may take to count those of a partition.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often it is looked at whether the end is reached.
const LOOK: Duration = Duration::from_millis(20);
/// The projection with a row per request.
const PROJECTION: &str = "requests";

/// Our servers with people who ask.
#[derive(Debug)]
pub(super) struct Ours {
    engine: Engine,
    owner: PgPool,
    pairs: Vec<Arc<Pair>>,
    /// Commands accepted so far, by all measurements on these servers.
    accepted: u64,
}

/// An account, and how many commands were sent to any.
#[derive(Debug)]
struct Accounts {
    all: Vec<(Arc<Pair>, String)>,
    commands: AtomicUsize,
}

impl Ours {
    /// Registers people, over HTTP.
    pub(super) async fn settle(ground: &Ground) -> Result<Self> {
        let pairs = write::settle(ground).await.context("settling people")?;
        let engine = Engine::connect(ground.settings()).await?;
        Ok(Self { engine, owner: write::owner(ground)?, pairs, accepted: 0 })
    }

    /// Runs the workload.
    pub(super) async fn measure(&mut self, name: &str, synced: bool, workload: Workload) -> Result<Measured> {
        let writer = Writer::start(&self.engine, SnapshotConfig::default()).await?;
        let accounts = Arc::new(self.open(&writer.client(), workload.accounts).await?);
        let mut accepted = u64::from(workload.accounts);
        let mut loads = Vec::new();
        for clients in CLIENTS {
            let editors = (0..clients as u64).map(|seed| Editor {
                writer: writer.client(),
                accounts: Arc::clone(&accounts),
                chance: fastrand::Rng::with_seed(seed),
            });
            let load = closed_loop::run(editors.collect(), workload.plan).await?;
            accepted += load.answered;
            loads.push(Load { seen: ClosedLoop::of(clients, &load), conflicts: 0 });
        }
        writer.stop().await?;
        self.accepted += accepted;
        Ok(Measured {
            name: name.to_owned(),
            version: "this clone".to_owned(),
            settings:
                "one instance without HTTP, all partitions, snapshots as by default; rebuild into requests"
                    .to_owned(),
            durability: self.durability(synced),
            accepted,
            loads,
            rebuild: self.rebuild().await?,
        })
    }

    fn durability(&self, synced: bool) -> String {
        let profile = self.engine.profile;
        let synced = match synced {
            true => "every append synced (flush.messages=1)",
            false => "no sync of its own (flush.messages default)",
        };
        let (replicas, in_sync) = (profile.replication(), profile.min_in_sync_replicas());
        format!("Kafka: acks=all, replicas {replicas}, min.insync.replicas {in_sync}, {synced}")
    }

    async fn open(&self, client: &Client, accounts: u32) -> Result<Accounts> {
        let mut openers = JoinSet::new();
        for opener in 0..OPENERS {
            let pairs = self.pairs.iter().cycle().take(accounts as usize);
            let pairs: Vec<_> = pairs.skip(opener).step_by(OPENERS).cloned().collect();
            openers.spawn(ask(client.clone(), pairs));
        }
        let mut all = Vec::with_capacity(accounts as usize);
        while let Some(asked) = openers.join_next().await {
            all.extend(asked??);
        }
        Ok(Accounts { all, commands: AtomicUsize::new(0) })
    }

    /// Rebuilds, and compares log and rows with what was accepted.
    async fn rebuild(&self) -> Result<Rebuild> {
        let (accepted, events) = (self.accepted, self.events().await?);
        ensure!(accepted == events, "{accepted} commands were accepted, but the log has {events} events");
        let report = rebuild(
            &self.engine.source(),
            &self.owner,
            PROJECTION,
            &Options::default(),
            |_| {},
            &CancellationToken::new(),
        )
        .await?;
        ensure!(report.parked == 0, "{} events could not be folded", report.parked);
        let sql = "SELECT coalesce(sum(version), 0)::bigint FROM requests.help_requests";
        let folded: i64 = sqlx::query_scalar(sql).fetch_one(&self.owner).await?;
        ensure!(u64::try_from(folded)? == events, "{events} events, but the rows have {folded}");
        let seconds = report.folding_seconds + report.writing_seconds + report.swapping_seconds;
        Ok(Rebuild { events, events_per_second: events as f64 / seconds, into: "PostgreSQL".to_owned() })
    }

    /// Committed events of requests.
    async fn events(&self) -> Result<u64> {
        let (topic, log) = (Domain::Request.events_topic(), &self.engine.log);
        let mut events = 0;
        for partition in 0..topics::partitions(Domain::Request, self.engine.profile) {
            let of = TopicPartition::new(topic, partition);
            let end = log.high_watermark(&of).await?;
            let (mut reader, deadline) =
                (log.reader(vec![(of.clone(), 0)]).await?, Instant::now() + PATIENCE);
            // The last offset is a transaction's marker, which is skipped: only the position tells that it was reached.
            while reader.position(&of).is_none_or(|it| it < end) {
                ensure!(Instant::now() < deadline, "{of} was not read up to {end} in time");
                events += reader.next(BATCH, LOOK).await?.len() as u64;
            }
        }
        Ok(events)
    }
}

/// Asks once for each of these pairs; what was asked.
async fn ask(mut client: Client, pairs: Vec<Arc<Pair>>) -> Result<Vec<(Arc<Pair>, String)>> {
    let mut asked = Vec::with_capacity(pairs.len());
    for pair in pairs {
        let Answer::Done(Some(request)) = client.carry(&pair, &Exchange::default()).await? else {
            bail!("nothing was asked");
        };
        asked.push((pair, request));
    }
    Ok(asked)
}

/// A client that edits any account, again and again.
struct Editor {
    writer: Client,
    accounts: Arc<Accounts>,
    chance: fastrand::Rng,
}

impl closed_loop::Client for Editor {
    async fn command(&mut self) -> Result<()> {
        let (pair, request) = &self.accounts.all[self.chance.usize(..self.accounts.all.len())];
        let times = self.accounts.commands.fetch_add(1, Ordering::Relaxed) + 1;
        let answer = self.writer.carry(pair, &Exchange::edited(request.clone(), times)).await?;
        closed_loop::done(answer)?;
        Ok(())
    }
}

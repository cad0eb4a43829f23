//! `cqrs-es` with `postgres-es`: a snapshot store, and views of the framework's own making.
//!
//! An event carries the balance after it, so taking one in twice is harmless. That is needed: `cqrs-es` 0.5.0 applies an
//! event when the aggregate writes it, and once more when it makes the snapshot.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use account::{About, Account, Action, Bank, Command, Entry, Peer, ReadModel, Refusal, Server};
use anyhow::{Result, anyhow, ensure};
use cqrs_es::event_sink::EventSink;
use cqrs_es::persist::{GenericQuery, QueryReplay};
use cqrs_es::{Aggregate, AggregateError, DomainEvent, EventEnvelope, View};
use postgres_es::{PostgresCqrs, PostgresEventRepository, PostgresViewRepository, postgres_snapshot_cqrs};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use tokio::task::JoinSet;

/// Connections; more gain nothing on two cores.
const CONNECTIONS: u32 = 16;
/// Events of an aggregate from snapshot to snapshot.
const SNAPSHOT_EVERY: usize = 10;
/// Accounts that are replayed side by side.
const REPLAYED_AT_ONCE: usize = 16;

/// The framework's `db/init.sql`, with the view of this program.
const TABLES: &str = include_str!("tables.sql");

/// The rules of `account` as an aggregate of the framework.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
struct Aggregated(Account);

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
enum AccountEvent {
    Opened(Entry),
    Deposited(Entry),
    Withdrawn(Entry),
}

/// A row of the read model.
#[derive(Debug, Default, Deserialize, Serialize)]
struct Row(Account);

type Views = PostgresViewRepository<Row, Aggregated>;

#[derive(Clone)]
struct CqrsEs {
    pool: PgPool,
    framework: Arc<PostgresCqrs<Aggregated>>,
    conflicts: Arc<AtomicU64>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let pool = account::pool(CONNECTIONS).await?;
    sqlx::raw_sql(TABLES).execute(&pool).await?;
    let framework = Arc::new(postgres_snapshot_cqrs(pool.clone(), vec![], SNAPSHOT_EVERY, ()));
    let peer = CqrsEs { pool: pool.clone(), framework, conflicts: Arc::default() };
    account::run(peer, Server::new(pool)).await
}

impl Bank for CqrsEs {
    async fn carry(&self, command: &Command) -> Result<()> {
        let id = command.account.to_string();
        loop {
            match self.framework.execute(&id, command.clone()).await {
                Ok(()) => return Ok(()),
                Err(AggregateError::AggregateConflict) => {
                    self.conflicts.fetch_add(1, Ordering::Relaxed);
                }
                Err(other) => return Err(anyhow!(other)),
            }
        }
    }

    fn conflicts(&self) -> u64 {
        self.conflicts.load(Ordering::Relaxed)
    }
}

impl Peer for CqrsEs {
    fn about(&self) -> About {
        About {
            name: "cqrs-es",
            version: "cqrs-es 0.5.0, postgres-es 0.5.0",
            settings: "snapshot store, one every 10 events; 16 connections; views by GenericQuery, 16 accounts replayed at once",
        }
    }

    async fn events(&self) -> Result<u64> {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM events").fetch_one(&self.pool).await?;
        Ok(count.try_into()?)
    }

    async fn rebuild(&self) -> Result<()> {
        let ids: Vec<String> =
            sqlx::query_scalar("SELECT DISTINCT aggregate_id FROM events").fetch_all(&self.pool).await?;
        let failed = Arc::new(AtomicU64::new(0));
        let mut replaying = JoinSet::new();
        for number in 0..REPLAYED_AT_ONCE {
            let ids: Vec<_> = ids.iter().skip(number).step_by(REPLAYED_AT_ONCE).cloned().collect();
            replaying.spawn(replay(self.pool.clone(), ids, Arc::clone(&failed)));
        }
        while let Some(ended) = replaying.join_next().await {
            ended??;
        }
        let failed = failed.load(Ordering::Relaxed);
        ensure!(failed == 0, "{failed} events did not come into the view");
        Ok(())
    }

    async fn read_model(&self) -> Result<ReadModel> {
        let sql = "SELECT count(*), sum((payload->>'version')::bigint)::bigint, sum((payload->>'balance')::bigint)::bigint \
                   FROM account_view";
        let (accounts, events, balance): (i64, i64, i64) = sqlx::query_as(sql).fetch_one(&self.pool).await?;
        Ok(ReadModel { accounts: accounts.try_into()?, events: events.try_into()?, balance })
    }
}

/// Replays these accounts into the view.
async fn replay(pool: PgPool, ids: Vec<String>, failed: Arc<AtomicU64>) -> Result<()> {
    let views = Arc::new(Views::new("account_view", pool.clone()));
    let mut query = GenericQuery::<Views, Row, Aggregated>::new(views);
    let failures = Arc::clone(&failed);
    query.use_error_handler(Box::new(move |_| _ = failures.fetch_add(1, Ordering::Relaxed)));
    let mut replay = QueryReplay::new(PostgresEventRepository::new(pool), query);
    replay.use_error_handler(Box::new(move |_| _ = failed.fetch_add(1, Ordering::Relaxed)));
    for id in ids {
        replay.replay(&id).await.map_err(|it| anyhow!(it))?;
    }
    Ok(())
}

impl AccountEvent {
    const fn entry(&self) -> &Entry {
        let (Self::Opened(entry) | Self::Deposited(entry) | Self::Withdrawn(entry)) = self;
        entry
    }
}

impl DomainEvent for AccountEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Opened(_) => "Opened",
            Self::Deposited(_) => "Deposited",
            Self::Withdrawn(_) => "Withdrawn",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}

impl Aggregate for Aggregated {
    const TYPE: &'static str = "account";
    type Command = Command;
    type Event = AccountEvent;
    type Error = Refusal;
    type Services = ();

    async fn handle(&mut self, command: Command, (): &(), sink: &EventSink<Self>) -> Result<(), Refusal> {
        let entry = self.0.decide(&command)?;
        let event = match command.action {
            Action::Open => AccountEvent::Opened(entry),
            Action::Deposit => AccountEvent::Deposited(entry),
            Action::Withdraw => AccountEvent::Withdrawn(entry),
        };
        sink.write(event, self).await;
        Ok(())
    }

    fn apply(&mut self, event: AccountEvent) {
        self.0.evolve(event.entry());
    }
}

impl View<Aggregated> for Row {
    fn update(&mut self, event: &EventEnvelope<Aggregated>) {
        self.0.evolve(event.payload.entry());
    }
}

//! `disintegrate` with `disintegrate-postgres`: decisions on a state query, a read model by a listener.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use account::{About, Account, Action, Bank, Command, Entry, Peer, ReadModel, Refusal, Server};
use anyhow::{Result, anyhow};
use async_trait::async_trait;
use disintegrate::serde::json::Json;
use disintegrate::{
    Decision, DecisionError, Event, EventListener, PersistedEvent, StateMutate, StateQuery, StreamQuery,
    query,
};
use disintegrate_postgres::{
    PgDecisionMaker, PgEventId, PgEventListener, PgEventListenerConfig, PgEventStore, PgSnapshotter,
    WithPgSnapshot, decision_maker,
};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use tokio::sync::{Notify, Semaphore};

/// Decisions at a time, each with a connection; others wait. With more, serializable transactions fail each other.
const AT_ONCE: u32 = 8;
/// Events that a state takes in before it is worth a snapshot.
const SNAPSHOT_EVERY: u64 = 10;

/// The event store's tables, and the read model's.
const TABLES: &str = include_str!("tables.sql");

#[derive(Clone, Debug, Deserialize, Event, Eq, PartialEq, Serialize)]
#[stream(AccountEvent, [Opened, Deposited, Withdrawn])]
enum DomainEvent {
    Opened {
        #[id]
        account: i64,
        entry: Entry,
    },
    Deposited {
        #[id]
        account: i64,
        entry: Entry,
    },
    Withdrawn {
        #[id]
        account: i64,
        entry: Entry,
    },
}

/// The rules of `account` as a state of the framework.
#[derive(Clone, Debug, Default, Deserialize, Serialize, StateQuery)]
#[state_query(AccountEvent)]
struct Queried {
    #[id]
    account: i64,
    state: Account,
}

type Store = PgEventStore<DomainEvent, Json<DomainEvent>>;

#[derive(Clone)]
struct Disintegrate {
    pool: PgPool,
    store: Store,
    maker: Arc<PgDecisionMaker<DomainEvent, Json<DomainEvent>, WithPgSnapshot>>,
    turns: Arc<Semaphore>,
    conflicts: Arc<AtomicU64>,
}

/// A command as a decision.
struct Carried(Command);

/// Fills the read model.
struct Rows {
    pool: PgPool,
    query: StreamQuery<PgEventId, AccountEvent>,
    left: AtomicU64,
    done: Arc<Notify>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let pool = account::pool(AT_ONCE).await?;
    sqlx::raw_sql(TABLES).execute(&pool).await?;
    let store = PgEventStore::new_uninitialized(pool.clone(), Json::default());
    let snapshots = PgSnapshotter::try_new(pool.clone(), SNAPSHOT_EVERY).await?;
    let maker = Arc::new(decision_maker(store.clone(), WithPgSnapshot::new(snapshots)));
    let peer = Disintegrate {
        pool: pool.clone(),
        store,
        maker,
        turns: Arc::new(Semaphore::new(AT_ONCE as usize)),
        conflicts: Arc::default(),
    };
    account::run(peer, Server::new(pool)).await
}

impl Bank for Disintegrate {
    async fn carry(&self, command: &Command) -> Result<()> {
        let _turn = self.turns.acquire().await?;
        loop {
            match self.maker.make(Carried(command.clone())).await {
                Ok(_) => return Ok(()),
                Err(error) if is_conflict(&error) => {
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

/// Whether a decision has to be made again: another one came between, or PostgreSQL could not order the two.
fn is_conflict(error: &DecisionError<Refusal>) -> bool {
    let (DecisionError::EventStore(error) | DecisionError::StateStore(error)) = error else { return false };
    match error.downcast_ref() {
        Some(disintegrate_postgres::Error::Concurrency) => true,
        Some(disintegrate_postgres::Error::Database(sqlx::Error::Database(it))) => {
            it.code().is_some_and(|it| it == "40001")
        }
        _ => false,
    }
}

impl Peer for Disintegrate {
    fn about(&self) -> About {
        About {
            name: "disintegrate",
            version: "disintegrate 4.0.0, disintegrate-postgres 4.0.1",
            settings: "snapshots every 10 events; 8 decisions at a time, each with a connection; JSON; listener writes a row per event",
        }
    }

    async fn events(&self) -> Result<u64> {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM event").fetch_one(&self.pool).await?;
        Ok(count.try_into()?)
    }

    async fn rebuild(&self) -> Result<()> {
        let done = Arc::new(Notify::new());
        let rows = Rows {
            pool: self.pool.clone(),
            query: query!(AccountEvent),
            left: AtomicU64::new(self.events().await?),
            done: Arc::clone(&done),
        };
        PgEventListener::builder(self.store.clone())
            .register_listener(rows, PgEventListenerConfig::poller(Duration::from_millis(50)))
            .start_with_shutdown(async move { done.notified().await })
            .await?;
        Ok(())
    }

    async fn read_model(&self) -> Result<ReadModel> {
        let sql = "SELECT count(*), sum(version)::bigint, sum(balance)::bigint FROM account_row";
        let (accounts, events, balance): (i64, i64, i64) = sqlx::query_as(sql).fetch_one(&self.pool).await?;
        Ok(ReadModel { accounts: accounts.try_into()?, events: events.try_into()?, balance })
    }
}

impl Decision for Carried {
    type Event = DomainEvent;
    type StateQuery = Queried;
    type Error = Refusal;

    fn state_query(&self) -> Queried {
        Queried { account: self.0.account, state: Account::default() }
    }

    fn process(&self, state: &Queried) -> Result<Vec<DomainEvent>, Refusal> {
        let entry = state.state.decide(&self.0)?;
        let account = self.0.account;
        Ok(vec![match self.0.action {
            Action::Open => DomainEvent::Opened { account, entry },
            Action::Deposit => DomainEvent::Deposited { account, entry },
            Action::Withdraw => DomainEvent::Withdrawn { account, entry },
        }])
    }
}

impl AccountEvent {
    const fn entry(&self) -> &Entry {
        let (Self::Opened { entry, .. } | Self::Deposited { entry, .. } | Self::Withdrawn { entry, .. }) =
            self;
        entry
    }
}

impl StateMutate for Queried {
    fn mutate(&mut self, event: AccountEvent) {
        self.state.evolve(event.entry());
    }
}

#[async_trait]
impl EventListener<PgEventId, AccountEvent> for Rows {
    type Error = sqlx::Error;

    fn id(&self) -> &'static str {
        "account_row"
    }

    fn query(&self) -> &StreamQuery<PgEventId, AccountEvent> {
        &self.query
    }

    async fn handle(&self, event: PersistedEvent<PgEventId, AccountEvent>) -> Result<(), sqlx::Error> {
        let entry = event.entry();
        sqlx::query(
            "INSERT INTO account_row VALUES ($1, $2, $3) ON CONFLICT (account) DO UPDATE \
             SET balance = excluded.balance, version = excluded.version WHERE account_row.version < excluded.version",
        )
        .bind(entry.account)
        .bind(entry.balance)
        .bind(entry.version)
        .execute(&self.pool)
        .await?;
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.done.notify_one();
        }
        Ok(())
    }
}

//! A world for one test: a fresh database with all migrations, a log in memory, projectors on request.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use event_log::{
    Decoder, Encoder, EventLog as _, Held, KeyRing, LogError, MasterKey, MemoryLog, NewRecord, SchemaSource,
    TopicPartition,
};
use event_schemas::topics::{self, Profile};
use event_schemas::{Codec, Event, Payload as _, Recorded, SchemaId, Timestamp, entries};
use parking_lot::Mutex;
use projectors::rebuild::{Options, rebuild};
use projectors::verify::Checksum;
use projectors::{Decoding, Limits, Registration, Source, app, registry, verify};
use service_kit::health::Health;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, PgPool};
use tests::author::Author;
use tests::eventually::eventually;
use tests::leftovers::leftovers;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How long projectors may take to fold what a test appends.
const FOLDED: Duration = Duration::from_secs(20);

pub(crate) const PROFILE: Profile = Profile::Small;

/// A database of its own and a log of its own.
pub(crate) struct World {
    database: String,
    pub(crate) source: Source,
    pub(crate) schemas: Arc<Schemas>,
    keys: KeyRing,
    encoder: Encoder,
    log: MemoryLog,
    author: Author,
    stop: CancellationToken,
}

impl World {
    pub(crate) async fn new() -> Self {
        let database = format!("read_side_{}", Uuid::now_v7().simple());
        administer(format!("CREATE DATABASE {database} OWNER karmyq_owner")).await;
        let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations");
        let migrator = sqlx::migrate::Migrator::new(migrations).await.expect("migrations are readable");
        migrator.run(&pool("MIGRATIONS_DATABASE_URL", &database)).await.expect("migrations run");

        let log = MemoryLog::new();
        let manifest = topics::manifest(PROFILE);
        log.create_topics(&manifest, 1).await.expect("topics are new");
        let schemas = Arc::new(Schemas::default());
        let decoder = Decoder::new(Codec::local(), schemas.clone());
        let encoder = Encoder::new(Codec::local(), &manifest);
        let stop = CancellationToken::new();
        let shared: Arc<dyn event_log::EventLog> = Arc::new(log.clone());
        let master = MasterKey::new([7; 32]);
        let keys = KeyRing::follow(shared.clone(), decoder.clone(), encoder.clone(), master, 1, stop.clone())
            .await
            .expect("keys can be followed");
        let source = Source { log: shared, decoding: Decoding::new(decoder, keys.clone()), profile: PROFILE };
        let author = Author::join(&log, "test").await;
        Self { database, source, schemas, keys, encoder, log, author, stop }
    }

    /// Connections as the owner, as `./dev env` names the variables of the roles.
    pub(crate) fn owner(&self) -> PgPool {
        pool("MIGRATIONS_DATABASE_URL", &self.database)
    }

    /// Connections as query-api.
    pub(crate) fn reader(&self) -> PgPool {
        pool("DATABASE_URL_QUERY_API", &self.database)
    }

    /// Connections as the projectors.
    pub(crate) fn projector(&self) -> PgPool {
        pool("DATABASE_URL_PROJECTORS", &self.database)
    }

    /// Appends events in one transaction, sealed as the writer seals them.
    pub(crate) async fn append(&mut self, events: Vec<Recorded<Event>>) {
        let records = self.encode(events);
        self.append_records(records).await;
    }

    /// The records of events, sealed as the writer seals them, with those of the keys that this takes.
    pub(crate) fn encode(&self, events: Vec<Recorded<Event>>) -> Vec<NewRecord> {
        let mut records = Vec::new();
        for mut event in events {
            records.extend(self.keys.seal(&mut event, Timestamp::from_micros(1)).expect("fields are sealed"));
            let topic = event.payload.entry().topic();
            let partition = self.encoder.partition(topic, event.envelope.aggregate_id.as_bytes());
            records.push(self.encoder.event(&event, partition, None, None).expect("it fits its schema"));
        }
        records
    }

    /// Appends records as they are.
    pub(crate) async fn append_records(&mut self, records: Vec<NewRecord>) {
        self.author.append(records).await;
    }

    /// Appends records in a transaction that stays open until the answer is released.
    pub(crate) async fn append_and_hang(&self, records: Vec<NewRecord>) -> Held {
        let mut held = self.log.hold_next();
        let mut lane = self.log.lane("hanging").await.expect("a lane");
        let window = self.author.window(records);
        tokio::spawn(async move { lane.append(window).await });
        held.reached().await;
        held
    }

    /// Ends every connection to the database, and lets nobody in until [`Self::let_in`].
    pub(crate) async fn lock_out(&self) {
        let Self { database, .. } = self;
        administer(format!("ALTER DATABASE {database} ALLOW_CONNECTIONS false")).await;
        administer(format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"
        ))
        .await;
    }

    /// The database can be reached again.
    pub(crate) async fn let_in(&self) {
        administer(format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", self.database)).await;
    }

    /// Where the records of a key are appended.
    pub(crate) fn partition_of(&self, topic: &str, key: &str) -> TopicPartition {
        TopicPartition::new(topic, self.encoder.partition(topic, key.as_bytes()))
    }

    /// Starts projectors for all projections.
    pub(crate) fn start(&self) -> Running {
        self.start_with(registry::PROJECTIONS.iter().collect(), Limits::default())
    }

    /// Starts projectors for these projections.
    pub(crate) fn start_with(&self, projections: Vec<&'static Registration>, limits: Limits) -> Running {
        let (shutdown, health) = (self.stop.child_token(), Health::new("projectors"));
        let (source, pool, stop) = (self.source.clone(), self.projector(), shutdown.clone());
        let told = health.clone();
        let task = tokio::spawn(async move {
            app::project(&source, &pool, projections, limits, &told, stop).await;
        });
        Running { health, shutdown, task }
    }

    /// The data keys.
    pub(crate) fn keys(&self) -> KeyRing {
        self.keys.clone()
    }

    /// Waits until every projection has folded everything.
    pub(crate) async fn folded(&self) {
        let pool = self.owner();
        eventually("every projection has folded everything", FOLDED, || async {
            let status =
                projectors::status::look(&self.source, &pool, None).await.expect("status can be told");
            let lags = |it: &projectors::status::PartitionStatus| it.lag_events != Some(0);
            (!status.iter().any(|it| it.partitions.iter().any(lags))).then_some(())
        })
        .await;
    }

    /// Connections as the superuser.
    pub(crate) fn superuser(&self) -> PgPool {
        pool("DATABASE_URL_SUPERUSER", &self.database)
    }

    /// Rebuilds a projection.
    pub(crate) async fn rebuild(&self, name: &str) {
        let never = CancellationToken::new();
        let report = rebuild(&self.source, &self.owner(), name, &Options::default(), |_| {}, &never).await;
        report.expect("it is rebuilt");
    }

    /// All tables.
    pub(crate) async fn tables(&self) -> Vec<String> {
        sqlx::query_scalar(
            "SELECT schemaname || '.' || tablename FROM pg_tables
             WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1",
        )
        .fetch_all(&self.owner())
        .await
        .expect("the catalog is readable")
    }

    /// Tables of versions that are neither live nor kept.
    pub(crate) async fn leftovers(&self) -> Vec<String> {
        leftovers(&self.superuser()).await.expect("the catalog is readable")
    }

    /// The checksums of all read tables.
    pub(crate) async fn checksums(&self) -> Vec<(&'static str, Checksum)> {
        let (pool, mut all) = (self.owner(), Vec::new());
        for registration in registry::PROJECTIONS {
            all.extend(verify::checksums(&pool, registration.name).await.expect("checksums can be told"));
        }
        all
    }

    /// Every projection's rows are what the log says.
    pub(crate) async fn verify(&self) {
        let pool = self.owner();
        for registration in registry::PROJECTIONS {
            let verified = verify::verify(&self.source, &pool, registration.name, false, |_| {}).await;
            let verified = verified.expect("it can be verified");
            assert!(verified.equal, "{verified:?}");
        }
    }

    pub(crate) async fn drop(self) {
        self.stop.cancel();
        administer(format!("DROP DATABASE {} WITH (FORCE)", self.database)).await;
    }
}

/// A registry that does not know schemas from 10 000 on until it is told to: a round's are the local ones plus the round
/// times 10 000. Others it knows once they are taught.
#[derive(Debug, Default)]
pub(crate) struct Schemas {
    rounds: Mutex<HashSet<u32>>,
    taught: Mutex<HashMap<SchemaId, String>>,
}

impl Schemas {
    const ROUND: u32 = 10_000;

    /// Knows the schemas of a round from now on.
    pub(crate) fn learn(&self, round: u32) {
        self.rounds.lock().insert(round);
    }

    /// Makes the record one of a schema like its own, except that `from` in its text is `to`.
    pub(crate) fn write_as(&self, record: &mut NewRecord, from: &str, to: &str) {
        let value = record.value.as_mut().expect("events have values");
        let local = u32::from_be_bytes([value[1], value[2], value[3], value[4]]) as usize;
        let written = entries().nth(local - 1).expect("it has a schema").written_schema();
        let other = written.replacen(from, to, 1);
        assert_ne!(other, written, "{from} is not in it");
        let mut taught = self.taught.lock();
        let id = 1_000 + SchemaId::try_from(taught.len()).expect("a few");
        taught.insert(id, other);
        value[1..5].copy_from_slice(&id.to_be_bytes());
    }

    /// Makes the record one of a schema that the registry will know after [`Self::learn`].
    pub(crate) fn obscure(record: &mut NewRecord, round: u32) {
        let value = record.value.as_mut().expect("events have values");
        let id = u32::from_be_bytes([value[1], value[2], value[3], value[4]]) + round * Self::ROUND;
        value[1..5].copy_from_slice(&id.to_be_bytes());
    }
}

#[async_trait]
impl SchemaSource for Schemas {
    async fn fetch(&self, id: SchemaId) -> Result<String, LogError> {
        if let Some(taught) = self.taught.lock().get(&id) {
            return Ok(taught.clone());
        }
        let (round, local) = (id / Self::ROUND, (id % Self::ROUND) as usize);
        let entry = entries().nth(local.wrapping_sub(1)).filter(|_| self.rounds.lock().contains(&round));
        let entry = entry.ok_or_else(|| LogError::Refused(format!("schema {id} is unknown")))?;
        Ok(entry.written_schema().to_owned())
    }
}

/// Projectors that run.
pub(crate) struct Running {
    pub(crate) health: Health,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.expect("they end in order");
    }
}

/// A pool for one of the roles of `./dev env`, on another database.
fn pool(variable: &str, database: &str) -> PgPool {
    let url = std::env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} is not set: run `./dev test`, or `eval \"$(./dev env)\"` where servers run")
    });
    let options = PgConnectOptions::from_str(&url).expect("a database URL").database(database);
    PgPoolOptions::new().max_connections(10).connect_lazy_with(options.disable_statement_logging())
}

async fn administer(sql: String) {
    let postgres = pool("DATABASE_URL_SUPERUSER", "postgres");
    postgres.execute(AssertSqlSafe(sql)).await.expect("the superuser may do it");
    postgres.close().await;
}

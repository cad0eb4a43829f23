//! A world for one test: a fresh database with all migrations, a log in memory, query-api on a free port.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use event_log::{EventLog as _, MemoryLog, NewRecord, TopicPartition};
use event_schemas::topics::{self, Profile, Topic};
use event_schemas::{Domain, partitioner};
use query_api::{Config, MAX_CONCURRENT_CALLS};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::Value;
use service_kit::auth::{AUDIENCE, Claims, ISSUER, PlatformRole, PublicKeys, Signer, Verifier};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, PgPool};
use tests::author::Author;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const PRIVATE_KEY: &str = include_str!("../../service-kit/src/auth/test-key.pem");
const PUBLIC_KEY: &str = include_str!("../../service-kit/src/auth/test-key.pub.pem");
pub(crate) const PROFILE: Profile = Profile::Small;
/// Where a member app of another origin comes from.
pub(crate) const ALLOWED_ORIGIN: &str = "https://app.example";
/// Far beyond any test.
pub(crate) const TOKEN_LIFE_S: i64 = 600;

/// query-api, its database and its log.
pub(crate) struct World {
    pub(crate) database: String,
    keys: PathBuf,
    pub(crate) projector: PgPool,
    pub(crate) command: PgPool,
    pub(crate) owner: PgPool,
    instances: Vec<Instance>,
    client: Client,
    signer: Signer,
    log: Arc<MemoryLog>,
    author: Author,
}

/// A running query-api.
struct Instance {
    address: SocketAddr,
    base: String,
    stop: CancellationToken,
    service: JoinHandle<anyhow::Result<()>>,
}

impl Instance {
    /// Starts one on a free port, for as many calls as come.
    async fn start(database: &str, keys: &Path, log: &Arc<MemoryLog>) -> Self {
        // Counted, and never too many.
        Self::start_for(MAX_CONCURRENT_CALLS, 1_000_000.0, database, keys, log).await
    }

    /// The same for so many calls at once, and a multiple of what a minute usually has.
    async fn start_for(
        max_concurrent_calls: NonZeroUsize,
        rate_limit_multiplier: f64,
        database: &str,
        keys: &Path,
        log: &Arc<MemoryLog>,
    ) -> Self {
        let listener = service_kit::serve::bind(query_api::ANY_LOCAL_PORT).await.expect("a free port");
        let listen = listener.local_addr().expect("it listens");
        let url = options("DATABASE_URL_QUERY_API").database(database).to_url_lossy();
        let config = Config {
            listen,
            database_url: url.as_str().parse().expect("any text is a secret"),
            kafka: String::new(),
            registry: None,
            topic_profile: PROFILE,
            public_keys: keys.to_owned(),
            allowed_origins: vec![ALLOWED_ORIGIN.to_owned()],
            rate_limit_disabled: false,
            rate_limit_multiplier,
            max_concurrent_calls,
        };
        let (stop, log) = (CancellationToken::new(), Arc::clone(log));
        let service = tokio::spawn(query_api::run_on(listener, config, log, stop.clone()));
        Self { address: listen, base: format!("http://{listen}"), stop, service }
    }

    /// Ends it in order.
    async fn stop(self) {
        self.stop.cancel();
        self.service.await.expect("it does not panic").expect("it ends in order");
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) etag: Option<String>,
    pub(crate) body: Value,
}

impl Answer {
    /// `data` of a success.
    #[track_caller]
    pub(crate) fn data(&self) -> &Value {
        assert_eq!(self.status, StatusCode::OK, "{:?}", self.body);
        &self.body["data"]
    }

    /// The values of one field in a list.
    #[track_caller]
    pub(crate) fn each(&self, field: &str) -> Vec<String> {
        let items = self.data().as_array().expect("a list");
        items
            .iter()
            .map(|it| it[field].as_str().map_or_else(|| it[field].to_string(), str::to_owned))
            .collect()
    }

    /// Status and code of a refusal.
    pub(crate) fn refusal(&self) -> (u16, &str) {
        (self.status.as_u16(), self.body["error"]["code"].as_str().unwrap_or_default())
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::after(async |_| {}).await
    }

    /// One in whose database something is done before the service connects to it.
    pub(crate) async fn after(prepare: impl AsyncFnOnce(&str)) -> Self {
        let world = Self::begin(prepare, &topics::manifest(PROFILE)).await;
        world.ready(0).await;
        world
    }

    /// One that cannot follow the topic of notices yet, and is therefore not ready.
    pub(crate) async fn before_notices() -> Self {
        let mut topics = topics::manifest(PROFILE);
        topics.retain(|it| it.name != Domain::Notification.events_topic());
        Self::begin(async |_| {}, &topics).await
    }

    /// The topic of notices is there from now on.
    pub(crate) async fn begin_notices(&self) {
        self.log.create_topics(&topics::manifest(PROFILE), 1).await.expect("one is new");
    }

    async fn begin(prepare: impl AsyncFnOnce(&str), topics: &[Topic]) -> Self {
        let database = format!("query_side_{}", Uuid::now_v7().simple());
        administer(format!("CREATE DATABASE {database} OWNER karmyq_owner")).await;
        let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations");
        let migrator = sqlx::migrate::Migrator::new(migrations).await.expect("migrations are readable");
        let owner = pool("MIGRATIONS_DATABASE_URL", &database);
        migrator.run(&owner).await.expect("migrations run");
        prepare(&database).await;

        let log = MemoryLog::new();
        log.create_topics(topics, 1).await.expect("topics are new");
        let author = Author::join(&log, "test").await;

        let keys = std::env::temp_dir().join(&database);
        std::fs::create_dir_all(&keys).expect("a directory for the key");
        std::fs::write(keys.join("test.pem"), PUBLIC_KEY).expect("the key is written");
        let verifier = Verifier::new(PublicKeys::from_directory(&keys).expect("it is Ed25519"));
        let private = PRIVATE_KEY.parse().expect("any text is a secret");
        let signer = Signer::new(&private, &verifier).expect("the public half is there");

        let log = Arc::new(log);
        let instances = vec![Instance::start(&database, &keys, &log).await];
        Self {
            projector: pool("DATABASE_URL_PROJECTORS", &database),
            command: pool("DATABASE_URL_COMMAND_API", &database),
            database,
            keys,
            owner,
            instances,
            client: Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client"),
            signer,
            log,
            author,
        }
    }

    /// Starts another query-api beside the others and waits until it is ready.
    pub(crate) async fn another_instance(&mut self) {
        self.instances.push(Instance::start(&self.database, &self.keys, &self.log).await);
        self.ready(self.instances.len() - 1).await;
    }

    /// The same for so many calls at once, and a multiple of what a minute usually has.
    pub(crate) async fn another_instance_for(&mut self, calls: NonZeroUsize, multiplier: f64) {
        let (database, keys, log) = (&self.database, &self.keys, &self.log);
        self.instances.push(Instance::start_for(calls, multiplier, database, keys, log).await);
        self.ready(self.instances.len() - 1).await;
    }

    /// Ends a query-api in order and puts a new one in its place, elsewhere.
    pub(crate) async fn restart(&mut self, instance: usize) {
        let new = Instance::start(&self.database, &self.keys, &self.log).await;
        std::mem::replace(&mut self.instances[instance], new).stop().await;
        self.ready(instance).await;
    }

    /// Waits until the service is ready.
    async fn ready(&self, instance: usize) {
        tests::eventually::eventually("query-api is ready", Duration::from_secs(20), || async {
            let base = &self.instances[instance].base;
            let health = self.client.get(format!("{base}/health/ready")).send().await.ok()?;
            (health.status() == StatusCode::OK).then_some(())
        })
        .await;
    }

    /// Statements that wait for a lock on this table.
    pub(crate) async fn waiting_for(&self, table: &str) -> i64 {
        sqlx::query_scalar(
            "SELECT count(*) FROM pg_locks AS l
             WHERE NOT l.granted AND l.relation = $1::text::regclass
               AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())",
        )
        .bind(table)
        .fetch_one(&self.projector)
        .await
        .expect("everybody sees locks")
    }

    /// A token of this person.
    pub(crate) fn token(&self, user: Uuid) -> String {
        self.token_for(user, TOKEN_LIFE_S)
    }

    /// A token that lives so many seconds.
    pub(crate) fn token_for(&self, user: Uuid, life_s: i64) -> String {
        self.sign(user, life_s, None)
    }

    /// A token of this person, who is of the staff.
    pub(crate) fn operator_token(&self, user: Uuid) -> String {
        self.sign(user, TOKEN_LIFE_S, Some(PlatformRole::Operator))
    }

    fn sign(&self, user: Uuid, life_s: i64, platform_role: Option<PlatformRole>) -> String {
        let now =
            std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_secs().try_into().unwrap_or(i64::MAX);
        let claims = Claims {
            user_id: user,
            email: "somebody@example.org".to_owned(),
            community_memberships: Vec::new(),
            iat: now,
            exp: now + life_s,
            jti: Uuid::now_v7(),
            sub: user,
            sid: user,
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            email_verified: true,
            platform_role,
        };
        self.signer.sign(&claims).expect("the key signs")
    }

    /// A call without token; the path begins after `/api/v1`.
    pub(crate) fn call(&self, path: &str) -> RequestBuilder {
        self.call_at(0, path)
    }

    /// The same to one of several instances.
    pub(crate) fn call_at(&self, instance: usize, path: &str) -> RequestBuilder {
        self.client.get(format!("{}/api/v1{path}", self.instances[instance].base))
    }

    /// Where the first instance listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.instances[0].address
    }

    /// A path outside `/api/v1`.
    pub(crate) fn raw(&self, path: &str) -> RequestBuilder {
        self.raw_at(0, path)
    }

    /// The same of one of several instances.
    pub(crate) fn raw_at(&self, instance: usize, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.instances[instance].base))
    }

    /// A form that is sent to a path outside `/api/v1`; redirects are told, not followed.
    pub(crate) fn form(&self, path: &str, fields: &[(&str, &str)]) -> RequestBuilder {
        let encoded = |it: &str| it.bytes().map(|it| format!("%{it:02x}")).collect::<String>();
        let body: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        self.client.post(format!("{}{path}", self.instances[0].base)).body(body.join("&"))
    }

    /// Where a page of ours comes from.
    pub(crate) fn origin(&self) -> &str {
        &self.instances[0].base
    }

    /// GET by this person.
    pub(crate) async fn get(&self, path: &str, user: Uuid) -> Answer {
        answer(self.call(path).bearer_auth(self.token(user))).await
    }

    /// Runs SQL as the projectors.
    pub(crate) async fn project(&self, sql: String) {
        self.projector.execute(AssertSqlSafe(sql)).await.expect("the projectors may write it");
    }

    /// Says how far a projection is.
    pub(crate) async fn checkpoint(&self, projection: &str, topic: &str, partition: i32, next: i64) {
        self.project(format!(
            "INSERT INTO projection.active (projection, version, fingerprint) VALUES ('{projection}', 1, 'x') ON CONFLICT DO NOTHING;
             INSERT INTO projection.checkpoints (projection, version, topic, partition, next_offset, owner_epoch)
             VALUES ('{projection}', 1, '{topic}', {partition}, {next}, 1)
             ON CONFLICT (projection, version, topic, partition) DO UPDATE SET next_offset = excluded.next_offset"
        ))
        .await;
    }

    /// Appends a record to the inbox of a person; returns its partition and offset.
    pub(crate) async fn append_notice(&mut self, user: Uuid) -> (i32, i64) {
        let key = user.to_string().into_bytes();
        let topic = Domain::Notification.events_topic();
        let count = u32::try_from(topics::partitions(Domain::Notification, PROFILE)).expect("a few");
        let to = TopicPartition::new(topic, partitioner::partition(&key, count));
        let partition = to.partition;
        let headers = vec![("ce_type".into(), b"NotificationRaised".to_vec())];
        let record = NewRecord { to, key, value: Some(vec![0]), headers, timestamp_ms: 1 };
        (partition, self.append(record).await)
    }

    /// Appends a record; returns its offset.
    pub(crate) async fn append(&mut self, record: NewRecord) -> i64 {
        self.author.append(vec![record]).await[0]
    }

    /// Ends the service in order and drops the database.
    pub(crate) async fn drop(self) {
        for instance in self.instances {
            instance.stop().await;
        }
        self.projector.close().await;
        self.command.close().await;
        self.owner.close().await;
        std::fs::remove_dir_all(&self.keys).expect("the key is removed");
        administer(format!("DROP DATABASE {} WITH (FORCE)", self.database)).await;
    }
}

/// Sends a call and reads its answer.
pub(crate) async fn answer(call: RequestBuilder) -> Answer {
    let response = call.send().await.expect("query-api answers");
    let etag = response.headers().get("etag").and_then(|it| it.to_str().ok()).map(str::to_owned);
    let status = response.status();
    Answer { status, etag, body: response.json().await.expect("answers are JSON") }
}

fn options(variable: &str) -> PgConnectOptions {
    let url = std::env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} is not set: run `./dev test`, or `eval \"$(./dev env)\"` where servers run")
    });
    PgConnectOptions::from_str(&url).expect("a database URL")
}

/// A pool for one of the roles of `./dev env`, on another database.
pub(crate) fn pool(variable: &str, database: &str) -> PgPool {
    let options = options(variable).database(database).disable_statement_logging();
    PgPoolOptions::new().max_connections(5).connect_lazy_with(options)
}

/// Runs SQL as the superuser, in no particular database.
pub(crate) async fn administer(sql: String) {
    let postgres = pool("DATABASE_URL_SUPERUSER", "postgres");
    postgres.execute(AssertSqlSafe(sql)).await.expect("the superuser may do it");
    postgres.close().await;
}

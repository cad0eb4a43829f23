//! A world for one test: a fresh database with all migrations, a log in memory, instances of command-api.

use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use command_api::config::{Config, Keys, MAX_CONCURRENT_CALLS, Secret32};
use command_api::start;
use event_log::{
    Decoder, Deployment, Encoder, EventLog, Fault, MemoryLog, NewRecord, Position, TopicPartition,
};
use event_schemas::notification::NotificationEvent;
use event_schemas::topics::{self, Profile};
use event_schemas::{Codec, Domain, Event};
use service_kit::config;
use service_kit::serve;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, PgPool};
use tests::author::Author;
use tests::eventually::eventually;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::cable::Cable;
use crate::client::{Answer, Client, Person};

/// How long an instance may take until it is ready.
const READY: Duration = Duration::from_secs(30);

/// A database of its own and a log of its own.
pub(crate) struct World {
    database: String,
    pub(crate) log: MemoryLog,
}

/// A running instance.
pub(crate) struct Instance {
    pub(crate) client: Client,
    shutdown: CancellationToken,
    serving: JoinHandle<io::Result<()>>,
}

impl World {
    pub(crate) async fn new() -> Self {
        let database = format!("write_side_{}", Uuid::now_v7().simple());
        administer(format!("CREATE DATABASE {database} OWNER karmyq_owner")).await;
        let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations");
        let migrator = sqlx::migrate::Migrator::new(migrations).await.expect("migrations are readable");
        migrator.run(&pool("MIGRATIONS_DATABASE_URL", &database)).await.expect("migrations run");
        let log = MemoryLog::new();
        log.create_topics(&topics::manifest(Profile::Small), 1).await.expect("topics are new");
        Self { database, log }
    }

    /// One instance that serves everything, and a client of it.
    pub(crate) async fn with_instance() -> (Self, Instance) {
        let world = Self::new().await;
        let instance = world.instance(|_| {}).await;
        (world, instance)
    }

    /// Lets the next append of a domain's events end like this; the shards of an instance announce on their own what
    /// they own.
    pub(crate) fn fail_next(&self, domain: Domain, fault: Fault) {
        self.log.fail_next_on(domain.events_topic(), fault);
    }

    /// Starts an instance; returns when it is ready.
    pub(crate) async fn instance(&self, change: impl FnOnce(&mut Config)) -> Instance {
        let instance = self.begin(change).await;
        instance.ready().await;
        instance
    }

    /// Starts an instance; returns when it can be asked whether it is ready.
    pub(crate) async fn begin(&self, change: impl FnOnce(&mut Config)) -> Instance {
        let listener = serve::bind(([127, 0, 0, 1], 0).into()).await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let mut config = self.config(format!("http://{address}"));
        config.listen = address;
        change(&mut config);
        let manifest = topics::manifest(Profile::Small);
        let deployment = Deployment {
            log: Arc::new(self.log.clone()),
            decoder: Decoder::local(),
            encoder: Encoder::new(Codec::local(), &manifest),
        };
        let shutdown = CancellationToken::new();
        let service = start(config, deployment).await.expect("it starts");
        let serving = tokio::spawn(service.serve(listener, shutdown.clone()));
        let client = Client::new(format!("http://{address}"));
        Instance { client, shutdown, serving }
    }

    /// How many records stand on the event topics. Not on those to which policies write, each in its own time.
    pub(crate) async fn events(&self) -> i64 {
        let mut count = 0;
        for domain in [Domain::User, Domain::Community, Domain::Request] {
            for partition in 0..topics::partitions(domain, Profile::Small) {
                let of = TopicPartition::new(domain.events_topic(), partition);
                count += self.log.high_watermark(&of).await.expect("it has an end");
            }
        }
        count
    }

    /// A header of the record at a position.
    pub(crate) async fn header_at(&self, position: &str, name: &str) -> String {
        let position: Position = position.parse().expect("a position");
        let from = vec![(position.of.clone(), position.offset)];
        let mut reader = self.log.reader(from).await.expect("it is readable");
        let records = reader.next(1, READY).await.expect("it is readable");
        records[0].header(name).expect("it has the header").to_owned()
    }

    /// Appends, as anybody may who reaches the broker, something that is no event, of this key and where a record stands.
    pub(crate) async fn scribble(&self, position: &str, key: &[u8]) {
        let to = position.parse::<Position>().expect("a position").of;
        let value = Some(b"not in wire format".to_vec());
        let record = NewRecord { to, key: key.to_vec(), value, headers: Vec::new(), timestamp_ms: 1_000 };
        Author::join(&self.log, "a-stranger").await.append(vec![record]).await;
    }

    /// The id of the first notification that was raised for a person.
    pub(crate) async fn first_notification_of(&self, user: &str) -> String {
        let decoder = Decoder::local();
        for partition in 0..topics::partitions(Domain::Notification, Profile::Small) {
            let of = TopicPartition::new(Domain::Notification.events_topic(), partition);
            let end = self.log.high_watermark(&of).await.expect("it has an end");
            let mut reader = self.log.reader(vec![(of.clone(), 0)]).await.expect("it is readable");
            while reader.position(&of).is_some_and(|it| it < end) {
                for record in reader.next(100, READY).await.expect("it is readable") {
                    let event = decoder.decode::<Event>(&record).await.expect("it is an event");
                    if let Event::Notification(NotificationEvent::NotificationRaised(raised)) = event.payload
                        && raised.user_id.to_string() == user
                    {
                        return raised.notification_id.to_string();
                    }
                }
            }
        }
        panic!("nothing was raised for {user}")
    }

    /// Connections as the superuser, to this world's database.
    pub(crate) fn superuser(&self) -> PgPool {
        pool("DATABASE_URL_SUPERUSER", &self.database)
    }

    /// A cable to the database, and its URL at the end of it.
    pub(crate) async fn cable(&self) -> (Cable, config::Secret) {
        let options = options("DATABASE_URL_COMMAND_API", &self.database);
        let cable = Cable::to(options.get_host(), options.get_port()).await;
        let options = options.host(&cable.address.ip().to_string()).port(cable.address.port());
        (cable, secret(options.to_url_lossy().as_str()))
    }

    pub(crate) async fn drop(self) {
        administer(format!("DROP DATABASE {} WITH (FORCE)", self.database)).await;
    }

    fn config(&self, advertised_url: String) -> Config {
        let signing = std::fs::read_to_string(variable("JWT_SIGNING_KEY_FILE")).expect("the key is readable");
        let database = options("DATABASE_URL_COMMAND_API", &self.database);
        Config {
            listen: ([127, 0, 0, 1], 0).into(),
            advertised_url,
            profile: config::Profile::Local,
            kafka: "in memory".to_owned(),
            registry: "in memory".to_owned(),
            topics: Profile::Small,
            domains: Domain::ALL.to_vec(),
            database: config::Secret::from_str(database.to_url_lossy().as_str())
                .expect("any text is a secret"),
            keys: Keys {
                token_signing: secret(signing.trim()),
                token_public: PathBuf::from(variable("JWT_PUBLIC_KEYS_DIR")),
                master: Secret32::new([1; 32]),
                fingerprint: Secret32::new([2; 32]),
            },
            allowed_origins: Vec::new(),
            rate_limits_disabled: true,
            rate_limit_multiplier: 1.0,
            max_concurrent_calls: MAX_CONCURRENT_CALLS,
            operators: std::collections::BTreeSet::new(),
            require_verified_email: false,
            snapshot_every: 20_000,
        }
    }
}

impl Instance {
    /// Returns when it serves all that it owns, also after it has begun anew.
    pub(crate) async fn ready(&self) {
        let ready = || async { self.client.is_ready().await.then_some(()) };
        eventually("the instance is ready", READY, ready).await;
    }

    /// A new person with an account.
    pub(crate) async fn register(&self, name: &str) -> Person {
        let answer = self.client.call("POST /auth/register", &[], registration(name)).await;
        Person::of(answer.is(201), &self.client)
    }

    /// A community of this person, public.
    pub(crate) async fn found(&self, founder: &Person, name: &str) -> String {
        let answer = founder.call("POST /communities", &[], serde_json::json!({ "name": name })).await;
        answer.is(201)["community"]["id"].as_str().expect("it has an id").to_owned()
    }

    /// As a signal does; returns at once.
    pub(crate) fn begin_to_stop(&self) {
        self.shutdown.cancel();
    }

    pub(crate) async fn stop(self) {
        self.begin_to_stop();
        self.serving.await.expect("no panic").expect("it serves");
    }
}

/// A body that registers a person with an address of their own.
pub(crate) fn registration(name: &str) -> serde_json::Value {
    let email = format!("{name}-{}@example.org", Uuid::now_v7().simple());
    serde_json::json!({ "email": email, "name": name, "password": "correct horse" })
}

/// The id of what an answer created.
pub(crate) fn id_of(answer: Answer) -> String {
    answer.is(201)["id"].as_str().expect("it has an id").to_owned()
}

fn secret(text: &str) -> config::Secret {
    config::Secret::from_str(text).expect("any text is a secret")
}

fn pool(variable: &str, database: &str) -> PgPool {
    let options = options(variable, database).disable_statement_logging();
    PgPoolOptions::new().max_connections(5).connect_lazy_with(options)
}

fn options(name: &str, database: &str) -> PgConnectOptions {
    PgConnectOptions::from_str(&variable(name)).expect("a database URL").database(database)
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: run `./dev test`, or `eval \"$(./dev env)\"` where servers run")
    })
}

async fn administer(sql: String) {
    let postgres = pool("DATABASE_URL_SUPERUSER", "postgres");
    postgres.execute(AssertSqlSafe(sql)).await.expect("the superuser may do it");
    postgres.close().await;
}

//! Our own processes: set up once, started on free ports, killed and restarted at will, ended with the tests.

use std::fs::File;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use sqlx::PgPool;
use tokio::sync::Mutex;

use crate::collector::Collector;
use crate::environment::{Environment, binaries, scratch};
use crate::eventually::eventually;
use crate::http::Api;
use crate::log::Log;

/// How long a service may take until it is ready.
const READY: Duration = Duration::from_secs(60);
/// How long a service may take to end when it is asked to.
const STOP: Duration = Duration::from_secs(15);

/// The whole system.
#[derive(Debug)]
pub struct System {
    /// Where the servers are.
    pub environment: Environment,
    /// The API.
    pub api: Api,
    /// The topics.
    pub log: Log,
    /// The database, as superuser.
    pub postgres: PgPool,
    /// What the services export as traces.
    pub collector: Collector,
    /// Where the services listen.
    pub addresses: Addresses,
    command_api: Mutex<Service>,
    projectors: Mutex<Service>,
    query_api: Mutex<Service>,
}

/// Where the services listen, as `host:port`.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// Of command-api.
    pub command_api: String,
    /// Of projectors.
    pub projectors: String,
    /// Of query-api.
    pub query_api: String,
}

impl System {
    /// Brings topics, schemas and tables up to date and starts the three services.
    ///
    /// # Panics
    /// When something does not start; the message has the end of its log.
    pub async fn start(environment: Environment) -> Self {
        for step in [&["migrate"][..], &["topics", "create"], &["schemas", "push"]] {
            let output = karmyq(&environment, step);
            assert!(output.status.success(), "karmyq {step:?}: {}", said(&output));
        }
        let addresses =
            Addresses { command_api: free_address(), projectors: free_address(), query_api: free_address() };
        let collector = Collector::start().await;
        let start = |kind, address: &str| Service::start(&environment, kind, address, &collector.variables());
        let command_api = start(Kind::CommandApi, &addresses.command_api);
        let projectors = start(Kind::Projectors, &addresses.projectors);
        let query_api = start(Kind::QueryApi, &addresses.query_api);
        let url = |address: &str| format!("http://{address}");
        let api = Api::new(url(&addresses.command_api), url(&addresses.query_api));
        let postgres = PgPool::connect(environment.get("DATABASE_URL_SUPERUSER")).await.expect("PostgreSQL");
        let system = Self {
            log: Log::new(&environment),
            environment,
            api,
            postgres,
            collector,
            addresses,
            command_api: Mutex::new(command_api),
            projectors: Mutex::new(projectors),
            query_api: Mutex::new(query_api),
        };
        for service in [&system.command_api, &system.projectors, &system.query_api] {
            service.lock().await.ready().await;
        }
        system
    }

    /// Starts another command-api beside the first, and the API as a client of that one sees it.
    pub async fn another_command_api(&self) -> (Service, Api) {
        let address = free_address();
        let mut service = self.command_api_at(&address);
        service.ready().await;
        (service, Api::new(format!("http://{address}"), format!("http://{}", self.addresses.query_api)))
    }

    /// Starts another projectors beside the first.
    pub async fn another_projectors(&self) -> Service {
        let variables = self.collector.variables();
        let mut service = Service::start(&self.environment, Kind::Projectors, &free_address(), &variables);
        service.ready().await;
        service
    }

    /// Stops projectors where it stands, as a machine does that is out of memory or moved to another host.
    pub async fn pause_projectors(&self) {
        self.projectors.lock().await.signal(Signal::STOP);
    }

    /// Lets projectors go on.
    pub async fn resume_projectors(&self) {
        self.projectors.lock().await.signal(Signal::CONT);
    }

    /// What projectors have said in their log so far.
    ///
    /// # Panics
    /// When it cannot be read.
    pub async fn projectors_said(&self) -> String {
        std::fs::read_to_string(&self.projectors.lock().await.log).expect("its log is readable")
    }

    /// Kills command-api as `kill -9` does, at once.
    pub async fn kill_command_api(&self) {
        self.command_api.lock().await.kill();
    }

    /// Starts command-api again where it was, and waits until it is ready.
    pub async fn restart_command_api(&self) {
        let mut service = self.command_api.lock().await;
        *service = self.command_api_at(&self.addresses.command_api);
        service.ready().await;
    }

    fn command_api_at(&self, address: &str) -> Service {
        Service::start(&self.environment, Kind::CommandApi, address, &self.collector.variables())
    }
}

/// One of our services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Writes.
    CommandApi,
    /// Folds.
    Projectors,
    /// Reads.
    QueryApi,
}

impl Kind {
    const fn binary(self) -> &'static str {
        match self {
            Self::CommandApi => "command-api",
            Self::Projectors => "projectors",
            Self::QueryApi => "query-api",
        }
    }

    const fn listen(self) -> &'static str {
        match self {
            Self::CommandApi => "COMMAND_API_LISTEN",
            Self::Projectors => "PROJECTORS_LISTEN",
            Self::QueryApi => "QUERY_API_LISTEN",
        }
    }

    const fn database(self) -> &'static str {
        match self {
            Self::CommandApi => "DATABASE_URL_COMMAND_API",
            Self::Projectors => "DATABASE_URL_PROJECTORS",
            Self::QueryApi => "DATABASE_URL_QUERY_API",
        }
    }
}

/// A running process of ours. It ends with this value.
#[derive(Debug)]
pub struct Service {
    kind: Kind,
    address: String,
    child: Child,
    log: PathBuf,
}

impl Service {
    /// Starts a service on this address, with further variables.
    ///
    /// # Panics
    /// When there is no such binary.
    #[must_use]
    pub fn start(environment: &Environment, kind: Kind, address: &str, variables: &[(&str, &str)]) -> Self {
        let binary = binaries().join(kind.binary());
        let log = scratch().join(format!("{}-{}.log", kind.binary(), address.replace(':', "-")));
        let file = File::options().create(true).append(true).open(&log).expect("a log file");
        let child = Command::new(&binary)
            .env(kind.listen(), address)
            .env("ADVERTISED_URL", format!("http://{address}"))
            .env("DATABASE_URL", environment.get(kind.database()))
            .env("RATE_LIMIT_DISABLED", "true")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a log file"))
            .stderr(file)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}; `cargo build --bins` makes it", binary.display()));
        Self { kind, address: address.to_owned(), child, log }
    }

    /// Waits until it is ready.
    ///
    /// # Panics
    /// When it ends instead, or takes too long.
    pub async fn ready(&mut self) {
        let url = format!("http://{}/health/ready", self.address);
        let what = format!("{:?} is ready; its log is {}", self.kind, self.log.display());
        let (child, log) = (&mut self.child, &self.log);
        eventually(&what, READY, || {
            let ended = child.try_wait().expect("a child");
            assert!(ended.is_none(), "{what}: it ended with {ended:?}:\n{}", tail(log));
            let asked = reqwest::get(url.clone());
            async { asked.await.ok().filter(|it| it.status().is_success()) }
        })
        .await;
    }

    /// Waits until it has ended by itself: exit code and log.
    ///
    /// # Panics
    /// When it goes on.
    pub async fn ended(&mut self) -> (Option<i32>, String) {
        let (child, log) = (&mut self.child, &self.log);
        let status = eventually("the service ends by itself", READY, || {
            let ended = child.try_wait().expect("a child");
            async move { ended }
        })
        .await;
        (status.code(), tail(log))
    }

    /// Sends it a signal.
    fn signal(&self, signal: Signal) {
        let id = Pid::from_raw(self.child.id().cast_signed()).expect("a process has an id");
        kill_process(id, signal).expect("it is ours");
    }

    /// Kills it as `kill -9` does.
    ///
    /// # Panics
    /// When it cannot be killed.
    pub fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("reaped");
    }
}

impl Drop for Service {
    /// Ends it as a deployment does: asked to, and killed only if it does not listen.
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        let pid = self.child.id().to_string();
        let asked = Command::new("kill").args(["-s", "TERM", &pid]).status().is_ok_and(|it| it.success());
        let deadline = Instant::now() + STOP;
        while asked && Instant::now() < deadline {
            match self.child.try_wait() {
                Ok(None) => std::thread::park_timeout(Duration::from_millis(20)),
                Ok(Some(_)) | Err(_) => return,
            }
        }
        if self.child.kill().is_ok() {
            drop(self.child.wait());
        }
    }
}

/// Runs the command line to its end.
///
/// # Panics
/// When there is no such binary.
#[must_use]
pub fn karmyq(environment: &Environment, arguments: &[&str]) -> Output {
    karmyq_command(environment, arguments).output().expect("`cargo build --bins` makes karmyq")
}

/// The command line, ready to be started.
#[must_use]
pub fn karmyq_command(environment: &Environment, arguments: &[&str]) -> Command {
    let mut command = Command::new(binaries().join("karmyq"));
    command.args(arguments).env("DATABASE_URL", environment.get("DATABASE_URL_PROJECTORS"));
    command
}

/// What a program said on both channels.
#[must_use]
pub fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// An address on which nobody listens.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").to_string()
}

/// The end of a log.
fn tail(log: &PathBuf) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}

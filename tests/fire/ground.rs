//! Where a run takes place: what `./dev fire` has prepared, and how each process is started there.

mod brokers;
mod servers;
mod services;

use std::collections::{BTreeMap, HashMap};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use self::services::PROFILE;
use anyhow::{Context, Result, anyhow, ensure};
use tests::services::said;

use crate::clock::WallClock;
use crate::network::Network;
use crate::party::{BROKERS, COMMAND_APIS, Party, QUERY_APIS};
use crate::process::{Process, Recipe};

/// Folders and programs, as `deploy/dev/fire.sh` exports them.
#[derive(Debug)]
pub(crate) struct Site {
    /// The repository.
    pub(crate) root: PathBuf,
    /// Everything that a run writes.
    pub(crate) state: PathBuf,
    /// Our own programs.
    binaries: PathBuf,
    kafka_home: PathBuf,
    registry: PathBuf,
    postgres: PathBuf,
    postgres_home: PathBuf,
    /// `clock.c`, compiled.
    clock: PathBuf,
    /// How to become the user that PostgreSQL runs as.
    postgres_runner: Vec<String>,
}

impl Site {
    /// Reads the variables.
    ///
    /// # Errors
    /// When one is missing: the harness is started by `./dev fire`.
    pub(crate) fn from_environment() -> Result<Self> {
        let text = |name: &str| std::env::var(name).with_context(|| format!("{name}: run ./dev fire"));
        let path = |name: &str| text(name).map(PathBuf::from);
        Ok(Self {
            root: path("FIRE_ROOT")?,
            state: path("FIRE_STATE")?,
            binaries: path("FIRE_BINARIES")?,
            kafka_home: path("FIRE_KAFKA_HOME")?,
            registry: path("FIRE_REGISTRY")?,
            postgres: path("FIRE_POSTGRES")?,
            postgres_home: path("FIRE_POSTGRES_HOME")?,
            clock: path("FIRE_CLOCK_LIBRARY")?,
            postgres_runner: text("FIRE_POSTGRES_RUNNER")?.split_whitespace().map(str::to_owned).collect(),
        })
    }

    /// A secret that `deploy/secrets.sh` has made.
    fn secret(&self, name: &str) -> PathBuf {
        self.state.join("secrets").join(name)
    }

    fn password(&self, name: &str) -> Result<String> {
        let file = self.secret(&format!("postgres-{name}"));
        let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        Ok(text.trim().to_owned())
    }

    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.state.join("log").join(format!("{name}.log"))
    }
}

/// Where a party listens, and where others reach it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Its own address.
    pub(crate) own: SocketAddr,
    /// Its proxy's.
    pub(crate) proxy: SocketAddr,
}

/// Addresses of all parties.
#[derive(Debug)]
pub(crate) struct Places {
    places: HashMap<Party, Place>,
    /// The second listener of each broker.
    controllers: HashMap<u8, Place>,
}

impl Places {
    async fn choose(network: &Arc<Network>) -> Result<Self> {
        let mut free = FreePorts(20_000 + u16::try_from(std::process::id() % 8_000)?);
        let mut places = HashMap::new();
        for party in Party::all().into_iter().filter(|it| *it != Party::Clients) {
            places.insert(party, place(network, party, &mut free).await?);
        }
        let mut controllers = HashMap::new();
        for n in 1..=BROKERS {
            controllers.insert(n, place(network, Party::Broker(n), &mut free).await?);
        }
        Ok(Self { places, controllers })
    }

    pub(crate) fn of(&self, party: Party) -> Place {
        self.places[&party]
    }

    fn controller(&self, broker: u8) -> Place {
        self.controllers[&broker]
    }

    /// `KAFKA_BOOTSTRAP_SERVERS` of everybody.
    pub(crate) fn bootstrap_servers(&self) -> String {
        let all = (1..=BROKERS).map(|n| self.of(Party::Broker(n)).proxy.to_string());
        all.collect::<Vec<_>>().join(",")
    }

    fn urls(&self, parties: impl Iterator<Item = Party>) -> Vec<String> {
        parties.map(|it| format!("http://{}", self.of(it).proxy)).collect()
    }

    /// Where clients reach each command-api.
    pub(crate) fn command_apis(&self) -> Vec<String> {
        self.urls((1..=COMMAND_APIS).map(Party::CommandApi))
    }

    /// Where clients reach each query-api.
    pub(crate) fn query_apis(&self) -> Vec<String> {
        self.urls((1..=QUERY_APIS).map(Party::QueryApi))
    }
}

async fn place(network: &Arc<Network>, party: Party, free: &mut FreePorts) -> Result<Place> {
    let own = free.next()?;
    Ok(Place { own, proxy: network.proxy(party, own).await? })
}

/// Ports below the range from which the kernel gives some to outgoing connections: a server that was killed finds its
/// port free when it comes back.
struct FreePorts(u16);

impl FreePorts {
    fn next(&mut self) -> Result<SocketAddr> {
        while self.0 < 32_000 {
            self.0 += 1;
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.0));
            if TcpListener::bind(address).is_ok() {
                return Ok(address);
            }
        }
        Err(anyhow!("no free port between 20000 and 32000"))
    }
}

/// A ground on which everything runs.
#[derive(Debug)]
pub(crate) struct Ground {
    pub(crate) site: Site,
    pub(crate) network: Arc<Network>,
    pub(crate) places: Places,
    pub(crate) processes: BTreeMap<Party, Arc<Process>>,
    /// Of services.
    pub(crate) clocks: BTreeMap<Party, WallClock>,
}

impl Ground {
    /// Chooses addresses and writes how everything is to be started. Nothing runs yet.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub(crate) async fn prepare(site: Site) -> Result<Self> {
        let network = Network::new();
        let places = Places::choose(&network).await?;
        std::fs::create_dir_all(site.state.join("log"))?;
        let clock =
            |of: Party| anyhow::Ok((of, WallClock::right(site.state.join(format!("clock-of-{of}")))?));
        let clocks = Party::services().into_iter().map(clock).collect::<Result<_>>()?;
        let mut ground = Self { site, network, places, processes: BTreeMap::new(), clocks };
        for party in Party::all() {
            if let Some(recipe) = ground.recipe(party)? {
                let process = Process::new(party, recipe, Arc::clone(&ground.network));
                ground.processes.insert(party, process);
            }
        }
        Ok(ground)
    }

    fn recipe(&self, party: Party) -> Result<Option<Recipe>> {
        Ok(Some(match party {
            Party::Broker(n) => brokers::recipe(self, n)?,
            Party::Registry => servers::registry(self)?,
            Party::Postgres => servers::postgres(self),
            Party::CommandApi(_) => services::command_api(self, party)?,
            Party::Projectors(_) => services::projectors(self, party)?,
            Party::QueryApi(_) => services::query_api(self, party)?,
            Party::Clients => return Ok(None),
        }))
    }

    /// Starts servers and services, waits until all are ready, and keeps them running.
    ///
    /// # Errors
    /// When something is not ready in time.
    pub(crate) async fn start(&self) -> Result<()> {
        brokers::format(self)?;
        for party in Party::all().into_iter().filter(|it| matches!(it, Party::Broker(_) | Party::Postgres)) {
            self.processes[&party].start();
        }
        servers::postgres_ready(self).await?;
        brokers::ready(self).await?;
        self.processes[&Party::Registry].start();
        servers::roles(self)?;
        self.karmyq(&["migrate"])?;
        self.karmyq(&["topics", "create"])?;
        servers::registry_ready(self).await?;
        self.karmyq(&["schemas", "push"])?;
        for party in Party::services() {
            self.processes[&party].start();
        }
        self.ready(Duration::from_secs(90)).await?;
        for process in self.processes.values() {
            tokio::spawn(Arc::clone(process).supervise());
        }
        Ok(())
    }

    /// Waits until every service says that it is ready.
    ///
    /// # Errors
    /// When one is not, with what it waits for.
    pub(crate) async fn ready(&self, patience: Duration) -> Result<()> {
        services::ready(self, patience).await
    }

    /// Runs the command line to its end and returns what it said.
    ///
    /// # Errors
    /// When it fails.
    pub(crate) fn karmyq(&self, arguments: &[&str]) -> Result<String> {
        let output = self.karmyq_output(arguments)?;
        ensure!(output.status.success(), "karmyq {arguments:?}: {}", said(&output));
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The same, whatever comes of it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn karmyq_output(&self, arguments: &[&str]) -> Result<std::process::Output> {
        self.karmyq_command(arguments)?.output().context("karmyq cannot be started")
    }

    /// The command line, not started yet.
    ///
    /// # Errors
    /// When a secret cannot be read.
    pub(crate) fn karmyq_command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = Command::new(self.site.binaries.join("karmyq"));
        command.args(arguments).envs(services::variables(self, "projector")?);
        Ok(command)
    }

    /// A database address through the proxy.
    ///
    /// # Errors
    /// When there is no such password.
    pub(crate) fn database(&self, role: &str, password: &str) -> Result<String> {
        let (address, password) = (self.places.of(Party::Postgres).proxy, self.site.password(password)?);
        Ok(format!("postgres://{role}:{password}@{address}/karmyq"))
    }

    /// Where a broker keeps what it has.
    pub(crate) fn broker_folder(&self, n: u8) -> PathBuf {
        brokers::folder(self, n)
    }

    /// Runs one of Kafka's own tools to its end.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn kafka_tool(&self, arguments: &[&str]) -> Result<std::process::Output> {
        brokers::tool(self, arguments)
    }
}

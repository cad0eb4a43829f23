//! Where the measurements happen: servers of their own, so that no data of anybody are touched, or those that are there.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, anyhow, bail, ensure};
use clap::Args;
use event_schemas::topics::Profile;
use service_kit::config::Reader;
use service_kit::shutdown;
use tokio::process::Command;

use crate::terminal::mention;

/// Variables that the services and this command line read.
const VARIABLES: [&str; 12] = [
    "DATABASE_URL_COMMAND_API",
    "DATABASE_URL_PROJECTORS",
    "DATABASE_URL_QUERY_API",
    "DATA_KEY_MASTER_FILE",
    "FINGERPRINT_KEY_FILE",
    "JWT_PUBLIC_KEYS_DIR",
    "JWT_SIGNING_KEY_FILE",
    "KAFKA_BOOTSTRAP_SERVERS",
    "KARMYQ_PROFILE",
    "MIGRATIONS_DATABASE_URL",
    "SCHEMA_REGISTRY_URL",
    "TOPIC_PROFILE",
];

/// The database as the role that may create others. No service gets it.
const SUPERUSER: &str = "DATABASE_URL_SUPERUSER";

/// Which servers to measure on.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct Servers {
    /// Use the servers that the environment names instead of starting some; the data stay there
    #[arg(long)]
    here: bool,
    /// Three brokers, of which two have to have a write before it counts, instead of one
    #[arg(long, conflicts_with = "here")]
    replicated: bool,
    /// Kafka syncs every append to disk before it acknowledges it, as PostgreSQL does
    #[arg(long, conflicts_with = "here")]
    flushed: bool,
}

/// Servers with topics, schemas and tables.
#[derive(Debug)]
pub(super) struct Ground {
    variables: BTreeMap<String, String>,
    superuser: Option<String>,
    /// Ours to end.
    own: Option<Environment>,
}

/// Servers that `./dev` runs for us.
#[derive(Debug)]
struct Environment {
    dev: PathBuf,
    state: PathBuf,
    settings: Servers,
    /// Locked as long as they are used.
    _lock: File,
}

/// Measures on these servers, which are ended when they were started for it, whatever happens.
pub(super) async fn on<T>(servers: Servers, measure: impl AsyncFnOnce(&Ground) -> Result<T>) -> Result<T> {
    ensure!(
        !cfg!(debug_assertions),
        "figures of a debug build mean nothing; build it with: cargo build --release"
    );
    let interrupted = shutdown::on_signal();
    let ground = if servers.here { Ground::here().await? } else { Ground::own(servers).await? };
    let measuring = async {
        ground.set_up().await.context("setting the servers up")?;
        measure(&ground).await
    };
    let measured = interrupted.run_until_cancelled(Box::pin(measuring)).await;
    ground.clear().await?;
    measured.unwrap_or_else(|| Err(anyhow!("interrupted")))
}

impl Ground {
    /// Servers of its own beside those of the clone, started by its `./dev`.
    async fn own(settings: Servers) -> Result<Self> {
        let dev = find_dev().context(
            "no clone with ./dev found to start servers of its own; run it inside a clone, or on the servers that the \
             environment names with --here",
        )?;
        let servers = Environment::of(dev, settings)?;
        mention("starting servers of its own");
        // What an interrupted run has left would distort the figures.
        servers.dev(&["reset"]).await?;
        servers.dev(&["servers"]).await?;
        let mut variables = servers.variables().await?;
        let superuser = variables.remove(SUPERUSER);
        Ok(Self { variables, superuser, own: Some(servers) })
    }

    /// The servers that the environment names. No command-api may run on them: it would own partitions.
    async fn here() -> Result<Self> {
        let (mut variables, mut missing) = (BTreeMap::new(), Vec::new());
        for name in VARIABLES {
            match std::env::var(name) {
                Ok(value) => _ = variables.insert(name.to_owned(), value),
                Err(_) => missing.push(name),
            }
        }
        ensure!(missing.is_empty(), "not set: {}; `eval \"$(./dev env)\"` sets them", missing.join(", "));
        if let Ok(running) = std::env::var("KARMYQ_COMMAND_API")
            && reqwest::get(format!("{running}/health/live")).await.is_ok()
        {
            bail!(
                "a command-api runs at {running} and owns the partitions: stop it first, or leave --here out"
            );
        }
        Ok(Self { variables, superuser: std::env::var(SUPERUSER).ok(), own: None })
    }

    /// Brings tables, topics and schemas up to date.
    pub(super) async fn set_up(&self) -> Result<()> {
        for step in [&["migrate"][..], &["topics", "create"], &["schemas", "push"]] {
            let output =
                Command::new(std::env::current_exe()?).args(step).envs(&self.variables).output().await?;
            let said = String::from_utf8_lossy(&output.stderr);
            ensure!(output.status.success(), "karmyq {} failed: {said}", step.join(" "));
        }
        Ok(())
    }

    /// A variable of the environment.
    pub(super) fn variable(&self, name: &str) -> Result<&str> {
        self.variables.get(name).map(String::as_str).with_context(|| format!("{name} is not set"))
    }

    /// Address of the database for the role that may create others.
    pub(super) fn superuser(&self) -> Result<&str> {
        self.superuser.as_deref().with_context(|| format!("{SUPERUSER} is not set"))
    }

    /// The same servers with another database of this name, which nobody ends or deletes with this value.
    pub(super) fn with_database(&self, name: &str) -> Result<Self> {
        let mut variables = self.variables.clone();
        for (variable, value) in &mut variables {
            if variable.contains("DATABASE_URL") {
                let (server, _) = value.rsplit_once('/').context("an address ends with a database")?;
                *value = format!("{server}/{name}");
            }
        }
        Ok(Self { variables, superuser: self.superuser.clone(), own: None })
    }

    /// Runs a tool of Kafka's, as `./dev kafka` does. Only on servers of its own: others' are left as they are.
    pub(super) async fn kafka(&self, arguments: &[&str]) -> Result<()> {
        let own = self.own.as_ref().context("these servers are not ours to change")?;
        own.dev(&[&["kafka"], arguments].concat()).await
    }

    /// All variables.
    pub(super) const fn variables(&self) -> &BTreeMap<String, String> {
        &self.variables
    }

    /// The variables as settings.
    pub(super) fn settings(&self) -> Reader {
        Reader::from_variables(self.variables.clone())
    }

    /// Where the broker keeps its partitions; only of servers of its own.
    pub(super) fn kafka_data(&self) -> Result<PathBuf> {
        Ok(self.own_state()?.join("kafka/data"))
    }

    /// The brokers' process ids; only of servers of its own.
    pub(super) fn brokers(&self) -> Result<Vec<String>> {
        let mut brokers = Vec::new();
        for file in std::fs::read_dir(self.own_state()?.join("run"))? {
            let file = file?.path();
            let name = file.file_name().and_then(|it| it.to_str()).unwrap_or_default();
            if name.starts_with("kafka") && name.ends_with(".pid") {
                let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
                brokers.push(text.split(' ').next().unwrap_or_default().to_owned());
            }
        }
        Ok(brokers)
    }

    /// Copies of every partition.
    pub(super) fn replication(&self) -> Result<i32> {
        let profile = Profile::named(self.variable("TOPIC_PROFILE")?).context("TOPIC_PROFILE is unknown")?;
        Ok(profile.replication())
    }

    fn own_state(&self) -> Result<&Path> {
        let own = self.own.as_ref().context("these are somebody else's servers")?;
        Ok(&own.state)
    }

    /// Ends the servers and deletes their data, when they are its own.
    async fn clear(self) -> Result<()> {
        match self.own {
            Some(own) => own.dev(&["reset"]).await,
            None => Ok(()),
        }
    }
}

impl Environment {
    /// Those of the clone of this `./dev`, for this run alone.
    fn of(dev: PathBuf, settings: Servers) -> Result<Self> {
        let folder = dev.with_file_name(".dev");
        std::fs::create_dir_all(&folder)?;
        let lock = File::create(folder.join("bench.lock"))?;
        lock.try_lock().context("another bench runs in this clone")?;
        Ok(Self { dev, state: folder.join("bench"), settings, _lock: lock })
    }

    /// Runs a command of `./dev` for them; what it says goes to standard error.
    async fn dev(&self, command: &[&str]) -> Result<()> {
        let status = Command::new(&self.dev)
            .args(command)
            .env("KARMYQ_STATE", &self.state)
            .envs(self.settings.replicated.then_some(("KAFKA_BROKERS", "3")))
            .envs(self.settings.flushed.then_some(("KAFKA_FLUSH", "1")))
            .stdin(Stdio::null())
            .stdout(std::io::stderr())
            .status()
            .await?;
        ensure!(status.success(), "./dev {} failed with {status}", command.join(" "));
        Ok(())
    }

    /// What `./dev env` exports.
    async fn variables(&self) -> Result<BTreeMap<String, String>> {
        let output = Command::new("bash")
            .args(["-c", "exports=$(\"$0\" env) && eval \"$exports\" && env -0"])
            .arg(&self.dev)
            .env("KARMYQ_STATE", &self.state)
            .output()
            .await?;
        ensure!(output.status.success(), "./dev env failed: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout)?;
        let pairs = text.split('\0').filter_map(|it| it.split_once('='));
        let known = pairs.filter(|(name, _)| VARIABLES.contains(name) || *name == SUPERUSER);
        Ok(known.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

/// The clone around the working directory, else the one around this binary.
pub(super) fn clone_root() -> Result<PathBuf> {
    let dev = find_dev().context("no clone with ./dev found; run it inside a clone")?;
    Ok(dev.with_file_name(""))
}

/// The `dev` script of the clone around the working directory, else of the one around this binary.
fn find_dev() -> Option<PathBuf> {
    let around = |of: PathBuf| of.ancestors().map(|it| it.join("dev")).find(|it| is_dev(it));
    let here = std::env::current_dir().ok().and_then(around);
    here.or_else(|| std::env::current_exe().ok().and_then(around))
}

fn is_dev(path: &Path) -> bool {
    path.is_file() && path.with_file_name("deploy").join("versions.env").is_file()
}

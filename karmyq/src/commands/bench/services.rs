//! Our services as processes of their own, beside this binary, on free ports.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use owners::Figures;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::ground::Ground;

/// How long a service may take until it is ready, replay of the log included.
const READY: Duration = Duration::from_secs(120);
/// How long a service may take to finish what it has begun.
const DRAINED: Duration = Duration::from_secs(30);
/// How often readiness is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// A service of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Takes commands.
    CommandApi,
    /// Folds.
    Projectors,
    /// Answers queries.
    QueryApi,
}

/// A running service; it is killed with this value.
#[derive(Debug)]
pub(super) struct Service {
    kind: Kind,
    address: String,
    child: Child,
}

impl Kind {
    const fn binary(self) -> &'static str {
        match self {
            Self::CommandApi => "command-api",
            Self::Projectors => "projectors",
            Self::QueryApi => "query-api",
        }
    }

    /// The variable of its address and the one that holds its database.
    const fn variables(self) -> (&'static str, &'static str) {
        match self {
            Self::CommandApi => ("COMMAND_API_LISTEN", "DATABASE_URL_COMMAND_API"),
            Self::Projectors => ("PROJECTORS_LISTEN", "DATABASE_URL_PROJECTORS"),
            Self::QueryApi => ("QUERY_API_LISTEN", "DATABASE_URL_QUERY_API"),
        }
    }
}

impl Service {
    /// Starts it, without rate limits and logging only what is wrong unless `RUST_LOG` wants more, and waits until it is
    /// ready.
    pub(super) async fn start(ground: &Ground, kind: Kind) -> Result<Self> {
        let address = free_address()?;
        let (listen, database) = kind.variables();
        let binary = binary(kind)?;
        let child = Command::new(&binary)
            .envs(ground.variables())
            .env(listen, &address)
            .env("DATABASE_URL", ground.variable(database)?)
            .env("ADVERTISED_URL", format!("http://{address}"))
            .env("RATE_LIMIT_DISABLED", "true")
            .env("RUST_LOG", std::env::var("RUST_LOG").unwrap_or_else(|_| "warn".to_owned()))
            .stdin(Stdio::null())
            .stdout(std::io::stderr())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        let mut service = Self { kind, address, child };
        service.ready().await?;
        Ok(service)
    }

    /// The process.
    pub(super) fn id(&self) -> Result<u32> {
        self.child.id().with_context(|| format!("{} has ended by itself", self.kind.binary()))
    }

    /// `host:port`.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Its address as a URL.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it tells of itself.
    pub(super) async fn figures(&self) -> Result<Figures> {
        let text = reqwest::get(format!("{}/metrics", self.url())).await?.error_for_status()?.text().await?;
        Ok(Figures::parse(&text))
    }

    /// Lets it finish and waits until it has ended.
    pub(super) async fn stop(mut self) -> Result<()> {
        let id = self.child.id().and_then(|it| Pid::from_raw(it.cast_signed()));
        let name = self.kind.binary();
        kill_process(id.with_context(|| format!("{name} has ended by itself"))?, Signal::TERM)?;
        let ended = timeout(DRAINED, self.child.wait()).await;
        ended.with_context(|| format!("{name} did not end within {} s", DRAINED.as_secs()))??;
        Ok(())
    }

    async fn ready(&mut self) -> Result<()> {
        let (name, url) = (self.kind.binary(), format!("{}/health/ready", self.url()));
        let deadline = Instant::now() + READY;
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!("{name} ended with {status}; its log is above");
            }
            if reqwest::get(&url).await.is_ok_and(|it| it.status().is_success()) {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "{name} is not ready after {} s", READY.as_secs());
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// The binary beside this one.
fn binary(kind: Kind) -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(kind.binary());
    ensure!(
        path.is_file(),
        "{} is missing; build the four binaries: cargo build --release -p command-api -p projectors -p query-api -p karmyq",
        path.display()
    );
    Ok(path)
}

fn free_address() -> Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

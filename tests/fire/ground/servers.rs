//! The schema registry and PostgreSQL, as `./dev` starts them.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use tests::services::said;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use super::Ground;
use crate::party::Party;
use crate::process::Recipe;

const REGISTRY_START: Duration = Duration::from_secs(120);
const POSTGRES_START: Duration = Duration::from_secs(30);

pub(super) fn registry(ground: &Ground) -> Result<Recipe> {
    let folder = ground.site.state.join("registry");
    std::fs::create_dir_all(&folder)?;
    let own = ground.places.of(Party::Registry).own;
    let text = folder.display().to_string();
    let variables = [
        ("QUARKUS_HTTP_HOST", own.ip().to_string()),
        ("QUARKUS_HTTP_PORT", own.port().to_string()),
        ("QUARKUS_HTTP_ACCESS_LOG_ENABLED", "false".to_owned()),
        ("APICURIO_STORAGE_KIND", "kafkasql".to_owned()),
        ("APICURIO_KAFKASQL_BOOTSTRAP_SERVERS", ground.places.bootstrap_servers()),
        ("APICURIO_KAFKASQL_CONSUMER_POLL_TIMEOUT", "100".to_owned()),
        ("APICURIO_STORAGE_SNAPSHOT_LOCATION", text.clone()),
        ("APICURIO_IMPORT_WORK_DIR", text),
    ];
    let java = [
        "java",
        "-Xms128m",
        "-Xmx384m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-Djava.awt.headless=true",
        "-jar",
    ];
    let mut command: Vec<_> = java.map(str::to_owned).to_vec();
    command.push(ground.site.registry.display().to_string());
    Ok(Recipe {
        command,
        variables: variables.map(|(name, value)| (name.to_owned(), value)).to_vec(),
        folder,
        log: ground.site.log("registry"),
        stop: Signal::TERM,
    })
}

/// Its API answers while it still reads its journal; only its health tells the truth.
pub(super) async fn registry_ready(ground: &Ground) -> Result<()> {
    let url = format!("http://{}/health/ready", ground.places.of(Party::Registry).own);
    let deadline = Instant::now() + REGISTRY_START;
    while !reqwest::get(&url).await.is_ok_and(|it| it.status().is_success()) {
        ensure!(Instant::now() < deadline, "the registry does not start");
        sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

/// Ends by SIGINT: open sessions are aborted, as at a planned restart.
pub(super) fn postgres(ground: &Ground) -> Recipe {
    let (site, own) = (&ground.site, ground.places.of(Party::Postgres).own);
    let mut command = site.postgres_runner.clone();
    let home = site.postgres_home.display();
    command.extend([
        format!("{}/postgres", site.postgres.display()),
        "-D".to_owned(),
        format!("{home}/data"),
        "-c".to_owned(),
        format!("listen_addresses={}", own.ip()),
        "-c".to_owned(),
        format!("port={}", own.port()),
        "-c".to_owned(),
        format!("unix_socket_directories={home}"),
    ]);
    // Its user need not be able to enter our folders.
    Recipe {
        command,
        variables: Vec::new(),
        folder: "/".into(),
        log: site.log("postgres"),
        stop: Signal::INT,
    }
}

pub(super) async fn postgres_ready(ground: &Ground) -> Result<()> {
    let own = ground.places.of(Party::Postgres).own;
    let deadline = Instant::now() + POSTGRES_START;
    loop {
        let log = std::fs::read_to_string(ground.site.log("postgres")).unwrap_or_default();
        if log.contains("ready to accept connections") && TcpStream::connect(own).await.is_ok() {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "PostgreSQL does not start: {log}");
        sleep(Duration::from_millis(100)).await;
    }
}

/// Creates roles and the database.
pub(super) fn roles(ground: &Ground) -> Result<()> {
    let port = ground.places.of(Party::Postgres).own.port().to_string();
    let output = Command::new(ground.site.root.join("deploy/postgres/roles.sh"))
        .arg(ground.site.state.join("secrets"))
        .args(["-h", "127.0.0.1", "-p", &port])
        .output()
        .context("roles.sh")?;
    ensure!(output.status.success(), "the roles cannot be created: {}", said(&output));
    Ok(())
}

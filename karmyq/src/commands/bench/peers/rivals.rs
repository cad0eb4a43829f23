//! The programs of `bench/peers`: built by their own tools from their own manifests, run one at a time.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::process::Command;
use tokio::time::timeout;

use super::database::Database;
use super::report::Measured;
use super::{CLIENTS, Contender, Workload};
use crate::commands::bench::ground::{Ground, clone_root};
use crate::terminal::mention;

/// How long a rival may take in all.
const LONGEST: Duration = Duration::from_secs(1_200);
/// Memory of a rival on the JVM.
const HEAP: [&str; 2] = ["-Xms1g", "-Xmx2g"];

/// What a rival is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Platform {
    /// A package of `bench/peers/rust`.
    Cargo(&'static str),
    /// A module of `bench/peers/jvm`, and its main class.
    Maven(&'static str, &'static str),
}

/// Its platform; none for us.
const fn platform(contender: Contender) -> Option<Platform> {
    match contender {
        Contender::Karmyq | Contender::KarmyqSynced => None,
        Contender::Pekko => Some(Platform::Maven("pekko", "karmyq.peers.pekko.PekkoPersistence")),
        Contender::KafkaStreams | Contender::KafkaStreamsSynced | Contender::KafkaStreamsDefault => {
            Some(Platform::Maven("kafka-streams", "karmyq.peers.streams.KafkaStreamsPeer"))
        }
        Contender::CqrsEs => Some(Platform::Cargo("peer-cqrs-es")),
        Contender::Disintegrate => Some(Platform::Cargo("peer-disintegrate")),
    }
}

/// Builds what these need.
pub(super) async fn build(contenders: &[Contender]) -> Result<()> {
    let platforms: Vec<_> = contenders.iter().filter_map(|it| platform(*it)).collect();
    if platforms.iter().any(|it| matches!(it, Platform::Cargo(_))) {
        let (manifest, target) = (folder("rust")?.join("Cargo.toml"), folder("rust")?.join("target"));
        let mut cargo = Command::new("cargo");
        cargo.args(["build", "--release", "--locked", "--quiet", "--manifest-path"]).arg(manifest);
        built(cargo.arg("--target-dir").arg(target)).await?;
    }
    if platforms.iter().any(|it| matches!(it, Platform::Maven(..))) {
        let manifest = folder("jvm")?.join("pom.xml");
        built(Command::new("mvn").args(["--batch-mode", "--quiet", "package", "--file"]).arg(manifest))
            .await?;
    }
    Ok(())
}

async fn built(command: &mut Command) -> Result<()> {
    mention("building rivals");
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    let building = command.stdin(Stdio::null()).stdout(std::io::stderr()).kill_on_drop(true).status();
    let status = building.await.with_context(|| format!("cannot start {program}"))?;
    ensure!(status.success(), "{program} could not build the rivals: {status}");
    Ok(())
}

/// Runs one, with a database and a directory that are gone afterwards; its topics it deletes itself.
pub(super) async fn measure(ground: &Ground, contender: Contender, workload: Workload) -> Result<Measured> {
    let database = Database::create(ground.superuser()?, &contender.name()).await?;
    let directory = std::env::temp_dir().join(format!("karmyq-peers-{}", std::process::id()));
    std::fs::create_dir_all(&directory)?;
    let measured = timeout(LONGEST, run(ground, contender, workload, &database, &directory)).await;
    std::fs::remove_dir_all(&directory)?;
    database.delete().await?;
    let mut measured = measured.with_context(|| format!("not done after {} s", LONGEST.as_secs()))??;
    // One program may be several contenders.
    measured.name = contender.name();
    let clients: Vec<_> = measured.loads.iter().map(|it| it.seen.clients).collect();
    ensure!(clients == CLIENTS, "it measured {clients:?} clients");
    Ok(measured)
}

async fn run(
    ground: &Ground,
    contender: Contender,
    workload: Workload,
    database: &Database,
    directory: &Path,
) -> Result<Measured> {
    let commit_interval = if contender == Contender::KafkaStreamsDefault { "100" } else { "5" };
    let running = program(contender)?
        .env("PEERS_DATABASE_URL", database.url())
        .env("PEERS_DIRECTORY", directory)
        .env("PEERS_CLIENTS", CLIENTS.map(|it| it.to_string()).join(","))
        .env("PEERS_ACCOUNTS", workload.accounts.to_string())
        .env("PEERS_WARM_UP_SECONDS", workload.plan.warm_up.as_secs().to_string())
        .env("PEERS_SECONDS", workload.plan.measured.as_secs().to_string())
        .env("PEERS_COMMIT_INTERVAL_MS", commit_interval)
        .env("PEERS_REPLICATION", ground.replication()?.to_string())
        .env("KAFKA_BOOTSTRAP_SERVERS", ground.variable("KAFKA_BOOTSTRAP_SERVERS")?)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let output = running.wait_with_output().await?;
    ensure!(output.status.success(), "it ended with {}; what it said is above", output.status);
    let said = String::from_utf8(output.stdout)?;
    serde_json::from_str(&said).with_context(|| format!("no report: {said:?}"))
}

fn program(contender: Contender) -> Result<Command> {
    Ok(match platform(contender).context("we are no rival")? {
        Platform::Cargo(package) => Command::new(folder("rust")?.join("target/release").join(package)),
        Platform::Maven(module, class) => {
            let target = folder("jvm")?.join(module).join("target");
            let classes = format!("{0}/classes:{0}/libs/*", target.display());
            let mut java = Command::new("java");
            // An eighth faster with it here than with the default.
            let collector = (contender == Contender::Pekko).then_some("-XX:+UseParallelGC");
            java.args(HEAP).args(collector).args(["-cp", &classes, class]);
            java
        }
    })
}

/// A folder of `bench/peers` in the clone.
fn folder(name: &str) -> Result<PathBuf> {
    let folder = clone_root()?.join("bench/peers").join(name);
    ensure!(folder.is_dir(), "{} is missing", folder.display());
    Ok(folder)
}

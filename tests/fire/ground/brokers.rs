//! Three Kafka brokers: `deploy/kafka/server.properties` with three copies of everything, all addresses through proxies.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use tests::services::said;
use tokio::time::{Instant, sleep};

use super::Ground;
use crate::party::{BROKERS, Party};
use crate::process::Recipe;

/// Any 22 characters of base64: a cluster of one run never meets another.
const CLUSTER: &str = "karmyq-fire-cluster-00";

/// What a cluster of three changes. Later lines win in a properties file.
const REPLICATED: &str = "
offsets.topic.replication.factor=3
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
share.coordinator.state.topic.replication.factor=3
share.coordinator.state.topic.min.isr=2
default.replication.factor=3
min.insync.replicas=2

# A broker that is away is noticed in 6 s, one that lags behind in 10 s; the defaults, 9 s and 30 s, would leave a run
# little time between two faults.
broker.session.timeout.ms=6000
broker.heartbeat.interval.ms=1000
replica.lag.time.max.ms=10000

# Leaders come back by themselves, so that leadership moves all the time.
leader.imbalance.check.interval.seconds=30
leader.imbalance.per.broker.percentage=1
";

/// Java for a machine that runs a dozen processes on two cores.
const JAVA: [&str; 5] =
    ["-Xms192m", "-Xmx320m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true"];

pub(super) fn folder(ground: &Ground, n: u8) -> PathBuf {
    ground.site.state.join(format!("broker-{n}"))
}

/// `java` with Kafka's class path.
fn java(ground: &Ground) -> Vec<String> {
    let logging = ground.site.root.join("deploy/kafka/log4j2.properties");
    let mut command = vec!["java".to_owned()];
    command.extend(JAVA.map(str::to_owned));
    command.push(format!("-Dlog4j2.configurationFile={}", logging.display()));
    command.extend(["-cp".to_owned(), format!("{}/libs/*", ground.site.kafka_home.display())]);
    command
}

pub(super) fn recipe(ground: &Ground, n: u8) -> Result<Recipe> {
    let folder = folder(ground, n);
    std::fs::create_dir_all(&folder)?;
    let properties = folder.join("server.properties");
    std::fs::write(&properties, configuration(ground, n)?)?;
    let mut command = java(ground);
    command.extend(["kafka.Kafka".to_owned(), properties.display().to_string()]);
    let log = ground.site.log(&Party::Broker(n).to_string());
    Ok(Recipe { command, variables: Vec::new(), folder, log, stop: Signal::TERM })
}

fn configuration(ground: &Ground, n: u8) -> Result<String> {
    let shared = ground.site.root.join("deploy/kafka/server.properties");
    let mut text = std::fs::read_to_string(&shared).with_context(|| shared.display().to_string())?;
    let (place, controller) = (ground.places.of(Party::Broker(n)), ground.places.controller(n));
    let voters = (1..=BROKERS).map(|n| format!("{n}@{}", ground.places.controller(n).proxy));
    let voters = voters.collect::<Vec<_>>().join(",");
    text.push_str(REPLICATED);
    writeln!(text, "node.id={n}")?;
    writeln!(text, "log.dirs={}", folder(ground, n).join("data").display())?;
    writeln!(text, "listeners=PLAINTEXT://{},CONTROLLER://{}", place.own, controller.own)?;
    let advertised = format!("PLAINTEXT://{},CONTROLLER://{}", place.proxy, controller.proxy);
    writeln!(text, "advertised.listeners={advertised}")?;
    writeln!(text, "controller.quorum.voters={voters}")?;
    Ok(text)
}

/// Formats the directories of all brokers, side by side.
pub(super) fn format(ground: &Ground) -> Result<()> {
    let mut formatting = Vec::new();
    for n in 1..=BROKERS {
        let command = java(ground);
        let properties = folder(ground, n).join("server.properties");
        let child = Command::new(&command[0])
            .args(&command[1..])
            .args(["kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c"])
            .arg(properties)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn();
        formatting.push(child.context("java")?);
    }
    for child in formatting {
        let output = child.wait_with_output()?;
        ensure!(output.status.success(), "a broker's directory cannot be formatted: {}", said(&output));
    }
    Ok(())
}

/// Waits until every broker says that it has started.
pub(super) async fn ready(ground: &Ground) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(90);
    for n in 1..=BROKERS {
        let log = ground.processes[&Party::Broker(n)].log();
        while !std::fs::read_to_string(log).unwrap_or_default().contains("Kafka Server started") {
            ensure!(Instant::now() < deadline, "broker {n} does not start; its log is {}", log.display());
            sleep(Duration::from_millis(200)).await;
        }
    }
    Ok(())
}

pub(super) fn tool(ground: &Ground, arguments: &[&str]) -> Result<Output> {
    let command = java(ground);
    let servers = ground.places.bootstrap_servers();
    let output = Command::new(&command[0])
        .args(&command[1..])
        .args(arguments)
        .args(["--bootstrap-server", &servers])
        .output();
    output.context("java")
}

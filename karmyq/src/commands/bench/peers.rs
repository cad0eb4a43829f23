//! `karmyq bench peers`: the account workload of `bench/peers/README.md`, with us and with others, never two at once.
//!
//! `rivals` builds and runs the programs of `bench/peers`, `ours` does the same with our writer; `database` is where
//! rivals keep theirs, `report` what all of them tell.

mod database;
mod ours;
mod report;
mod rivals;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use self::ours::Ours;
use self::report::{Failure, Measured, Report};
use super::closed_loop::Plan;
use super::ground::{self, Ground, Servers};
use super::report::answer;
use crate::terminal::mention;

/// What to measure and how to answer.
#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// Measure for seconds instead of a quarter of a minute, over fewer accounts
    #[arg(long)]
    quick: bool,
    /// Answer with one JSON object on standard output
    #[arg(long)]
    json: bool,
    /// Measure only this one; may be repeated
    #[arg(long, value_name = "NAME")]
    only: Vec<Contender>,
    #[command(flatten)]
    servers: Servers,
}

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Contender {
    /// Our writer
    Karmyq,
    /// Our writer on a broker that syncs every append
    KarmyqSynced,
    /// Pekko persistence on PostgreSQL
    Pekko,
    /// Kafka Streams, exactly once, that commits every 5 ms
    KafkaStreams,
    /// The same on a broker that syncs every append
    KafkaStreamsSynced,
    /// Kafka Streams, exactly once, that commits every 100 ms, which is its default
    KafkaStreamsDefault,
    /// cqrs-es with postgres-es
    CqrsEs,
    /// disintegrate with disintegrate-postgres
    Disintegrate,
}

/// How much of it, for everybody.
#[derive(Clone, Copy, Debug)]
pub(super) struct Workload {
    /// Accounts, all alike.
    accounts: u32,
    /// Each load.
    plan: Plan,
}

/// Clients at a time, one load after the other.
const CLIENTS: [usize; 4] = [1, 8, 64, 256];

impl Arguments {
    fn contenders(&self) -> Vec<Contender> {
        let all = Contender::value_variants().iter().copied();
        all.filter(|it| self.only.is_empty() || self.only.contains(it)).collect()
    }

    const fn workload(&self) -> Workload {
        let (accounts, warm_up, measured) = if self.quick { (2_000, 2, 4) } else { (10_000, 5, 15) };
        let plan = Plan { warm_up: Duration::from_secs(warm_up), measured: Duration::from_secs(measured) };
        Workload { accounts, plan }
    }
}

impl Contender {
    /// As `--only` takes it.
    fn name(self) -> String {
        self.to_possible_value().map(|it| it.get_name().to_owned()).unwrap_or_default()
    }

    /// Whether the broker syncs every append meanwhile.
    const fn is_synced(self) -> bool {
        matches!(self, Self::KarmyqSynced | Self::KafkaStreamsSynced)
    }

    /// Whether it is our own writer.
    const fn is_ours(self) -> bool {
        matches!(self, Self::Karmyq | Self::KarmyqSynced)
    }
}

/// Measures one after the other and reports. The servers, which were started for it, are ended whatever happens.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode> {
    let contenders = arguments.contenders();
    rivals::build(&contenders).await?;
    let measuring = async |ground: &Ground| measure(ground, &contenders, arguments.workload()).await;
    let report = ground::on(arguments.servers, measuring).await?;
    let told = answer(&report, arguments.json, Report::tell)?;
    Ok(if report.failures.is_empty() { told } else { ExitCode::FAILURE })
}

async fn measure(ground: &Ground, contenders: &[Contender], workload: Workload) -> Result<Report> {
    let mut report = Report::on_this_machine(workload)?;
    let mut ours = None;
    for &contender in contenders {
        mention(format_args!("measuring {}", contender.name()));
        match measure_one(ground, contender, workload, &mut ours).await {
            Ok(measured) => report.measured.push(measured),
            Err(failure) => {
                mention(format_args!("{} failed: {failure:#}", contender.name()));
                report.failures.push(Failure { name: contender.name(), reason: format!("{failure:#}") });
            }
        }
    }
    Ok(report)
}

async fn measure_one(
    ground: &Ground,
    contender: Contender,
    workload: Workload,
    ours: &mut Option<Ours>,
) -> Result<Measured> {
    sync_every_append(ground, contender.is_synced()).await?;
    if !contender.is_ours() {
        return rivals::measure(ground, contender, workload).await;
    }
    if ours.is_none() {
        *ours = Some(Ours::settle(ground).await?);
    }
    let ours = ours.as_mut().context("people have settled")?;
    ours.measure(&contender.name(), contender.is_synced(), workload).await
}

/// Whether the broker syncs each append of each topic to disk before it acknowledges it: those of events, but also those
/// of transactions and offsets, without which a synced event would not count after a power cut.
async fn sync_every_append(ground: &Ground, every: bool) -> Result<()> {
    const SETTING: &str = "log.flush.interval.messages";
    let value = format!("{SETTING}={}", if every { 1 } else { i64::MAX });
    let set = ["configs", "--entity-type", "brokers", "--entity-default", "--alter", "--add-config", &value];
    ground.kafka(&set).await.context("how often the broker syncs")
}

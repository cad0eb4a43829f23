//! Fire: real processes around three real brokers, a load that knows what it was told, and faults of every kind drawn
//! from a seed. When all is mended, everything is read and judged by `tests::checker`.
//!
//! `./dev fire --seed 7 --minutes 2` prepares the ground and runs this. `ground` says how every process is started,
//! `network` is the cables between them, `faults` lists what can go wrong, `storm` lets it happen, `people` are the
//! clients, `rest` reads what is left, `report` tells.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line talks to its user")]

mod chance;
mod clock;
mod faults;
mod ground;
mod meter;
mod network;
mod party;
mod people;
mod process;
mod report;
mod rest;
mod storm;
mod world;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use service_kit::refusal::EXIT_CODE;
use tests::checker::violations;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::interval;

use crate::faults::KINDS;
use crate::ground::{Ground, Site};
use crate::people::Crowd;
use crate::process::Ending;
use crate::report::Report;
use crate::world::World;

/// How often a run says how it goes.
const WORD: Duration = Duration::from_secs(30);

/// What is asked for.
#[derive(Debug)]
struct Arguments {
    seed: u64,
    minutes: f64,
    json: bool,
    only: Option<String>,
}

const HELP: &str = "\
./dev fire [--seed N] [--minutes M] [--json] [--only PART] [--debug] [--no-build]

  --seed N      which faults; the same seed draws the same ones (default: the time)
  --minutes M   how long (default: 2)
  --json        one JSON object on standard output
  --only PART   only faults whose name contains PART; --list names them
  --debug       services of the debug profile
  --no-build    programs as they are";

impl Arguments {
    /// None when help is asked for.
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Option<Self>> {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
        let mut arguments = Self { seed: now, minutes: 2.0, json: false, only: None };
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("{word} needs a value"));
            match word.as_str() {
                "--seed" => arguments.seed = value()?.parse().context("--seed")?,
                "--minutes" => arguments.minutes = value()?.parse().context("--minutes")?,
                "--only" => arguments.only = Some(value()?),
                "--json" => arguments.json = true,
                "--list" => {
                    KINDS.iter().for_each(|it| println!("{}", it.name));
                    return Ok(None);
                }
                "--help" => {
                    println!("{HELP}");
                    return Ok(None);
                }
                other => bail!("unknown argument {other}\n{HELP}"),
            }
        }
        ensure!(arguments.minutes > 0.0 && arguments.minutes <= 10_000.0, "--minutes must be above 0");
        let only = arguments.only.as_deref().unwrap_or_default();
        ensure!(KINDS.iter().any(|it| it.name.contains(only)), "no kind of fault is named {only}");
        Ok(Some(arguments))
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let ran = async {
        let Some(arguments) = Arguments::parse(std::env::args().skip(1))? else { return Ok(true) };
        let (mut terminated, mut interrupted) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let ground = Ground::prepare(Site::from_environment()?).await?;
        // Every process dies with the ground, whichever of these comes first.
        tokio::select! {
            ran = run(&arguments, ground) => ran,
            _ = terminated.recv() => bail!("terminated"),
            _ = interrupted.recv() => bail!("interrupted"),
        }
    };
    match ran.await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("fire: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// From the first start to the report; whether nothing was found.
async fn run(arguments: &Arguments, ground: Ground) -> Result<bool> {
    let Arguments { seed, minutes, json, only } = arguments;
    eprintln!("fire: seed {seed}, {minutes} minutes; starting {} processes", ground.processes.len());
    ground.start().await?;
    let world = World::new(ground);
    let crowd = Crowd::gather(&world, *seed).await?;
    eprintln!("fire: burning");
    let mut clients = crowd.begin();
    let telling = tokio::spawn(tell(Arc::clone(&world)));
    storm::rage(&world, *seed, Duration::from_secs_f64(minutes * 60.0), only.as_deref()).await;
    eprintln!("fire: everything is mended after {} faults; waiting for rest", world.struck().len());
    // A service that cannot come back is a finding of its own; what else there is to be found is found all the same.
    if let Err(error) = world.ground.ready(Duration::from_secs(90)).await {
        world.history().faults.push(format!("{error:#}"));
    }
    world.closing.cancel();
    while let Some(client) = clients.join_next().await {
        client.context("a client does not panic")?;
    }
    telling.abort();
    if let Err(error) = rest::settle(&world).await {
        world.history().faults.push(format!("no rest: {error:#}"));
    }
    // Nothing that strikes changes what the contract says, so nobody may say that it was changed.
    for (party, process) in &world.ground.processes {
        let refused = |it: &Ending| it.status.code() == Some(i32::from(EXIT_CODE));
        let refusals = process.endings().into_iter().filter(refused);
        world.history().faults.extend(refusals.map(|it| format!("{party}: {it}")));
    }
    write_faults(&world)?;
    let history = rest::read(&world).await?;
    eprintln!("fire: checking {} attempts and {} events", history.attempts.len(), history.events.len());
    let violations = violations(&history);
    let report = Report::new(&world, *seed, *minutes, history, violations);
    match json {
        true => println!("{:#}", report.json()),
        false => println!("{}", report.page()),
    }
    Ok(report.violations.is_empty())
}

/// Says now and then how it goes.
async fn tell(world: Arc<World>) {
    let mut words = interval(WORD);
    words.tick().await;
    loop {
        words.tick().await;
        let (attempts, reads) = {
            let history = world.history();
            (history.attempts.len(), history.reads.len())
        };
        let (faults, elapsed) = (world.struck().len(), world.elapsed().as_secs());
        eprintln!("fire: {elapsed} s, {faults} faults, {attempts} attempts, {reads} reads");
        if let Err(error) = write_faults(&world) {
            eprintln!("fire: {error:#}");
        }
    }
}

/// Writes down what has happened so far, beside what the processes have said.
fn write_faults(world: &World) -> Result<()> {
    let blows: String = world.struck().iter().map(|it| format!("{it}\n")).collect();
    let log = world.ground.site.log("faults");
    std::fs::write(&log, blows).with_context(|| log.display().to_string())
}

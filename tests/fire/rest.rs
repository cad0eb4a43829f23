//! After the storm: waiting until nothing moves any more, and reading all that is left.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Result, anyhow, ensure};
use event_log::{Decoder, EventLog, KafkaLog, SchemaRegistry, TopicPartition};
use event_schemas::topics::partitions;
use event_schemas::{CommandId, Domain, Timestamp};
use serde_json::Value;
use sqlx::PgPool;
use tests::checker::{Answer, Attempt, History, Rule, Table, violations};
use tests::leftovers::leftovers;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::ground::PROFILE;
use crate::party::Party;
use crate::world::World;

/// How long it may take until nothing moves.
const REST: Duration = Duration::from_secs(120);
/// How long nothing must have moved.
const STILL: Duration = Duration::from_secs(3);
/// How long a policy's command may wait beyond that.
const BACKLOG: Duration = Duration::from_secs(60);

/// What may be so already: everything else brings something about or is refused.
const ALREADY_SO: [&str; 10] =
    ["accept", "call", "cancel", "complete", "leave", "part", "read all", "reject", "rename", "tag"];

/// Waits until every service is ready and the log stands still.
pub(crate) async fn settle(world: &World) -> Result<()> {
    world.ground.ready(REST).await?;
    let log = KafkaLog::connect(&world.ground.places.bootstrap_servers())?;
    let deadline = Instant::now() + REST;
    let (mut before, mut since) = (Vec::new(), Instant::now());
    loop {
        let ends = match ends(&log).await {
            Ok(ends) => ends,
            // A leader that was elected just now is not known to everybody yet.
            Err(error) if Instant::now() < deadline => {
                eprintln!("fire: {error:#}");
                since = Instant::now();
                sleep(Duration::from_millis(500)).await;
                continue;
            }
            Err(error) => return Err(error),
        };
        let hanging: Vec<_> = ends.iter().filter(|(_, stable, end)| stable < end).collect();
        if ends != before || !hanging.is_empty() {
            since = Instant::now();
        } else if since.elapsed() >= STILL {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "the log does not stand still after {REST:?}; open: {hanging:?}");
        before = ends;
        sleep(Duration::from_millis(500)).await;
    }
}

/// Last stable offset and high watermark of every partition of events and commands.
async fn ends(log: &KafkaLog) -> Result<Vec<(TopicPartition, i64, i64)>> {
    let mut ends = Vec::new();
    for domain in Domain::ALL {
        for topic in [domain.events_topic(), domain.commands_topic()] {
            for partition in 0..partitions(domain, PROFILE) {
                let of = TopicPartition::new(topic, partition);
                let (stable, end) = (log.last_stable_offset(&of).await?, log.high_watermark(&of).await?);
                ends.push((of, stable, end));
            }
        }
    }
    Ok(ends)
}

/// The whole history: what clients have seen, what the log holds, what read models show.
pub(crate) async fn read(world: &Arc<World>) -> Result<History> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros();
    let settled_at = Timestamp::from_micros(i64::try_from(now)? - 30_000_000);
    let mut seen = std::mem::take(&mut *world.history());
    seen.settled_at = Some(settled_at);
    let mut history = read_log(world, seen).await?;
    name_accounts(world, &mut history);
    tell_unchanged(&mut history);
    read_models(world, &mut history).await?;
    panics(world, &mut history);
    Ok(history)
}

/// Reads the log, once more as long as it does not answer or a policy's command waits for its owner.
async fn read_log(world: &World, mut seen: History) -> Result<History> {
    let servers = world.ground.places.bootstrap_servers();
    let log = KafkaLog::connect(&servers)?;
    let registry = world.ground.places.of(Party::Registry).proxy;
    let registry = SchemaRegistry::connect(&format!("http://{registry}/apis/ccompat/v7"))?;
    let decoder = Decoder::new(registry.codec().await?, Arc::new(registry));
    let deadline = Instant::now() + BACKLOG;
    loop {
        let mut logged = History::default();
        match logged.read_log(&log, &decoder, PROFILE).await {
            Ok(()) => {}
            Err(fault) if Instant::now() < deadline => {
                eprintln!("fire: the log cannot be read yet: {fault:?}");
                sleep(Duration::from_secs(1)).await;
                continue;
            }
            Err(fault) => return Err(anyhow!("the log cannot be read: {fault:?}")),
        }
        let waits = violations(&logged).iter().any(|it| it.rule == Rule::PoliciesReachTheirTarget);
        if !waits || Instant::now() > deadline {
            (seen.events, seen.commands) = (logged.events, logged.commands);
            (seen.buried, seen.hanging) = (logged.buried, logged.hanging);
            return Ok(seen);
        }
        sleep(Duration::from_secs(1)).await;
    }
}

/// Turns acknowledged accounts into attempts, by the command that stands where the answer said.
fn name_accounts(world: &World, history: &mut History) {
    let at: HashMap<_, _> =
        history.events.iter().map(|it| (&it.position, it.record.envelope.command_id)).collect();
    let attempts = world.accounts().into_iter().map(|account| Attempt {
        // A lost one has the id of no command, and is found lost.
        command: at.get(&account.position).copied().unwrap_or(CommandId::new(Uuid::nil())),
        aggregate: account.id,
        what: "register".to_owned(),
        sent: account.at,
        at: account.at,
        via: "any".to_owned(),
        answer: Answer::Appended {
            version: account.version,
            position: account.position,
            events: None,
            replayed: None,
        },
    });
    let attempts: Vec<_> = attempts.collect();
    history.attempts.extend(attempts);
}

/// An answer to a command that changed nothing has the position of whatever made it so. Only the log tells it from one
/// that appended: there another command's event of that version stands. What always changes something is not excused.
fn tell_unchanged(history: &mut History) {
    let at: HashMap<_, _> = history.events.iter().map(|it| (&it.position, &it.record.envelope)).collect();
    let made_before = |attempt: &Attempt| {
        let Answer::Appended { version, position, replayed: Some(false), .. } = &attempt.answer else {
            return false;
        };
        let other = at.get(position).filter(|it| it.command_id != attempt.command);
        ALREADY_SO.contains(&attempt.what.as_str())
            && other
                .is_some_and(|it| it.aggregate_version >= *version && it.aggregate_id == attempt.aggregate)
    };
    let unchanged: Vec<_> = history.attempts.iter().map(made_before).collect();
    let (mut appended, mut excused) = (HashSet::new(), HashSet::new());
    for (attempt, unchanged) in history.attempts.iter_mut().zip(unchanged) {
        if unchanged {
            attempt.answer = Answer::Unchanged;
            excused.insert(attempt.command);
        } else if matches!(attempt.answer, Answer::Appended { .. }) {
            appended.insert(attempt.command);
        }
    }
    // It is decided again each time, and need not show the same.
    history.shown.retain(|it| appended.contains(&it.command) && !excused.contains(&it.command));
}

/// Waits until everything is folded, and compares the tables with a replay.
async fn read_models(world: &Arc<World>, history: &mut History) -> Result<()> {
    let database = PgPool::connect(&world.ground.database("postgres", "superuser")?).await?;
    let mut lasts = HashMap::new();
    for event in &history.events {
        let of = (event.position.of.topic.to_string(), event.position.of.partition);
        lasts.insert(of, event.position.offset);
    }
    let deadline = Instant::now() + REST;
    while let Some(behind) = behind(&database, &lasts).await? {
        if Instant::now() > deadline {
            history.faults.push(format!("not folded after {REST:?}: {behind}"));
            break;
        }
        sleep(Duration::from_millis(200)).await;
    }
    let parked: Vec<String> =
        sqlx::query_scalar("select row_to_json(p)::text from projection.parked p limit 20")
            .fetch_all(&database)
            .await?;
    history.buried.extend(parked.into_iter().map(|it| format!("parked: {it}")));
    let verifying = Arc::clone(world);
    let verify = move || verifying.ground.karmyq_output(&["projections", "verify", "--json"]);
    let output = tokio::task::spawn_blocking(verify).await??;
    let told: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| anyhow!("{error}: {}", tests::services::said(&output)))?;
    let projections = told.as_array().into_iter().flatten();
    for table in projections.flat_map(|it| it["tables"].as_array().into_iter().flatten()) {
        let text = |name: &str| table[name].to_string();
        let name = table["table"].as_str().unwrap_or_default().to_owned();
        history.tables.push(Table { name, live: text("live"), replayed: text("replayed") });
    }
    ensure!(!history.tables.is_empty(), "there are no read models: {told}");
    rebuilt(world, &database, history).await
}

/// Whoever was killed while it rebuilt a model is in nobody's way, and what it has left is gone afterwards.
async fn rebuilt(world: &Arc<World>, database: &PgPool, history: &mut History) -> Result<()> {
    let rebuilding = Arc::clone(world);
    let rebuild = move || rebuilding.ground.karmyq(&["projections", "rebuild", "--all"]);
    if let Err(error) = tokio::task::spawn_blocking(rebuild).await? {
        history.faults.push(format!("{error:#}"));
    }
    let left = leftovers(database).await?;
    history.faults.extend(left.into_iter().map(|it| format!("{it} belongs to no version of a model")));
    Ok(())
}

/// A projection that has not folded everything up to these offsets.
async fn behind(database: &PgPool, lasts: &HashMap<(String, i32), i64>) -> Result<Option<String>> {
    let checkpoints: Vec<(String, String, i32, i64)> = sqlx::query_as(
        "select c.projection, c.topic, c.partition, c.next_offset
         from projection.checkpoints c join projection.active a using (projection, version)",
    )
    .fetch_all(database)
    .await?;
    ensure!(!checkpoints.is_empty(), "no projection has a checkpoint");
    let mut behind = checkpoints.into_iter().filter(|(_, topic, partition, next)| {
        lasts.get(&(topic.clone(), *partition)).is_some_and(|last| next <= last)
    });
    Ok(behind
        .next()
        .map(|(projection, topic, partition, next)| format!("{projection} is at {topic}/{partition}@{next}")))
}

/// A service that panicked has a fault, even if nobody noticed.
fn panics(world: &World, history: &mut History) {
    for party in Party::services() {
        let log = std::fs::read_to_string(world.process(party).log()).unwrap_or_default();
        let lines = log.lines().filter(|it| it.contains("panicked at"));
        history.faults.extend(lines.map(|it| format!("{party}: {it}")));
    }
}

//! `karmyq bench takeover`: how long a partition with a long history is away, with and without its snapshot.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use clap::Args;
use command_api::views::Replicas;
use command_api::writer::SnapshotConfig;
use domain::State;
use domain::community::{Config, Settings};
use domain::help_request::{
    Caller, CancelRequest, Command, CreateRequest, Draft, Edit, Place, UpdateRequest,
};
use domain::views::CommunityFacts;
use event_log::{NewRecord, TopicPartition};
use event_schemas::request::RequestEvent;
use event_schemas::{
    AggregateType, CommandId, CommunityId, CorrelationId, Domain, Envelope, Event, EventId, Metadata,
    Recorded, RequestId, SealedFields, Timestamp, UserId, topics,
};
use serde::Serialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::ceiling::{Member, create_topic};
use super::ground::{self, Ground, Servers};
use super::in_process::{self, Writer};
use super::report::answer;
use crate::engine::Engine;
use crate::terminal::{mention, say};

/// The partition whose history is long.
const PARTITION: i32 = 0;
/// Records of a window.
const WINDOW: usize = 2_000;
/// When events are: the broker takes none from the future, and no timer of them is due.
const AGO: Duration = Duration::from_secs(12 * 3_600);
/// When those are whose commands the owner need not remember any more.
const LONGER_AGO: Duration = Duration::from_secs(36 * 3_600);
/// How long an idle owner may take to write all it remembers.
const SAVED: Duration = Duration::from_secs(300);
/// How long nothing more must have been written before it counts as all.
const STILL: Duration = Duration::from_secs(1);
/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// How much to take over, and where.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Arguments {
    /// Events of the partition
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// Events of each aggregate
    #[arg(long, default_value_t = 10)]
    each: u64,
    /// How many of them are of the last day, whose commands the owner remembers; the rest is older. All without
    #[arg(long)]
    recent: Option<u64>,
    /// Answer with one JSON object on standard output
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    servers: Servers,
}

/// What was measured, in seconds; `--json` prints exactly these fields.
#[derive(Clone, Copy, Debug, Serialize)]
struct Report {
    /// Events of the partition.
    events: u64,
    /// From joining until everything is served, with an empty log.
    empty_seconds: f64,
    /// The same, with these events to replay.
    replayed_seconds: f64,
    /// The same, from a snapshot of them.
    restored_seconds: f64,
    /// How long a process that starts folds them into its views before it joins. Those that run already have done that.
    views_seconds: f64,
}

/// Measures and reports.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode> {
    let report = ground::on(arguments.servers, async |ground| measure(ground, arguments).await).await?;
    answer(&report, arguments.json, Report::tell)
}

impl Report {
    fn tell(&self) {
        let Self { events, empty_seconds, replayed_seconds, restored_seconds, views_seconds } = self;
        let replaying = format!("the same with {events} events to replay");
        say(format_args!("{:<48} {empty_seconds:6.2} s", "from joining to serving everything, empty log"));
        say(format_args!("{replaying:<48} {replayed_seconds:6.2} s"));
        say(format_args!("{:<48} {restored_seconds:6.2} s", "the same from a snapshot of them"));
        say(format_args!("{:<48} {views_seconds:6.2} s", "views of a process that starts, before it joins"));
    }
}

async fn measure(ground: &Ground, Arguments { events, each, recent, .. }: Arguments) -> Result<Report> {
    let engine = Engine::connect(ground.settings()).await?;
    let stop = CancellationToken::new();
    let of_stop = stop.clone().drop_guard();
    let views = in_process::follow(&engine, &stop).await?;
    let empty = served(&engine, &views, "nobody").await?;
    mention(format_args!("appending {events} events"));
    fill(&engine, events, each.max(1), recent.unwrap_or(events)).await?;
    views.ready().await?;
    let replayed = served(&engine, &views, "nobody").await?;
    let before = snapshots(&engine).await?;
    mention("waiting for the snapshot");
    save(&engine, &views, before + i64::try_from(events / each.max(1))?).await?;
    let restored = served(&engine, &views, &SnapshotConfig::default().fold).await?;
    let began = Instant::now();
    in_process::follow(&engine, &stop).await?;
    let views = began.elapsed();
    drop(of_stop);
    Ok(Report {
        events,
        empty_seconds: empty.as_secs_f64(),
        replayed_seconds: replayed.as_secs_f64(),
        restored_seconds: restored.as_secs_f64(),
        views_seconds: views.as_secs_f64(),
    })
}

/// How long it takes a running instance, whose views are there, to join with code of this name and to serve all partitions.
/// What it writes at its farewell other code ignores.
async fn served(engine: &Engine, views: &Replicas, fold: &str) -> Result<Duration> {
    let never = SnapshotConfig { every: u64::MAX, fold: fold.to_owned(), ..SnapshotConfig::default() };
    let began = Instant::now();
    let writer = Writer::with(engine, views.clone(), never, CancellationToken::new()).await?;
    let took = began.elapsed();
    writer.stop().await?;
    Ok(took)
}

/// Lets an owner write snapshots in its idle time until all of them, and so many records on the topics, are there.
async fn save(engine: &Engine, views: &Replicas, records: i64) -> Result<()> {
    let always = SnapshotConfig { every: 1, ..SnapshotConfig::default() };
    let writer = Writer::with(engine, views.clone(), always, CancellationToken::new()).await?;
    saved(engine, records).await?;
    writer.stop().await
}

/// Returns when so many records of snapshots of requests are there, and no more are written.
pub(super) async fn saved(engine: &Engine, records: i64) -> Result<()> {
    let began = Instant::now();
    let (mut last, mut since) = (snapshots(engine).await?, began);
    while last < records || since.elapsed() < STILL {
        ensure!(began.elapsed() < SAVED, "the snapshots are not there in time");
        tokio::time::sleep(LOOK).await;
        let now = snapshots(engine).await?;
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
    Ok(())
}

/// How many records of snapshots of requests were ever written.
async fn snapshots(engine: &Engine) -> Result<i64> {
    let mut records = 0;
    for partition in 0..topics::partitions(Domain::Request, engine.profile) {
        let of = TopicPartition::new(Domain::Request.snapshots_topic(), partition);
        records += engine.log.high_watermark(&of).await?;
    }
    Ok(records)
}

/// Appends requests that are edited again and again.
async fn fill(engine: &Engine, events: u64, each: u64, recent: u64) -> Result<()> {
    create_topic(engine).await?;
    let member = Member::join(engine.log.as_ref()).await?;
    let mut lane = engine.log.lane(&format!("karmyq-bench-{}", Uuid::now_v7())).await?;
    let mut records = Vec::with_capacity(WINDOW);
    for number in 0..events / each {
        let request = (RequestId::new(Uuid::now_v7()), UserId::new(Uuid::now_v7()));
        let ago = if (number + 1) * each <= events.saturating_sub(recent) { LONGER_AGO } else { AGO };
        let at = moment(ago, number)?;
        records.extend(history(engine, request, PARTITION, at, End::Open(each))?);
        if records.len() >= WINDOW {
            member.append_window(lane.as_mut(), std::mem::take(&mut records)).await?;
        }
    }
    if !records.is_empty() {
        member.append_window(lane.as_mut(), records).await?;
    }
    Ok(())
}

/// What becomes of a request that has so many events.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    /// Nothing yet.
    Open(u64),
    /// It is taken back by the last of them.
    Cancelled(u64),
}

/// Appends so many requests of a person, each to the partition of its id; returns the ids.
pub(super) async fn ask(
    engine: &Engine,
    count: usize,
    requester: UserId,
    end: End,
) -> Result<Vec<RequestId>> {
    create_topic(engine).await?;
    let member = Member::join(engine.log.as_ref()).await?;
    let mut lane = engine.log.lane(&format!("karmyq-bench-{}", Uuid::now_v7())).await?;
    let requests: Vec<_> = (0..count).map(|_| RequestId::new(Uuid::now_v7())).collect();
    for (window, requests) in (0..).zip(requests.chunks(WINDOW)) {
        let at = moment(AGO, window)?;
        let mut records = Vec::with_capacity(WINDOW);
        for request in requests {
            let to = engine.encoder.partition(Domain::Request.events_topic(), request.to_string().as_bytes());
            records.extend(history(engine, (*request, requester), to, at, end)?);
        }
        member.append_window(lane.as_mut(), records).await?;
    }
    Ok(requests)
}

/// A moment so long ago: events of one moment have the same number, and later ones a higher one.
fn moment(ago: Duration, number: u64) -> Result<Timestamp> {
    let ago = i64::try_from(ago.as_micros())?;
    Ok(Timestamp::from_micros(chrono::Utc::now().timestamp_micros() - ago + i64::try_from(number)? * 1_000))
}

/// The events of one request, as its owner would have decided them; without texts, so that no keys are needed.
fn history(
    engine: &Engine,
    (request_id, requester): (RequestId, UserId),
    partition: i32,
    now: Timestamp,
    end: End,
) -> Result<Vec<NewRecord>> {
    let community = CommunityId::new(Uuid::from_u128(1));
    let caller = Caller { user: requester, in_audience: true };
    let mut state = State::initial(AggregateType::HelpRequest);
    let mut records = Vec::new();
    let (End::Open(events) | End::Cancelled(events)) = end;
    let events = i64::try_from(events)?;
    for version in 1..=events {
        let command = if version == 1 {
            let body = json!({"title": "Carry a sofa", "description": "Two floors up on Saturday morning."});
            let draft =
                Draft::parse(body.as_object().context("an object")?).map_err(|it| anyhow!("{it:?}"))?;
            let facts =
                CommunityFacts { active: true, settings: Settings::default(), config: Config::default() };
            let places = vec![Place { community, member: true, facts: Arc::new(facts) }];
            Command::CreateRequest(Box::new(CreateRequest {
                request_id,
                requester,
                draft,
                places,
                everywhere: false,
            }))
        } else if matches!(end, End::Cancelled(_)) && version == events {
            Command::CancelRequest(CancelRequest { by: caller })
        } else {
            let body = json!({"urgency": if version % 2 == 0 { "high" } else { "low" }});
            let edit = Edit::parse(body.as_object().context("an object")?).map_err(|it| anyhow!("{it:?}"))?;
            Command::UpdateRequest(Box::new(UpdateRequest { by: caller, edit }))
        };
        let decided = state.decide(&command.into(), now).map_err(|it| anyhow!("{it:?}"))?;
        for payload in decided {
            let payload = without_texts(payload);
            let event = recorded(payload, request_id, version, now);
            let meta = domain::Meta { event_id: event.envelope.event_id, at: now };
            state.evolve(&event.payload, meta);
            records.push(engine.encoder.event(&event, partition, None, None)?);
        }
    }
    Ok(records)
}

fn without_texts(mut event: Event) -> Event {
    if let Event::Request(RequestEvent::RequestCreated(created)) = &mut event {
        (created.title, created.description) = (None, None);
    }
    debug_assert!(event.sealed_fields().is_empty(), "nothing personal is left");
    event
}

fn recorded(payload: Event, of: RequestId, version: i64, at: Timestamp) -> Recorded<Event> {
    let command_id = CommandId::new(Uuid::now_v7());
    let envelope = Envelope {
        event_id: EventId::new(Uuid::now_v7()),
        timestamp: at,
        correlation_id: CorrelationId::from(command_id),
        causation_id: None,
        aggregate_type: AggregateType::HelpRequest,
        aggregate_id: of.to_string(),
        aggregate_version: version,
        community_id: None,
        actor: None,
        command_id,
        metadata: Metadata::default(),
    };
    Recorded { envelope, payload }
}

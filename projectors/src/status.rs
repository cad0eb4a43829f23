//! Status: how far every projection is, whether it moves, and what is in its way.

mod lag;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use event_log::{EventLog, LogError, Position, TopicPartition};
use event_schemas::topics::Profile;
use futures::StreamExt as _;
use serde::Serialize;
use sqlx::{FromRow, PgPool};

use crate::hanging::Hanging;
use crate::projection::Registration;
use crate::rebuild::{self, Error, JobState, JobStatus};
use crate::replay::{self, Source};
use crate::{registry, troubles};

/// A checkpoint that has not moved for so long, while there was something to fold all the time, is frozen.
const FROZEN_AFTER: f64 = 30.0;

/// A projection whose oldest event that is not folded is younger than this is live, in seconds.
const LIVE_WITHIN: f64 = 5.0;

/// Over how long the rate is measured, where something is behind.
const MEASURED: Duration = Duration::from_secs(1);

/// Partitions that are looked at at once.
const AT_ONCE: usize = 8;

/// How long a partition's end is waited for; and those of the others once one has not come, as nobody wants to wait for each.
const ANSWERED: Duration = Duration::from_secs(3);
const ANSWERED_NEXT: Duration = Duration::from_millis(300);

/// What is said where a broker tells an end and shows nothing of what lies before it.
const UNSEEN: &str =
    "the broker does not show what lies ahead in time; the seconds are those since the checkpoint moved";

/// Where to ask how far the log goes. Neither the registry nor a key is needed for that, which may be what is away.
#[derive(Clone, Debug)]
pub struct Ends {
    /// The log.
    pub log: Arc<dyn EventLog>,
    /// Decides the number of partitions.
    pub profile: Profile,
}

impl From<&Source> for Ends {
    fn from(source: &Source) -> Self {
        Self { log: Arc::clone(&source.log), profile: source.profile }
    }
}

/// A projection.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProjectionStatus {
    /// Its name.
    pub projection: &'static str,
    /// The live version; none before its first start.
    pub version: Option<i32>,
    /// The rows were made by other code than this: a rebuild is due.
    pub outdated: bool,
    /// The worst of its partitions' states, but rebuilding in place of live while a rebuild runs: only of what is live is that
    /// the news. What is worse stays to be seen, and `job` tells of the rebuild beside it.
    pub state: State,
    /// Records set aside.
    pub parked: i64,
    /// Keys that are held back with them.
    pub parked_keys: i64,
    /// The latest rebuild or rollback, under way or over.
    pub job: Option<JobStatus>,
    /// The version that `karmyq projections rollback` brings back.
    pub kept: Option<KeptStatus>,
    /// Its partitions.
    pub partitions: Vec<PartitionStatus>,
}

/// The version before the live one.
#[derive(Clone, Debug, Serialize, sqlx::FromRow)]
#[serde(rename_all = "camelCase")]
pub struct KeptStatus {
    /// Its number.
    pub version: i32,
    /// When it stopped being the live one.
    pub replaced_at: DateTime<Utc>,
}

/// A partition of a projection.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PartitionStatus {
    /// The topic.
    pub topic: String,
    /// The number of the partition.
    pub partition: i32,
    /// The first offset that is not folded.
    pub next_offset: i64,
    /// The end of the committed log: the last stable offset. None where the broker does not tell; the reason says why.
    pub end: Option<i64>,
    /// The end with open transactions: the high watermark.
    pub high_watermark: Option<i64>,
    /// Records that are not folded; counted up to 1 000, beyond that, or where the broker does not show them in time, the
    /// distance of the offsets. None where the end is not known.
    pub lag_events: Option<i64>,
    /// Age of the oldest of them in seconds; 0 without any. Where the broker does not show it in time, or does not tell the
    /// end, the seconds since the checkpoint last moved.
    pub lag_seconds: f64,
    /// Offsets per second in the last second; only where something is behind.
    pub per_second: Option<f64>,
    /// Seconds until the end is reached at this rate, if it is going to be.
    pub seconds_left: Option<f64>,
    /// Whether it moves.
    pub state: State,
    /// What keeps it from moving, as far as it is known.
    pub reason: Option<String>,
    /// Keys that are held back.
    pub parked_keys: i64,
    /// A transaction that nobody ends, and with it everything behind it in the partition.
    pub hanging: Option<Hanging>,
    /// When the checkpoint last moved.
    pub updated_at: Option<DateTime<Utc>>,
}

/// Whether a projection moves; the worse, the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Everything is folded, or what is not is younger than five seconds.
    Live,
    /// Of a projection, never of a partition: as live, and a new version is built beside it.
    Rebuilding,
    /// As live, but keys are held back: `karmyq dead-letters`.
    ParkedKeys,
    /// It folds and is not at the end yet.
    CatchingUp,
    /// It does not move, although there has been something to fold for 30 seconds.
    Frozen,
    /// So many keys are parked that the code must be at fault: nothing is folded until that is corrected.
    Stopped,
}

/// The status of all projections, or of the named one. Where something is behind this takes a second, for the rate.
///
/// # Errors
/// When there is no such projection, or the database fails. Where the log does, that is told of the partition.
pub async fn status(
    at: impl Into<Ends>,
    pool: &PgPool,
    name: Option<&str>,
) -> Result<Vec<ProjectionStatus>, Error> {
    let mut all = look(at, pool, name).await?;
    let partitions = || all.iter().flat_map(|it| &it.partitions);
    if partitions().any(|it| it.lag_seconds >= LIVE_WITHIN) {
        measure(pool, &mut all).await?;
    }
    Ok(all)
}

/// As [`status`], without rates: for whoever looks again and again.
///
/// # Errors
/// As [`status`].
pub async fn look(
    at: impl Into<Ends>,
    pool: &PgPool,
    name: Option<&str>,
) -> Result<Vec<ProjectionStatus>, Error> {
    let registrations: Vec<&Registration> = match name {
        Some(name) => vec![rebuild::named(name)?],
        None => registry::PROJECTIONS.iter().collect(),
    };
    let (at, silent, mut all) = (at.into(), AtomicBool::new(false), Vec::new());
    for registration in registrations {
        all.push(of_projection(&at, &silent, pool, registration).await?);
    }
    Ok(all)
}

async fn of_projection(
    at: &Ends,
    silent: &AtomicBool,
    pool: &PgPool,
    registration: &Registration,
) -> Result<ProjectionStatus, Error> {
    let active: Option<(i32, String)> =
        sqlx::query_as("SELECT version, fingerprint FROM projection.active WHERE projection = $1")
            .bind(registration.name)
            .fetch_optional(pool)
            .await?;
    let version = active.as_ref().map(|it| it.0);
    let known = known(pool, registration.name, version).await?;
    let looks = replay::partitions(registration, at.profile).into_iter().map(|of| {
        let known = known.get(&of).cloned().unwrap_or_default();
        of_partition(&at.log, silent, of, known)
    });
    let looks: Vec<_> = looks.collect();
    let partitions: Vec<_> = futures::stream::iter(looks).buffered(AT_ONCE).collect().await;
    let parked: i64 =
        sqlx::query_scalar("SELECT count(*) FROM projection.parked WHERE projection = $1 AND version = $2")
            .bind(registration.name)
            .bind(version)
            .fetch_one(pool)
            .await?;
    let kept = sqlx::query_as("SELECT version, replaced_at FROM projection.kept WHERE projection = $1")
        .bind(registration.name)
        .fetch_optional(pool)
        .await?;
    let job = rebuild::latest(pool, registration.name).await?;
    let of_rows = partitions.iter().map(|it| it.state).max().unwrap_or(State::Live);
    let rebuilding = job.as_ref().is_some_and(|it| it.kind == "rebuild" && it.state == JobState::Running);
    Ok(ProjectionStatus {
        projection: registration.name,
        version,
        outdated: active.is_some_and(|(_, fingerprint)| fingerprint != registration.fingerprint()),
        state: if rebuilding { of_rows.max(State::Rebuilding) } else { of_rows },
        parked,
        parked_keys: partitions.iter().map(|it| it.parked_keys).sum(),
        job,
        kept,
        partitions,
    })
}

/// What the database knows of a partition.
#[derive(Clone, Debug, Default, FromRow)]
struct Known {
    next_offset: i64,
    updated_at: Option<DateTime<Utc>>,
    parked_keys: i64,
    trouble: Option<troubles::State>,
    reason: Option<String>,
}

#[derive(FromRow)]
struct KnownOf {
    topic: String,
    partition: i32,
    #[sqlx(flatten)]
    known: Known,
}

async fn known(
    pool: &PgPool,
    projection: &str,
    version: Option<i32>,
) -> sqlx::Result<HashMap<TopicPartition, Known>> {
    let rows: Vec<KnownOf> = sqlx::query_as(
        "SELECT c.topic, c.partition, c.next_offset, c.updated_at, t.state AS trouble, t.reason,
             (SELECT count(DISTINCT p.record_key) FROM projection.parked AS p
              WHERE (p.projection, p.version, p.topic, p.partition)
                  = (c.projection, c.version, c.topic, c.partition)) AS parked_keys
         FROM projection.checkpoints AS c
         LEFT JOIN projection.troubles AS t ON (t.projection, t.topic, t.partition) = (c.projection, c.topic, c.partition)
             AND t.told_at > now() - interval '2 minutes'
         WHERE c.projection = $1 AND c.version = $2",
    )
    .bind(projection)
    .bind(version)
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|it| (TopicPartition::new(it.topic, it.partition), it.known)).collect())
}

async fn of_partition(
    log: &Arc<dyn EventLog>,
    silent: &AtomicBool,
    of: TopicPartition,
    known: Known,
) -> PartitionStatus {
    let next = Position { of, offset: known.next_offset };
    let (lag, unknown) = match lag_in_time(log, silent, &next).await {
        Ok(lag) => (Some(lag), None),
        Err(error) => (None, Some(format!("its end is not known: {error}"))),
    };
    let still = known.updated_at.map(|it| seconds_since(it.timestamp_millis()));
    // What was not shown may be of any age.
    let told = lag.as_ref().and_then(|it| it.seconds);
    let seconds = told.unwrap_or(f64::INFINITY);
    let hanging = lag.as_ref().and_then(|it| it.hanging.clone());
    let frozen = hanging.is_some() || seconds.min(still.unwrap_or(f64::INFINITY)) >= FROZEN_AFTER;
    let state = match known.trouble {
        Some(troubles::State::Stopped | troubles::State::Held) => State::Stopped,
        // Whatever its end is, nobody comes nearer to it.
        _ if frozen || lag.is_none() => State::Frozen,
        Some(troubles::State::Retrying) => State::CatchingUp,
        None if seconds >= LIVE_WITHIN => State::CatchingUp,
        None if known.parked_keys > 0 => State::ParkedKeys,
        None => State::Live,
    };
    let reason = known.reason.or(unknown).or_else(|| hanging.as_ref().map(Hanging::reason));
    let unseen = || told.is_none().then(|| UNSEEN.to_owned());
    // Whoever tries and fails says why: where nobody does, nobody tries.
    let alone = || (state == State::Frozen).then(|| nobody_folds(known.updated_at));
    PartitionStatus {
        topic: next.of.topic.to_string(),
        partition: next.of.partition,
        next_offset: next.offset,
        end: lag.as_ref().map(|it| it.end),
        high_watermark: lag.as_ref().map(|it| it.high_watermark),
        lag_events: lag.as_ref().map(|it| it.events),
        lag_seconds: told.or(still).unwrap_or_default(),
        per_second: None,
        seconds_left: None,
        state,
        reason: reason.or_else(unseen).or_else(alone),
        parked_keys: known.parked_keys,
        hanging,
        updated_at: known.updated_at,
    }
}

/// A broker that is away is waited for once.
async fn lag_in_time(
    log: &Arc<dyn EventLog>,
    silent: &AtomicBool,
    next: &Position,
) -> Result<lag::Lag, LogError> {
    let patience = if silent.load(Ordering::Relaxed) { ANSWERED_NEXT } else { ANSWERED };
    tokio::time::timeout(patience, lag::of(log, next)).await.unwrap_or_else(|_elapsed| {
        silent.store(true, Ordering::Relaxed);
        Err(LogError::Unavailable("no answer in time".to_owned()))
    })
}

/// Why it is frozen, as far as that can be told from elsewhere.
fn nobody_folds(since: Option<DateTime<Utc>>) -> String {
    let since = since.map_or_else(
        || "nobody has ever folded it".to_owned(),
        |at| format!("nobody has folded it since {}", at.format("%Y-%m-%dT%H:%M:%SZ")),
    );
    format!("{since}: is a process up that runs it (PROJECTIONS of projectors)?")
}

/// Looks a second time, for the rates.
async fn measure(pool: &PgPool, all: &mut [ProjectionStatus]) -> sqlx::Result<()> {
    let started = tokio::time::Instant::now();
    tokio::time::sleep(MEASURED).await;
    for of in all {
        let later = known(pool, of.projection, of.version).await?;
        let seconds = started.elapsed().as_secs_f64();
        for it in of.partitions.iter_mut().filter(|it| it.lag_events.is_some_and(|it| it > 0)) {
            let partition = TopicPartition::new(it.topic.as_str(), it.partition);
            let reached = later.get(&partition).map_or(it.next_offset, |it| it.next_offset);
            let per_second = (reached - it.next_offset) as f64 / seconds;
            it.per_second = Some(per_second);
            let left = it.end.map_or(0, |end| (end - reached).max(0));
            it.seconds_left = (per_second > 0.0).then(|| left as f64 / per_second);
        }
    }
    Ok(())
}

/// Seconds since this time; 0 for one that has not come yet.
fn seconds_since(millis: i64) -> f64 {
    (Utc::now().timestamp_millis() - millis).max(0) as f64 / 1_000.0
}

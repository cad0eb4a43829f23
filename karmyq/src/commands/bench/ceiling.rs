//! The ceiling: how fast the broker takes records in fenced transactions when nothing is decided.
//!
//! The same records as the writer's (read back from the log), in windows one after the other over lanes in turn, as the
//! writer commits them; on a topic of its own, which forgets within the hour.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use event_log::{
    Appended, EventLog, GroupConfig, GroupEvent, Lane, Membership, NewRecord, TopicPartition, Window,
};
use event_schemas::Domain;
use event_schemas::topics::{self, Kind, Topic};
use tokio::sync::mpsc;
use tokio::time::timeout;
use uuid::Uuid;

use super::closed_loop::Plan;
use crate::engine::Engine;

const TOPIC: &str = "karmyq-bench";
const PARTITIONS: i32 = 8;
/// Records of a window.
const WINDOW: usize = 500;
/// Lanes in turn, as many as the writer has.
const LANES: usize = 3;
/// Different records that are repeated.
const SAMPLE: usize = 5_000;
/// How long broker and group may take for anything.
const PATIENCE: Duration = Duration::from_secs(20);

/// Records a second.
pub(super) async fn measure(engine: &Engine, plan: Plan) -> Result<f64> {
    let log = engine.log.as_ref();
    create_topic(engine).await?;
    let sample = sample(engine).await.context("reading records to repeat")?;
    let mut member = Member::join(log).await?;
    let mut lanes = Vec::new();
    for lane in 0..LANES {
        lanes.push(log.lane(&format!("{TOPIC}-{}-{lane}", Uuid::now_v7())).await?);
    }
    member.append(&mut lanes, &sample, plan.warm_up).await?;
    let started = Instant::now();
    let records = member.append(&mut lanes, &sample, plan.measured).await?;
    let seconds = started.elapsed().as_secs_f64();
    member.leave().await?;
    Ok(records as f64 / seconds)
}

/// The topic of the bench, whose group a [`Member`] joins.
pub(super) async fn create_topic(engine: &Engine) -> Result<()> {
    engine.log.create_topics(&[topic()], engine.profile.replication()).await?;
    Ok(())
}

fn topic() -> Topic {
    let settings = vec![("cleanup.policy", "delete".to_owned()), ("retention.ms", "3600000".to_owned())];
    Topic {
        name: TOPIC.to_owned(),
        partitions: PARTITIONS,
        kind: Kind::Feed,
        retention_ms: Some(3_600_000),
        settings,
    }
}

/// Records of request-events, to be appended to partitions of the bench's topic in turn.
async fn sample(engine: &Engine) -> Result<Vec<NewRecord>> {
    let source = Domain::Request;
    let mut from = Vec::new();
    for partition in 0..topics::partitions(source, engine.profile) {
        from.push((TopicPartition::new(source.events_topic(), partition), 0));
    }
    let mut reader = engine.log.reader(from).await?;
    let mut sample = Vec::with_capacity(SAMPLE);
    let to: Vec<_> = (0..PARTITIONS).map(|it| TopicPartition::new(TOPIC, it)).collect();
    while sample.len() < SAMPLE {
        let records = reader.next(SAMPLE - sample.len(), PATIENCE).await?;
        ensure!(!records.is_empty(), "{} has too few records", source.events_topic());
        for record in records {
            sample.push(NewRecord {
                to: to[sample.len() % to.len()].clone(),
                key: record.key,
                value: record.value,
                headers: record.headers.into_iter().map(|(name, value)| (name.into(), value)).collect(),
                timestamp_ms: record.timestamp_ms,
            });
        }
    }
    Ok(sample)
}

/// The one member of a group of its own.
#[derive(Debug)]
pub(super) struct Member {
    membership: Arc<dyn Membership>,
    /// Open as long as the membership.
    events: mpsc::Receiver<GroupEvent>,
    consumed: (TopicPartition, i64),
}

impl Member {
    /// Joins the group, whose topic there must be.
    pub(super) async fn join(log: &dyn EventLog) -> Result<Self> {
        let config = GroupConfig {
            group: format!("{TOPIC}-{}", Uuid::now_v7()),
            topics: vec![TOPIC.to_owned()],
            fetch: false,
            session_timeout: Duration::from_secs(10),
        };
        let (membership, mut events) = log.join(config).await?;
        let consumed =
            timeout(PATIENCE, assigned(&mut events)).await.context("no partition was assigned")??;
        Ok(Self { membership, events, consumed })
    }

    /// Appends windows for so long; the number of records.
    async fn append(
        &mut self,
        lanes: &mut [Box<dyn Lane>],
        sample: &[NewRecord],
        time: Duration,
    ) -> Result<usize> {
        let (started, mut appended, mut windows) = (Instant::now(), 0, sample.chunks(WINDOW).cycle());
        while started.elapsed() < time {
            for lane in &mut *lanes {
                let records = windows.next().context("there are no records")?.to_vec();
                appended += records.len();
                self.append_window(lane.as_mut(), records).await?;
            }
        }
        Ok(appended)
    }

    /// Appends one window.
    pub(super) async fn append_window(
        &self,
        lane: &mut dyn Lane,
        records: Vec<NewRecord>,
    ) -> Result<Appended> {
        let consumed = vec![self.consumed.clone()];
        Ok(lane.append(Window { records, consumed, fence: self.membership.fence() }).await?)
    }

    async fn leave(self) -> Result<()> {
        // Nobody listens any more, so nobody has to agree to the revocation.
        drop(self.events);
        Ok(self.membership.leave().await?)
    }
}

async fn assigned(events: &mut mpsc::Receiver<GroupEvent>) -> Result<(TopicPartition, i64)> {
    while let Some(event) = events.recv().await {
        if let GroupEvent::Assigned(partitions) = event {
            let (of, next) = partitions.into_iter().next().context("nothing was assigned")?;
            return Ok((of, next.max(0)));
        }
    }
    anyhow::bail!("the membership ended")
}

//! The in-memory log as one instance sees it over its [`Line`]: late, failing and silent.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use event_log::{
    AppendError, Appended, DATA_KEYS, EventLog, Fence, GroupConfig, GroupEvent, Lane, LogError, Membership,
    MemoryLog, Reader, Record, TopicPartition, Window,
};
use event_schemas::topics::Topic;
use event_schemas::{CommandId, Event};
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;
use uuid::Uuid;

use super::chance;
use super::deliveries::Deliveries;
use super::instance::{Time, codec};
use super::line::Line;
use super::plan::{Mutant, TRANSACTION};

/// How late data keys come at most; a takeover waits longer for them.
const LATE: Duration = Duration::from_millis(900);

/// The log at the other end of a line.
#[derive(Debug)]
pub(crate) struct FaultyLog {
    pub(crate) inner: MemoryLog,
    pub(crate) line: Arc<Line>,
    pub(crate) time: Time,
}

impl FaultyLog {
    /// A way to the log, which may not be there.
    async fn ask(&self) -> Result<(), LogError> {
        self.line.travel().await;
        if self.line.strikes(|it| it.failing) { Err(away()) } else { Ok(()) }
    }
}

fn away() -> LogError {
    LogError::Unavailable("as the seed wants it".to_owned())
}

#[async_trait]
impl EventLog for FaultyLog {
    async fn lane(&self, transactional_id: &str) -> Result<Box<dyn Lane>, LogError> {
        self.ask().await?;
        let inner = Some(self.inner.lane(transactional_id).await?);
        self.line.pass().await;
        let (log, line, id) = (self.inner.clone(), Arc::clone(&self.line), transactional_id.to_owned());
        Ok(Box::new(FaultyLane { log, line, id, inner, time: self.time.clone() }))
    }

    async fn fence(&self, transactional_id: &str) -> Result<(), LogError> {
        self.ask().await?;
        if self.line.plan.lock().deaf {
            return Err(away());
        }
        let fenced = self.inner.fence(transactional_id).await;
        self.line.travel().await;
        fenced
    }

    async fn join(
        &self,
        config: GroupConfig,
    ) -> Result<(Arc<dyn Membership>, mpsc::Receiver<GroupEvent>), LogError> {
        self.ask().await?;
        let (inner, events) = self.inner.join(config).await?;
        self.line.joined(Arc::clone(&inner));
        let (forward, receiver) = mpsc::channel(8);
        let (line, log, time) = (Arc::clone(&self.line), self.inner.clone(), self.time.clone());
        tokio::spawn(Deliveries { line, log, time, forward }.run(events));
        Ok((Arc::new(FaultyMembership { inner, line: Arc::clone(&self.line) }), receiver))
    }

    async fn reader(&self, from: Vec<(TopicPartition, i64)>) -> Result<Box<dyn Reader>, LogError> {
        self.ask().await?;
        // A takeover reads one partition of events from its start; views and recalls read otherwise.
        let is_replay = matches!(&from[..], [(of, 0)] if of.topic.ends_with("-events"));
        let forgets = is_replay && self.line.mutant() == Some(Mutant::NoLedger);
        let reads_keys = from.iter().any(|(of, _)| *of.topic == *DATA_KEYS);
        let (inner, line) = (self.inner.reader(from).await?, Arc::clone(&self.line));
        Ok(Box::new(FaultyReader { inner, line, forgets, reads_keys }))
    }

    async fn high_watermark(&self, of: &TopicPartition) -> Result<i64, LogError> {
        self.ask().await?;
        let end = match self.line.mutant() {
            Some(Mutant::StableOffsetOnly) => self.inner.last_stable_offset(of).await,
            _ => self.inner.high_watermark(of).await,
        };
        self.line.travel().await;
        end
    }

    async fn last_stable_offset(&self, of: &TopicPartition) -> Result<i64, LogError> {
        self.ask().await?;
        self.inner.last_stable_offset(of).await
    }

    async fn offsets_since(&self, of: &[TopicPartition], time_ms: i64) -> Result<Vec<Option<i64>>, LogError> {
        self.inner.offsets_since(of, time_ms).await
    }

    async fn create_topics(&self, topics: &[Topic], replication: i32) -> Result<Vec<String>, LogError> {
        self.inner.create_topics(topics, replication).await
    }

    async fn delete_group(&self, group: &str) -> Result<bool, LogError> {
        self.inner.delete_group(group).await
    }

    async fn drift(&self, topics: &[Topic]) -> Result<Vec<String>, LogError> {
        self.inner.drift(topics).await
    }
}

/// A membership over a line.
#[derive(Debug)]
struct FaultyMembership {
    inner: Arc<dyn Membership>,
    line: Arc<Line>,
}

impl Fence for FaultyMembership {
    fn as_any(&self) -> &dyn Any {
        self.inner.as_any()
    }
}

#[async_trait]
impl Membership for FaultyMembership {
    fn fence(&self) -> Arc<dyn Fence> {
        self.inner.fence()
    }

    async fn committed(&self, of: Vec<TopicPartition>) -> Result<Vec<(TopicPartition, i64)>, LogError> {
        self.line.travel().await;
        self.inner.committed(of).await
    }

    async fn leave(&self) -> Result<(), LogError> {
        self.line.travel().await;
        let left = self.inner.leave().await;
        self.line.left(&self.inner);
        self.line.pass().await;
        left
    }
}

/// A reader over a line.
#[derive(Debug)]
struct FaultyReader {
    inner: Box<dyn Reader>,
    line: Arc<Line>,
    /// Whether what it reads says nothing of commands.
    forgets: bool,
    reads_keys: bool,
}

#[async_trait]
impl Reader for FaultyReader {
    async fn next(&mut self, max: usize, wait: Duration) -> Result<Vec<Record>, LogError> {
        self.line.pass().await;
        if self.line.strikes(|it| it.failing) {
            return Err(away());
        }
        let max = if chance::one_in(4) { max.min(1 + usize::from(chance::one_in(2))) } else { max };
        let mut records = self.inner.next(max, wait).await;
        self.line.travel().await;
        if self.reads_keys && self.line.plan.lock().late_keys {
            sleep(chance::between(Duration::ZERO, LATE)).await;
        }
        if self.forgets {
            records.iter_mut().flatten().for_each(forget_command);
        }
        records
    }

    fn position(&self, of: &TopicPartition) -> Option<i64> {
        self.inner.position(of)
    }
}

/// Gives an event the id of a command that nobody sent.
fn forget_command(record: &mut Record) {
    let codec = codec();
    let value = record.value.as_deref().expect("an event");
    let mut event = codec.decode::<Event>(value).expect("an event that we wrote");
    event.envelope.command_id = CommandId::new(Uuid::nil());
    record.value = Some(codec.encode(&event).expect("an event that we read"));
}

/// A lane over a line.
#[derive(Debug)]
struct FaultyLane {
    log: MemoryLog,
    line: Arc<Line>,
    id: String,
    /// None once the lane is dead.
    inner: Option<Box<dyn Lane>>,
    time: Time,
}

#[async_trait]
impl Lane for FaultyLane {
    async fn append(&mut self, window: Window) -> Result<Appended, AppendError> {
        let latest = self.time.latest().millis();
        if let Some(record) = window.records.iter().find(|it| it.timestamp_ms > latest) {
            self.line.notice(format!("a record for {} is dated before any clock was there", record.to));
        }
        self.line.keeps_to_its_own(&window);
        self.line.travel().await;
        let Some(mut inner) = self.inner.take() else {
            return Err(AppendError::Fenced("the lane is dead".to_owned()));
        };
        if self.line.mutant() == Some(Mutant::OffsetsApart) {
            let (consumed, fence) = (window.consumed.clone(), Arc::clone(&window.fence));
            inner.append(Window { records: Vec::new(), consumed, fence }).await?;
        }
        let (impatient, gives_up) = oneshot::channel();
        self.line.impatient.lock().insert(self.id.clone(), impatient);
        let (log, id) = (self.log.clone(), self.id.clone());
        let timeout = tokio::spawn(async move {
            sleep(TRANSACTION).await;
            log.fence(&id).await
        });
        // The log goes on whatever becomes of whoever waits for it.
        let mut task = tokio::spawn(async move {
            let appended = inner.append(window).await;
            timeout.abort();
            (inner, appended)
        });
        let given_up = async {
            match gives_up.await {
                Ok(offsets) => offsets,
                Err(_) => std::future::pending().await,
            }
        };
        let appended = tokio::select! {
            biased;
            done = &mut task => {
                let (inner, appended) = done.expect("a lane does not panic");
                if !matches!(appended, Err(AppendError::Fenced(_) | AppendError::Indeterminate(_))) {
                    self.inner = Some(inner);
                }
                appended
            }
            offsets = given_up => match self.line.mutant() {
                Some(Mutant::AnswerBeforeCommit) => {
                    self.inner = Some(self.log.lane(&format!("{}-{}", self.id, chance::below(u64::MAX))).await.expect("a log in memory opens lanes"));
                    Ok(Appended { offsets })
                }
                _ => Err(AppendError::Indeterminate("nobody waited for the commit".to_owned())),
            }
        };
        self.line.travel().await;
        if appended.is_ok() && self.line.strikes(|it| it.lost) {
            self.inner = None;
            return Err(AppendError::Indeterminate("the answer was lost".to_owned()));
        }
        appended
    }
}

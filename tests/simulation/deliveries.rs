//! What the group hands to an instance, over its line: late, and sometimes a second time.
//!
//! Exactly once is the writer's doing, and rests on no promise of the group: its offsets may be lost, set back by an operator
//! with Kafka's own tools, or overtaken by what a member has still in its hands.

use std::sync::Arc;
use std::time::Duration;

use event_log::{EventLog, GroupEvent, MemoryLog, Record, TopicPartition};
use tokio::sync::{mpsc, oneshot};

use super::chance;
use super::instance::Time;
use super::line::Line;

/// Most records that are handed over a second time at once.
const MOST: i64 = 4;
/// How old they are at most: half of how long commands are remembered, since clocks differ.
const FRESH: Duration = Duration::from_secs(12 * 3_600);

/// The way of the group's events to an instance.
#[derive(Debug)]
pub(crate) struct Deliveries {
    pub(crate) line: Arc<Line>,
    pub(crate) log: MemoryLog,
    pub(crate) time: Time,
    pub(crate) forward: mpsc::Sender<GroupEvent>,
}

/// The instance does not listen any more.
struct Deaf;

impl Deliveries {
    /// Hands over what comes until nobody listens.
    pub(crate) async fn run(self, mut events: mpsc::Receiver<GroupEvent>) {
        loop {
            let event = tokio::select! {
                biased;
                () = self.forward.closed() => return,
                event = events.recv() => event,
            };
            let Some(event) = event else { return };
            self.line.travel().await;
            if self.hand_over(event).await.is_err() {
                return;
            }
        }
    }

    async fn hand_over(&self, event: GroupEvent) -> Result<(), Deaf> {
        let again = self.again(&event).await;
        let event = match event {
            GroupEvent::Assigned(assigned) => {
                self.line.is_given(assigned.iter().map(|(of, _)| of.clone()));
                GroupEvent::Assigned(assigned)
            }
            GroupEvent::Revoked { partitions, lost, done } => {
                let done = self.overheard(&partitions, done);
                GroupEvent::Revoked { partitions, lost, done }
            }
            GroupEvent::Record(_) | GroupEvent::Trouble(_) => event,
        };
        self.tell(event).await?;
        for record in again {
            self.tell(GroupEvent::Record(record)).await?;
        }
        Ok(())
    }

    /// Passes on the answer to a revocation, and notes it.
    fn overheard(&self, partitions: &[TopicPartition], done: oneshot::Sender<()>) -> oneshot::Sender<()> {
        let (answer, answered) = oneshot::channel();
        let line = Arc::clone(&self.line);
        let partitions = line.times_given(partitions);
        tokio::spawn(async move {
            // One that is not given says nothing: the session has ended, and the fence decides.
            if answered.await.is_ok() {
                line.gives_back(partitions);
                // The group may have run out of patience.
                _ = done.send(());
            }
        });
        answer
    }

    async fn tell(&self, event: GroupEvent) -> Result<(), Deaf> {
        self.forward.send(event).await.map_err(|_| Deaf)
    }

    /// What is handed over once more after this, in its order, as if the group had forgotten how far the instance was.
    async fn again(&self, after: &GroupEvent) -> Vec<Record> {
        match after {
            GroupEvent::Record(it) if self.line.strikes(|it| it.doubled) => {
                self.last(&it.position.of, it.position.offset + 1).await
            }
            GroupEvent::Assigned(assigned) => {
                let mut again = Vec::new();
                for (of, next) in assigned.iter().filter(|(_, next)| *next > 0) {
                    if self.line.strikes(|it| it.doubled) {
                        again.extend(self.last(of, *next).await);
                    }
                }
                again
            }
            GroupEvent::Record(_) | GroupEvent::Revoked { .. } | GroupEvent::Trouble(_) => Vec::new(),
        }
    }

    /// Some of the records before this offset of a partition that are young enough to be known.
    async fn last(&self, of: &TopicPartition, end: i64) -> Vec<Record> {
        let from = (end - 1 - i64::try_from(chance::below(MOST.unsigned_abs())).unwrap_or_default()).max(0);
        let reader = self.log.reader(vec![(of.clone(), from)]).await;
        let mut reader = reader.expect("a log in memory is read");
        let most = usize::try_from(end - from).unwrap_or_default();
        let mut records = reader.next(most, Duration::ZERO).await.expect("a log in memory is read");
        let now = self.time.now().millis();
        let fresh = i64::try_from(FRESH.as_millis()).unwrap_or(i64::MAX);
        records.retain(|it| it.position.offset < end && now - it.timestamp_ms < fresh);
        records
    }
}

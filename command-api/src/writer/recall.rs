//! Recalling an earlier answer: the events that a command appended, read back from where the ledger says they stand.

use std::sync::Arc;
use std::time::Duration;

use event_log::{Decoder, EventLog, KeyRing, LogError, OpenError, TopicPartition};
use event_schemas::{CommandId, Event};

use super::ledger::Remembered;
use super::partition::PartitionId;
use super::window::position;
use super::{Executed, Failure};

/// How long a recall may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long one read waits for records.
const WAIT: Duration = Duration::from_millis(500);

/// Reads earlier answers; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Recall {
    pub(super) log: Arc<dyn EventLog>,
    pub(super) decoder: Decoder,
    pub(super) keys: KeyRing,
}

impl Recall {
    /// The answer to the first attempt of this command.
    pub(super) async fn answer(
        &self,
        of: PartitionId,
        command: CommandId,
        at: Remembered,
    ) -> Result<Executed, Failure> {
        let read = tokio::time::timeout(PATIENCE, self.read(of, command, at)).await;
        // The command itself is safe in the log; only this answer has to be asked for again.
        read.unwrap_or_else(|_| Err(Failure::Moving))
    }

    async fn read(&self, of: PartitionId, command: CommandId, at: Remembered) -> Result<Executed, Failure> {
        let fault = |it: &dyn std::fmt::Display| Failure::Fault(it.to_string());
        // The log is away, not the command: only its answer has to be asked for again.
        let away = |_: LogError| Failure::Moving;
        let partition = TopicPartition::new(of.domain.events_topic(), of.number);
        let mut reader = self.log.reader(vec![(partition.clone(), at.first)]).await.map_err(away)?;
        let mut events = Vec::new();
        while reader.position(&partition).is_some_and(|it| it <= at.last) {
            for record in reader.next(100, WAIT).await.map_err(away)?.iter().filter(|it| it.is_ours()) {
                let mut event = self.decoder.decode::<Event>(record).await.map_err(|it| fault(&it))?;
                if event.envelope.command_id == command && record.position.offset <= at.last {
                    self.keys.open(&mut event).await.map_err(|it| match it {
                        OpenError::Log(it) => away(it),
                        OpenError::Seal(it) => fault(&it),
                    })?;
                    events.push(event);
                }
            }
        }
        Ok(Executed {
            version: events.last().map_or(0, |it| it.envelope.aggregate_version),
            position: Some(position(of, at.last)),
            events,
            replayed: true,
            state: None,
        })
    }
}

//! Commands that policies sent: consumed from the command topics, carried out exactly once, in order per partition.
//!
//! The consumed offset is committed with the resulting events. A business refusal is final; a view that lags holds the
//! partition's queue until it has caught up; what cannot be read or written goes to the dead letters.

use std::collections::{HashMap, HashSet, VecDeque};

use domain::Internal;
use event_log::{Position, Record};
use event_schemas::{Command, Recorded};
use metrics::counter;
use tokio::task::JoinSet;
use tracing::{error, info, warn};

use super::carry::{Ask, Carry, Tools, carry_out};
use super::key::Key;
use super::ownership::partition_of;
use super::partition::PartitionId;
use super::shard::{GROUP, RETRY_AFTER, Session};
use crate::views::FOLLOWED;

/// What waits per partition.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    queues: HashMap<PartitionId, VecDeque<Record>>,
    /// Partitions whose first record waits for a view.
    held: HashSet<PartitionId>,
    catching_up: JoinSet<PartitionId>,
    /// Records that were tried with caught-up views, or whose events could not be written.
    suspects: HashMap<Position, String>,
}

impl Inbox {
    pub(super) fn push(&mut self, record: Record) {
        if let Some(id) = partition_of(&record.position.of) {
            self.queues.entry(id).or_default().push_back(record);
        }
    }

    /// Records of a window that was taken back, in their order.
    pub(super) fn put_back(&mut self, records: Vec<Record>) {
        for record in records.into_iter().rev() {
            self.put_first(record);
        }
    }

    pub(super) fn drop_partition(&mut self, id: PartitionId) {
        self.queues.remove(&id);
        self.held.remove(&id);
    }

    /// Waits until a view for which a partition is held has caught up; for ever when none is.
    pub(super) async fn view_caught_up(&mut self) {
        match self.catching_up.join_next().await {
            Some(Ok(id)) => _ = self.held.remove(&id),
            Some(Err(broken)) => {
                error!(%broken, "waiting for a view broke off");
                self.held.clear();
            }
            None => std::future::pending().await,
        }
    }

    fn put_first(&mut self, record: Record) {
        if let Some(id) = partition_of(&record.position.of) {
            self.queues.entry(id).or_default().push_front(record);
        }
    }

    fn next_of(&mut self, id: PartitionId) -> Option<Record> {
        if self.held.contains(&id) { None } else { self.queues.get_mut(&id)?.pop_front() }
    }
}

/// What became of a record.
enum Taken {
    Done,
    Held,
    Spoilt,
}

impl Session<'_> {
    /// Carries out what waits for partitions that are served, as far as the open window has room.
    pub(super) async fn take_internal(&mut self) {
        for id in self.served() {
            while self.has_room()
                && let Some(record) = self.inbox.next_of(id)
            {
                match self.take(id, &record).await {
                    Taken::Done => self.consumed(record),
                    Taken::Held => {
                        self.hold(id);
                        self.inbox.put_first(record);
                    }
                    Taken::Spoilt => {
                        // First it stands before what the spoilt window gives back, then that is put before it.
                        self.inbox.put_first(record);
                        self.spoil_open();
                        return;
                    }
                }
            }
        }
    }

    async fn take(&mut self, id: PartitionId, record: &Record) -> Taken {
        if let Some(reason) =
            self.inbox.suspects.get(&record.position).filter(|it| !it.starts_with(LAGGING)).cloned()
        {
            return self.bury(record, &reason);
        }
        let wire = match self.shard.takeover.decoder.decode::<Command>(record).await {
            Ok(wire) => wire,
            Err(fault) => return self.bury(record, &format!("UNREADABLE: {fault}")),
        };
        let Tools { views, clock, .. } = &self.shard.tools;
        let command = match domain::Command::complete(&wire, views, clock.fresh_id()) {
            Ok(command) => command,
            Err(lagging) if !self.inbox.suspects.contains_key(&record.position) => {
                info!(position = %record.position, %lagging, "an internal command waits for a view");
                self.inbox.suspects.insert(record.position.clone(), LAGGING.to_owned());
                return Taken::Held;
            }
            Err(lagging) if lagging.or_void => {
                self.inbox.suspects.remove(&record.position);
                counter!("karmyq_internal_commands_total", "outcome" => "void").increment(1);
                return Taken::Done;
            }
            Err(lagging) => {
                return self.bury(record, &format!("{LAGGING}: {lagging}, though it had caught up"));
            }
        };
        self.inbox.suspects.remove(&record.position);
        self.carry_internal(id, record, wire, command)
    }

    fn carry_internal(
        &mut self,
        id: PartitionId,
        record: &Record,
        wire: Recorded<Command>,
        command: domain::Command,
    ) -> Taken {
        let Some(partition) = self.partitions.get_mut(&id) else { return Taken::Held };
        let envelope = wire.envelope;
        let known = partition.ledger.find(envelope.command_id).is_some()
            || self.open.find(id, envelope.command_id).is_some()
            || self.flight.as_mut().is_some_and(|it| it.window.find(id, envelope.command_id).is_some());
        if known {
            return Taken::Done;
        }
        let ask = Ask {
            key: Key::new(command.target(), &envelope.aggregate_id),
            command,
            id: envelope.command_id,
            fingerprint: [0; 8],
            correlation_id: envelope.correlation_id,
            causation_id: envelope.causation_id,
            actor: envelope.actor,
            metadata: envelope.metadata,
            traceparent: record.header(event_schemas::headers::TRACEPARENT).map(str::to_owned),
        };
        let outcome = match carry_out(partition, &mut self.open, &self.shard.tools, ask, None) {
            Carry::Waiting => "appended",
            Carry::Answered(Ok(()), _) => "unchanged",
            Carry::Answered(Err(refusal), _) => {
                info!(position = %record.position, code = refusal.code, "an internal command was refused");
                "refused"
            }
            Carry::Spoilt(reason, _) => {
                error!(position = %record.position, reason, "the events of an internal command cannot be written");
                self.inbox.suspects.insert(record.position.clone(), format!("UNWRITABLE: {reason}"));
                return Taken::Spoilt;
            }
        };
        counter!("karmyq_internal_commands_total", "outcome" => outcome).increment(1);
        Taken::Done
    }

    /// Copies a record that nobody can carry out to the dead letters, in the transaction that consumes it.
    fn bury(&mut self, record: &Record, reason: &str) -> Taken {
        warn!(position = %record.position, reason, "an internal command goes to the dead letters");
        counter!("karmyq_internal_commands_total", "outcome" => "dead").increment(1);
        let at = self.shard.tools.clock.now();
        self.open.records.push(self.shard.tools.encoder.dead_letter(record, GROUP, reason, at));
        self.inbox.suspects.remove(&record.position);
        Taken::Done
    }

    fn consumed(&mut self, record: Record) {
        let Position { of, offset } = record.position.clone();
        self.open.consumed.insert(of, offset + 1);
        self.open.internal.push(record);
    }

    /// Holds a partition's queue until the views have caught up; a view that cannot is tried again for ever.
    fn hold(&mut self, id: PartitionId) {
        self.inbox.held.insert(id);
        let views = self.shard.tools.views.clone();
        self.inbox.catching_up.spawn(async move {
            while let Err(fault) = views.caught_up(FOLLOWED).await {
                warn!(partition = %id, %fault, "internal commands wait for the views");
                // A pause between attempts: where the log is away it refuses at once.
                tokio::time::sleep(RETRY_AFTER).await;
            }
            id
        });
    }
}

/// Begins the note on a record whose view lagged.
const LAGGING: &str = "LAGGING";

//! A window: what waits for one transaction, and how to take it back.
//!
//! Callers are answered when its transaction is committed, also those who are refused or told that nothing changes: an answer
//! rests neither on what may still vanish, nor on what a successor may have changed since.

use std::collections::{BTreeMap, HashMap};

use event_log::{NewRecord, Position, Record, TopicPartition};
use event_schemas::{CommandId, Event, Recorded};
use tokio::sync::oneshot;

use super::key::Key;
use super::partition::{Live, Partition, PartitionId};
use super::snapshots::Saved;
use super::{Executed, Failure};

/// Where an answer goes.
pub(super) type Reply = oneshot::Sender<Result<Executed, Failure>>;

/// Commands whose events wait for a transaction.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// The records of the transaction.
    pub(super) records: Vec<NewRecord>,
    /// Offsets to consume next on command topics.
    pub(super) consumed: BTreeMap<TopicPartition, i64>,
    /// The internal commands in it, in order of arrival: handled again when it is aborted.
    pub(super) internal: Vec<Record>,
    commands: Vec<Carried>,
    by_id: HashMap<(PartitionId, CommandId), usize>,
    before: HashMap<(PartitionId, Key), Option<Live>>,
    held: Vec<Held>,
    drawn: Vec<String>,
    announced: Vec<PartitionId>,
    saved: Vec<Saved>,
}

/// A command that brought about events.
#[derive(Debug)]
pub(super) struct Carried {
    /// The partition of its aggregate.
    pub(super) partition: PartitionId,
    /// Its id.
    pub(super) id: CommandId,
    /// The call's fingerprint, zeros when no client called.
    pub(super) fingerprint: [u8; 8],
    /// Index of its first event among the records; its events stand together.
    pub(super) first: usize,
    /// Its events, personal fields clear.
    pub(super) events: Vec<Recorded<Event>>,
    /// Who wants to know; the second and later ones asked with the same key.
    pub(super) replies: Vec<Reply>,
}

/// The answer to a command that brings nothing about.
#[derive(Debug)]
struct Held {
    partition: PartitionId,
    key: Key,
    answer: Result<Executed, Failure>,
    /// Index of the record on which it was decided, the aggregate's last event then; none when that is of an earlier
    /// window.
    rests_on: Option<usize>,
    reply: Reply,
}

impl Window {
    /// Whether a transaction is worth its while.
    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty() && self.consumed.is_empty() && self.held.is_empty()
    }

    /// How many callers wait for it.
    pub(super) fn callers(&self) -> usize {
        self.commands.iter().map(|it| it.replies.len()).sum::<usize>() + self.held.len()
    }

    /// The command with this id, if it waits here.
    pub(super) fn find(&mut self, partition: PartitionId, id: CommandId) -> Option<&mut Carried> {
        let index = *self.by_id.get(&(partition, id))?;
        self.commands.get_mut(index)
    }

    /// Remembers an aggregate as it was before its first change here.
    pub(super) fn remember(&mut self, partition: &Partition, key: &Key) {
        self.before.entry((partition.id, key.clone())).or_insert_with(|| partition.get(key).cloned());
    }

    /// The aggregate without what waits here; none when it has no event before that.
    pub(super) fn without<'a>(&'a self, partition: &'a Partition, key: &Key) -> Option<&'a Live> {
        match self.before.get(&(partition.id, key.clone())) {
            Some(before) => before.as_ref(),
            None => partition.get(key),
        }
    }

    /// Adds records of a snapshot.
    pub(super) fn save(&mut self, records: Vec<NewRecord>, saved: Saved) {
        self.records.extend(records);
        self.saved.push(saved);
    }

    /// Whether records of a snapshot are in it.
    pub(super) const fn saves(&self) -> bool {
        !self.saved.is_empty()
    }

    /// Whether anything but records of a snapshot is in it.
    pub(super) fn does_more_than_save(&self) -> bool {
        !self.commands.is_empty() || !self.consumed.is_empty() || self.saved.is_empty()
    }

    /// Adds a command that brought about events.
    pub(super) fn carry(&mut self, command: Carried) {
        self.by_id.insert((command.partition, command.id), self.commands.len());
        self.commands.push(command);
    }

    /// Adds the records of data keys that were drawn for an event.
    pub(super) fn draw(&mut self, keys: Vec<NewRecord>) {
        self.drawn.extend(keys.iter().map(|it| String::from_utf8_lossy(&it.key).into_owned()));
        self.records.extend(keys);
    }

    /// Ids of the data keys that vanish when it comes to nothing.
    pub(super) fn drawn_keys(&mut self) -> Vec<String> {
        std::mem::take(&mut self.drawn)
    }

    /// Adds an announcement of who owns a partition, or does so no longer.
    pub(super) fn announce(&mut self, partition: PartitionId, announcement: NewRecord) {
        self.announced.push(partition);
        self.records.push(announcement);
    }

    /// The partitions whose announcements vanish when it comes to nothing.
    pub(super) fn announced(&mut self) -> Vec<PartitionId> {
        std::mem::take(&mut self.announced)
    }

    /// Holds an answer until the window is committed. It tells of the aggregate as it is now, whatever else the window
    /// brings about later.
    pub(super) fn hold(
        &mut self,
        partition: PartitionId,
        key: Key,
        answer: Result<Executed, Failure>,
        reply: Reply,
    ) {
        // A refusal names no event, and a window may be full of commands for others.
        let rests_on = answer.is_ok().then(|| self.last_record_of(partition, &key)).flatten();
        self.held.push(Held { partition, key, answer, rests_on, reply });
    }

    /// Index of the last event of this aggregate among the records.
    fn last_record_of(&self, partition: PartitionId, key: &Key) -> Option<usize> {
        // A map with a pair as key must be asked with one; the clone only counts.
        self.before.get(&(partition, key.clone()))?;
        let is_of_it = |it: &Recorded<Event>| super::partition::key_of(it) == *key;
        let changed = |it: &&Carried| it.partition == partition && it.events.first().is_some_and(is_of_it);
        let last = self.commands.iter().rev().find(changed)?;
        Some(last.first + last.events.len() - 1)
    }

    /// Tells the answers held here where the events of earlier windows stand, all of which are committed now.
    fn place_held(&mut self, partitions: &HashMap<PartitionId, Partition>) {
        let mut held = std::mem::take(&mut self.held);
        for Held { partition: id, key, answer, .. } in held.iter_mut().filter(|it| it.rests_on.is_none()) {
            let committed = partitions.get(id).and_then(|it| self.without(it, key));
            if let (Ok(executed), Some(last)) = (answer, committed.and_then(|it| it.last)) {
                executed.position = Some(position(*id, last));
            }
        }
        self.held = held;
    }

    /// After the commit: tells the partitions, and the window that was decided on top of it, where its records stand, and
    /// the callers what became of their commands.
    pub(super) fn settle(
        self,
        offsets: &[i64],
        partitions: &mut HashMap<PartitionId, Partition>,
        next: &mut Self,
    ) {
        for command in self.commands {
            let offsets = &offsets[command.first..command.first + command.events.len()];
            if let Some(partition) = partitions.get_mut(&command.partition) {
                for (event, offset) in command.events.iter().zip(offsets) {
                    let key = super::partition::key_of(event);
                    partition.committed(&key, event, *offset, command.fingerprint);
                    // Should that come to nothing, the aggregate is again as this window leaves it.
                    if let Some(Some(before)) = next.before.get_mut(&(command.partition, key)) {
                        before.place(event.envelope.aggregate_version, *offset);
                    }
                }
            }
            answer(command, offsets);
        }
        for saved in self.saved {
            if let Some(partition) = partitions.get_mut(&saved.partition) {
                partition.snapshots.saved(saved);
            }
        }
        next.place_held(partitions);
        for Held { partition, mut answer, rests_on, reply, .. } in self.held {
            if let (Ok(executed), Some(record)) = (&mut answer, rests_on) {
                executed.position = Some(position(partition, offsets[record]));
            }
            respond(reply, answer);
        }
    }

    /// The window came to nothing: takes its changes back and tells the callers. Later windows go first.
    /// Returns the internal commands, to be handled again.
    pub(super) fn undo(
        self,
        partitions: &mut HashMap<PartitionId, Partition>,
        failure: &Failure,
    ) -> Vec<Record> {
        for ((partition, key), before) in self.before {
            if let Some(partition) = partitions.get_mut(&partition) {
                partition.restore(key, before);
            }
        }
        for saved in self.saved {
            if let Some(partition) = partitions.get_mut(&saved.partition) {
                partition.snapshots.put_back(saved);
            }
        }
        let replies = self
            .commands
            .into_iter()
            .flat_map(|it| it.replies)
            .chain(self.held.into_iter().map(|it| it.reply));
        for reply in replies {
            respond(reply, Err(failure.clone()));
        }
        self.internal
    }
}

/// Answers all who asked for the command; only the first one did so for the first time.
fn answer(command: Carried, offsets: &[i64]) {
    let Carried { partition, events, replies, .. } = command;
    let executed = Executed {
        version: events.last().map_or(0, |it| it.envelope.aggregate_version),
        position: offsets.last().map(|offset| position(partition, *offset)),
        events,
        replayed: false,
        state: None,
    };
    let mut replies = replies.into_iter();
    let first = replies.next();
    for reply in replies {
        respond(reply, Ok(Executed { replayed: true, ..executed.clone() }));
    }
    if let Some(reply) = first {
        respond(reply, Ok(executed));
    }
}

/// A position on the domain's event topic.
pub(super) fn position(partition: PartitionId, offset: i64) -> Position {
    Position { of: TopicPartition::new(partition.domain.events_topic(), partition.number), offset }
}

/// Answers a caller who may have gone.
pub(super) fn respond(reply: Reply, answer: Result<Executed, Failure>) {
    // A caller that hung up loses the answer, not the command; the same key asks again.
    drop(reply.send(answer));
}

//! One command into the open window: due timers first, then its decision, its events, and what policies ask for.

use std::sync::Arc;

use chrono::TimeDelta;
use domain::policies;
use domain::{Command, Refusal, State};
use event_log::{Encoder, KeyRing, NewRecord};
use event_schemas::{
    Actor, CommandId, CorrelationId, Envelope, Event, EventId, Metadata, Recorded, Timestamp,
};
use uuid::Uuid;

use super::key::Key;
use super::partition::Partition;
use super::window::{Carried, Reply, Window};
use crate::views::Replicas;

/// What carrying out a command needs beside partition and window.
#[derive(Clone, Debug)]
pub(super) struct Tools {
    /// What decisions may know of other aggregates.
    pub(super) views: Replicas,
    /// Data keys for personal fields.
    pub(super) keys: KeyRing,
    /// Turns records into bytes and finds their partitions.
    pub(super) encoder: Encoder,
    /// The time of day.
    pub(super) clock: Clock,
}

/// The time of day, and ids made of it; tests bring their own.
#[derive(Clone)]
pub struct Clock {
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    fresh_id: Arc<dyn Fn() -> Uuid + Send + Sync>,
}

impl Clock {
    /// The clock of the machine.
    #[must_use]
    pub fn system() -> Self {
        Self::new(|| chrono::Utc::now().into())
    }

    /// A clock that tells what this function says.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self { now: Arc::new(now), fresh_id: Arc::new(Uuid::now_v7) }
    }

    /// The same clock with ids that this function draws, so that a run can be repeated to the byte.
    #[must_use]
    pub fn drawing_ids(self, fresh_id: impl Fn() -> Uuid + Send + Sync + 'static) -> Self {
        Self { fresh_id: Arc::new(fresh_id), ..self }
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// An id that nothing has yet: a `UUIDv7`.
    pub(super) fn fresh_id(&self) -> Uuid {
        (self.fresh_id)()
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

/// A command with all that its events' envelopes repeat.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) key: Key,
    pub(super) command: Command,
    pub(super) id: CommandId,
    pub(super) fingerprint: [u8; 8],
    pub(super) correlation_id: CorrelationId,
    pub(super) causation_id: Option<EventId>,
    pub(super) actor: Option<Actor>,
    pub(super) metadata: Metadata,
    pub(super) traceparent: Option<String>,
}

/// What came of a command.
#[derive(Debug)]
pub(super) enum Carry {
    /// Its events wait in the window.
    Waiting,
    /// It changes nothing, or is refused; here is its way back.
    Answered(Result<(), Refusal>, Option<Reply>),
    /// Its events cannot be written as they are; the window is spoilt and must be undone.
    Spoilt(String, Option<Reply>),
}

/// A state that keeps arming timers which are already due would hold the writer for ever.
const MOST_TIMERS_AT_ONCE: usize = 64;

/// Carries out a command at the present time, after whatever is due before it.
pub(super) fn carry_out(
    partition: &mut Partition,
    window: &mut Window,
    tools: &Tools,
    ask: Ask,
    reply: Option<Reply>,
) -> Carry {
    let now = partition.decision_time(tools.clock.now());
    if let Err(fault) = fire_due(partition, window, tools, &ask.key, now) {
        return Carry::Spoilt(fault, reply);
    }
    let decided = match partition.get(&ask.key) {
        Some(live) => live.state.decide(&ask.command, now),
        None => State::initial(ask.key.aggregate()).decide(&ask.command, now),
    };
    match decided {
        Err(refusal) => Carry::Answered(Err(refusal), reply),
        Ok(events) if events.is_empty() => Carry::Answered(Ok(()), reply),
        Ok(events) => match append(partition, window, tools, ask, events, now) {
            Ok(mut carried) => {
                carried.replies.extend(reply);
                window.carry(carried);
                Carry::Waiting
            }
            Err(fault) => Carry::Spoilt(fault, reply),
        },
    }
}

/// Fires the timers of an aggregate that are due at `now`, in due order.
///
/// # Errors
/// When their events cannot be written.
pub(super) fn fire_due(
    partition: &mut Partition,
    window: &mut Window,
    tools: &Tools,
    key: &Key,
    now: Timestamp,
) -> Result<(), String> {
    for _ in 0..MOST_TIMERS_AT_ONCE {
        let Some(live) = partition.get(key) else { return Ok(()) };
        let Some(timer) = live.state.timer().filter(|it| it.due <= now) else { return Ok(()) };
        // A refused timer is one whose reason has gone; it writes nothing and must not block what comes after it.
        let command = timer.command.informed(&live.state, &tools.views);
        let Ok(events) = live.state.decide(&command, now) else { return Ok(()) };
        if events.is_empty() {
            return Ok(());
        }
        let id = timer_command_id(key, timer.kind, timer.due);
        let ask = Ask {
            key: key.clone(),
            command,
            id,
            fingerprint: [0; 8],
            correlation_id: CorrelationId::from(id),
            causation_id: Some(timer.armed_by),
            actor: Some(Actor::Timer(timer.kind.to_owned())),
            metadata: Metadata::default(),
            traceparent: None,
        };
        let carried = append(partition, window, tools, ask, events, now)?;
        window.carry(carried);
    }
    Ok(())
}

/// A timer fires once: its command id derives from aggregate, kind and due time.
fn timer_command_id(key: &Key, kind: &str, due: Timestamp) -> CommandId {
    let name = format!("{key}:{kind}:{}", due.micros());
    CommandId::new(Uuid::new_v5(&Uuid::nil(), name.as_bytes()))
}

/// Projects the events and puts them into the window with all that follows from them.
fn append(
    partition: &mut Partition,
    window: &mut Window,
    tools: &Tools,
    ask: Ask,
    payloads: Vec<Event>,
    now: Timestamp,
) -> Result<Carried, String> {
    window.remember(partition, &ask.key);
    let first = window.records.len();
    let (mut events, mut keys, mut following) = (Vec::with_capacity(payloads.len()), Vec::new(), Vec::new());
    for payload in payloads {
        let event = project(partition, &ask, payload, now, EventId::new(tools.clock.fresh_id()));
        let fingerprint = events.is_empty().then_some(ask.fingerprint).filter(|it| *it != [0; 8]);
        keys.extend(write(&event, fingerprint, &ask, tools, partition, window).map_err(|it| it.to_string())?);
        let state = &partition.get(&ask.key).ok_or("an aggregate vanished while it was written")?.state;
        for reaction in policies::react(&event, state, &tools.views) {
            following.push(command_record(&event, reaction, &ask, tools).map_err(|it| it.to_string())?);
        }
        events.push(event);
    }
    window.draw(keys);
    window.records.append(&mut following);
    let Ask { id, fingerprint, .. } = ask;
    Ok(Carried { partition: partition.id, id, fingerprint, first, events, replies: Vec::new() })
}

/// Gives an event its envelope and folds it.
fn project(
    partition: &mut Partition,
    ask: &Ask,
    payload: Event,
    now: Timestamp,
    event_id: EventId,
) -> Recorded<Event> {
    let version = partition.get(&ask.key).map_or(0, |it| it.version) + 1;
    let envelope = Envelope {
        event_id,
        timestamp: now,
        correlation_id: ask.correlation_id.clone(),
        causation_id: ask.causation_id,
        aggregate_type: ask.key.aggregate(),
        aggregate_id: ask.key.id(),
        aggregate_version: version,
        community_id: None,
        actor: ask.actor.clone(),
        command_id: ask.id,
        metadata: ask.metadata.clone(),
    };
    let mut event = Recorded { envelope, payload };
    // Which community an event concerns is known only from the state after it.
    let live = partition.project(&ask.key, &event);
    event.envelope.community_id = live.state.community_of(&event.payload);
    event
}

/// Puts the sealed record of an event into the window; returns the records of data keys drawn for it.
fn write(
    event: &Recorded<Event>,
    fingerprint: Option<[u8; 8]>,
    ask: &Ask,
    tools: &Tools,
    partition: &Partition,
    window: &mut Window,
) -> Result<Vec<NewRecord>, event_log::WriteError> {
    let mut sealed = event.clone();
    let drawn = tools.keys.seal(&mut sealed, event.envelope.timestamp)?;
    let record =
        tools.encoder.event(&sealed, partition.id.number, fingerprint, ask.traceparent.as_deref())?;
    window.records.push(record);
    Ok(drawn)
}

/// The record of a policy's command.
fn command_record(
    cause: &Recorded<Event>,
    reaction: policies::Reaction,
    ask: &Ask,
    tools: &Tools,
) -> Result<NewRecord, event_log::WriteError> {
    use event_schemas::Payload;
    let name = format!("{}:{}", reaction.policy, reaction.index);
    let id = Uuid::new_v5(&cause.envelope.event_id.uuid(), name.as_bytes());
    let command = Recorded {
        envelope: Envelope {
            event_id: EventId::new(id),
            timestamp: cause.envelope.timestamp,
            correlation_id: cause.envelope.correlation_id.clone(),
            causation_id: Some(cause.envelope.event_id),
            aggregate_type: reaction.command.entry().aggregate,
            aggregate_id: reaction.target,
            aggregate_version: 0,
            community_id: cause.envelope.community_id,
            actor: Some(Actor::Policy(reaction.policy.to_owned())),
            command_id: CommandId::new(id),
            metadata: cause.envelope.metadata.clone(),
        },
        payload: reaction.command,
    };
    tools.encoder.command(&command, ask.traceparent.as_deref())
}

/// How long the ledger remembers by contract.
pub(super) const REMEMBERED_FOR: TimeDelta = TimeDelta::hours(24);

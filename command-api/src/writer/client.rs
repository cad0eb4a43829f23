//! Commands of clients, and timers, on their way into the open window.

use metrics::counter;
use tracing::error;

use super::carry::{Ask, Carry, carry_out, fire_due};
use super::handle::Job;
use super::key::Key;
use super::partition::PartitionId;
use super::shard::Session;
use super::window::{Reply, position, respond};
use super::{Executed, Failure, NEVER, Submission};

impl Session<'_> {
    /// Whether the open window takes another command.
    pub(super) fn has_room(&self) -> bool {
        self.open.records.len() < self.shard.config.window_records
    }

    /// The partitions whose commands are taken: loaded, and not on their way out.
    pub(super) fn served(&self) -> Vec<PartitionId> {
        self.partitions.keys().copied().filter(|it| self.shard.serving.contains(*it)).collect()
    }

    /// Decides a client's command. Its answer goes out at once, or with the window that it rests on.
    pub(super) fn client(&mut self, job: Job) {
        let Job { partition: id, submission, reply } = job;
        let Submission { target, command, origin } = submission;
        if !self.shard.serving.contains(id) {
            return respond(reply, Err(Failure::Moving));
        }
        let Some(reply) = self.repeat(id, &origin, reply) else { return };
        let key = Key::new(target.aggregate, &target.id);
        let Some(partition) = self.partitions.get_mut(&id) else {
            return respond(reply, Err(Failure::Moving));
        };
        let current = partition.get(&key).map_or(0, |it| it.version);
        if origin.expected_version.is_some_and(|it| it != current) {
            let conflict = Err(Failure::VersionConflict { current });
            // Whoever only asks the ledger goes on to a command of their own, which is fenced.
            return match origin.expected_version {
                Some(NEVER) => respond(reply, conflict),
                _ => self.answer(id, key, conflict, reply),
            };
        }
        let ask = Ask {
            key: key.clone(),
            command,
            id: origin.command_id,
            fingerprint: origin.fingerprint,
            correlation_id: origin.correlation_id,
            causation_id: None,
            actor: origin.actor,
            metadata: origin.metadata,
            traceparent: origin.traceparent,
        };
        match carry_out(partition, &mut self.open, &self.shard.tools, ask, Some(reply)) {
            Carry::Waiting => {}
            Carry::Answered(answer, Some(reply)) => {
                let answer = answer.map(|()| self.unchanged(id, &key)).map_err(Failure::Refused);
                self.answer(id, key, answer, reply);
            }
            Carry::Spoilt(reason, Some(reply)) => {
                error!(partition = %id, reason, "the events of a command cannot be written");
                self.spoil_open();
                respond(reply, Err(Failure::Fault(reason)));
            }
            Carry::Answered(_, None) | Carry::Spoilt(_, None) => {}
        }
    }

    /// Fires what is due on all partitions that are served.
    pub(super) fn fire_timers(&mut self) {
        let clock = self.shard.tools.clock.now();
        for id in self.served() {
            while self.has_room()
                && let Some(partition) = self.partitions.get_mut(&id)
                && let Some(key) = partition.pop_due(clock)
            {
                let now = partition.decision_time(clock);
                match fire_due(partition, &mut self.open, &self.shard.tools, &key, now) {
                    Ok(()) => counter!("karmyq_timers_total").increment(1),
                    Err(reason) => {
                        error!(partition = %id, aggregate = %key, reason, "the events of a timer cannot be written");
                        return self.spoil_open();
                    }
                }
            }
        }
    }

    /// Answers a command that was carried out before, or waits to be; gives the reply back for one that is new.
    fn repeat(&mut self, id: PartitionId, origin: &super::Origin, reply: Reply) -> Option<Reply> {
        let pending = self.open.find(id, origin.command_id);
        let pending =
            pending.or_else(|| self.flight.as_mut().and_then(|it| it.window.find(id, origin.command_id)));
        if let Some(carried) = pending {
            if carried.fingerprint == origin.fingerprint {
                carried.replies.push(reply);
            } else {
                respond(reply, Err(Failure::KeyReused));
            }
            return None;
        }
        let Some(known) = self.partitions.get(&id).and_then(|it| it.ledger.find(origin.command_id)) else {
            return Some(reply);
        };
        if known.fingerprint != origin.fingerprint {
            respond(reply, Err(Failure::KeyReused));
            return None;
        }
        let (recall, command) = (self.shard.recall.clone(), origin.command_id);
        tokio::spawn(async move { respond(reply, recall.answer(id, command, known).await) });
        None
    }

    /// The answer to a command that changes nothing.
    fn unchanged(&self, id: PartitionId, key: &Key) -> Executed {
        let live = self.partitions.get(&id).and_then(|it| it.get(key));
        Executed {
            events: Vec::new(),
            version: live.map_or(0, |it| it.version),
            position: live.and_then(|it| it.last).map(|it| position(id, it)),
            replayed: false,
            state: live.map(|it| it.state.clone()),
        }
    }

    /// Answers with the open window, whose fence proves that nobody else has decided anything meanwhile: whoever slept
    /// past its session knows nothing of what its successor has told.
    fn answer(&mut self, id: PartitionId, key: Key, answer: Result<Executed, Failure>, reply: Reply) {
        self.open.hold(id, key, answer, reply);
    }
}

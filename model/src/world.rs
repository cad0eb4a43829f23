//! The state of everything at one moment, and the model that moves it on.

use stateright::{Model, Property};

use crate::bounds::Bounds;
use crate::broker::{Broker, Command, Record, SessionId, Status, Transaction};
use crate::group::{Generation, Group};
use crate::instance::{Consumer, Instance, Life, Partition};
use crate::lane::{At, Lane};
use crate::properties::{MUST_HAPPEN, MUST_HOLD};
use crate::rules::{Rule, Rules};
use crate::step::Step;
use crate::steps;

/// Everything at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    /// The instances of command-api.
    pub instances: Vec<Instance>,
    /// The coordinator of their group.
    pub group: Group,
    /// The broker.
    pub broker: Broker,
    /// Requests whose sender does not wait for them any more; they arrive late or never.
    pub late: Vec<Late>,
    /// Who announced last that it owns the partition.
    pub announced: Option<SessionId>,
    /// What clients were told.
    pub clients: Clients,
    /// What may still happen.
    pub left: Bounds,
}

/// A request on its way that nobody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Late {
    /// A record for this transaction.
    Record(u8, Record),
    /// The commit of this transaction.
    Commit(u8),
}

impl Late {
    /// The transaction that it is about.
    const fn transaction(&self) -> u8 {
        match self {
            Self::Record(transaction, _) | Self::Commit(transaction) => *transaction,
        }
    }
}

/// The clients' side.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Clients {
    /// How often each command may still be asked for.
    pub asks: Vec<u8>,
    /// Commands that were acknowledged, a bit each.
    pub acknowledged: u8,
    /// Commands of which somebody was told that the outcome is unknown.
    pub unknown: u8,
    /// Commands of which somebody was told that they were not taken.
    pub not_taken: u8,
    /// A command whose outcome was unknown was acknowledged from the ledger.
    pub resolved: bool,
}

impl World {
    /// The first instance serves the empty partition, the others are members, and nobody has asked for anything.
    #[must_use]
    pub fn initial(bounds: Bounds) -> Self {
        let member = || Instance {
            life: Life::In,
            consumer: Consumer { generation: Some(Generation::Live), ..Consumer::default() },
            ..Instance::default()
        };
        let mut instances: Vec<_> = (0..bounds.instances).map(|_| member()).collect();
        instances[0].consumer.holds = true;
        instances[0].actor.partition = Some(Partition::default());
        instances[0].actor.serving = true;
        Self {
            group: Group { members: vec![Some(0); instances.len()], owner: Some(0) },
            instances,
            broker: Broker::default(),
            late: Vec::new(),
            announced: Some(SessionId { instance: 0, number: 0 }),
            clients: Clients { asks: vec![bounds.asks; usize::from(bounds.commands)], ..Clients::default() },
            left: bounds,
        }
    }

    /// The instance of this number.
    #[must_use]
    pub fn instance(&self, number: u8) -> &Instance {
        &self.instances[usize::from(number)]
    }

    pub(crate) fn instance_mut(&mut self, number: u8) -> &mut Instance {
        &mut self.instances[usize::from(number)]
    }

    /// Lane `lane` of an instance.
    #[must_use]
    pub fn lane(&self, instance: u8, lane: u8) -> &Lane {
        &self.instance(instance).lanes[usize::from(lane)]
    }

    pub(crate) fn lane_mut(&mut self, instance: u8, lane: u8) -> &mut Lane {
        &mut self.instance_mut(instance).lanes[usize::from(lane)]
    }

    /// Clients are told that these commands are in the log.
    pub(crate) fn acknowledge(&mut self, command: Command) {
        self.clients.acknowledged |= 1 << command;
    }

    /// Ends the session: everybody who waits is told, and what a lane carries goes on without it.
    pub(crate) fn end_session(&mut self, instance: u8) {
        let it = self.instance_mut(instance);
        it.life = Life::Ending;
        // The answer is dropped with the event or with the session, which the consumer takes for an answer.
        it.answer_revocation();
        let mut unknown = 0;
        for lane in it.lanes.iter_mut().filter(|it| it.is_flight) {
            lane.is_flight = false;
            unknown |= lane.window.iter().fold(0, |all, it| all | 1 << it.command);
        }
        it.lanes.retain(|it| !it.is_abandoned());
        it.actor = Default::default();
        self.clients.unknown |= unknown;
    }

    /// Whether a session has a transaction open or might begin one.
    pub(crate) fn may_write(&self, session: SessionId) -> bool {
        let open = |it: &Transaction| it.by == session && it.status == Status::Open;
        let it = self.instance(session.instance);
        let lives = it.life == Life::In && it.session == session.number;
        let may_begin = lives || it.lanes.iter().any(|it| it.session == session.number);
        self.broker.transactions.iter().any(open) || (may_begin && !self.broker.barred.contains(&session))
    }

    /// Whether somebody still works on a transaction.
    pub(crate) fn is_worked_on(&self, transaction: u8) -> bool {
        let lanes = self.instances.iter().flat_map(|it| &it.lanes);
        lanes.into_iter().any(|it| it.transaction == Some(transaction) && it.outcome().is_none())
    }

    /// The group goes on to its next generation.
    pub(crate) fn next_generation(&mut self) {
        let age = |it: &mut Generation| *it = Generation::Stale;
        for it in &mut self.instances {
            it.consumer.generation.iter_mut().for_each(age);
            for lane in &mut it.lanes {
                if let At::Taken(it) | At::Fencing(it) = &mut lane.at {
                    age(it);
                }
            }
        }
    }

    /// Drops what cannot change anything any more, so that worlds which differ in nothing else are one.
    fn tidy(&mut self) {
        let broker = &self.broker;
        self.late.retain(|it| broker.status(it.transaction()) == Status::Open);
        let instances = &self.instances;
        // A session that has neither a lane nor a future needs no bar.
        self.broker.barred.retain(|barred| {
            let it = &instances[usize::from(barred.instance)];
            (it.life == Life::In && it.session == barred.number)
                || it.lanes.iter().any(|it| it.session == barred.number)
        });
        self.drop_aborted();
        self.renumber();
    }

    /// Aborted records are read by nobody: without them, every offset above moves down.
    fn drop_aborted(&mut self) {
        let is_dead = |broker: &Broker, it: u8| broker.status(it) == Status::Aborted;
        while let Some(dead) = self.broker.log.iter().position(|(it, _)| is_dead(&self.broker, *it)) {
            self.broker.log.remove(dead);
            let loads = self.instances.iter_mut().flat_map(|it| &mut it.actor.loads);
            for end in loads.filter_map(|it| it.end.as_mut()).filter(|it| usize::from(**it) > dead) {
                *end -= 1;
            }
        }
    }

    /// Numbers transactions in the order of their records, and drops those that nobody names.
    fn renumber(&mut self) {
        let mut order: Vec<u8> = Vec::with_capacity(self.broker.transactions.len());
        let mut rename = |it: &mut u8| {
            let known = order.iter().position(|known| known == it).unwrap_or(order.len());
            if known == order.len() {
                order.push(*it);
            }
            *it = u8::try_from(known).unwrap_or(u8::MAX);
        };
        self.broker.log.iter_mut().for_each(|(it, _)| rename(it));
        let lanes = self.instances.iter_mut().flat_map(|it| &mut it.lanes);
        lanes.filter_map(|it| it.transaction.as_mut()).for_each(&mut rename);
        for Late::Record(it, _) | Late::Commit(it) in &mut self.late {
            rename(it);
        }
        let transactions = &self.broker.transactions;
        self.broker.transactions = order.iter().map(|it| transactions[usize::from(*it)]).collect();
    }
}

/// The model: a world moves on by steps, under rules and within bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteSide {
    /// The rules in place.
    pub rules: Rules,
    /// What may happen.
    pub bounds: Bounds,
}

impl WriteSide {
    pub(crate) const fn have(&self, rule: Rule) -> bool {
        self.rules.have(rule)
    }

    /// The world after a step that is possible in it.
    #[must_use]
    pub fn after(&self, world: &World, step: Step) -> World {
        let mut next = world.clone();
        steps::take(self, &mut next, step);
        next.tidy();
        next
    }
}

impl Model for WriteSide {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![World::initial(self.bounds)]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Step>) {
        // A history ends with its first violation, so that what is shown is no longer than it must be.
        if MUST_HOLD.iter().all(|(_, holds)| holds(self, world)) {
            steps::offer(self, world, actions);
        }
    }

    fn next_state(&self, world: &World, step: Step) -> Option<World> {
        Some(self.after(world, step))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let hold = MUST_HOLD.iter().map(|(name, holds)| Property::always(name, *holds));
        let happen = MUST_HAPPEN.iter().map(|(name, happens)| Property::sometimes(name, *happens));
        hold.chain(happen).collect()
    }
}

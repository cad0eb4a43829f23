//! A run: instances, neighbours and a nemesis on one log, from the first command to the last check.

use std::sync::Arc;
use std::time::Duration;

use command_api::views::FOLLOWED;
use command_api::writer::{Executed, Failure, Handle, Origin, Owner, Submission, Target};
use event_log::{EventLog, MemoryLog, TopicPartition};
use event_schemas::topics::{Profile, manifest, partitions};
use event_schemas::{Actor, AggregateType, CorrelationId, Domain, Envelope, Metadata, SealedFields};
use parking_lot::Mutex;
use tests::checker::{Answer, Attempt, History, Observed};
use tokio::time::{sleep, timeout};

use super::chance;
use super::instance::{Instance, Time, decoder};
use super::line::{Broker, Errands, Health, Line};
use super::neighbours::{Board, Wish};
use super::plan::Plan;

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(4);
/// How long a run may take to come to rest once nothing goes wrong any more.
const REST: Duration = Duration::from_secs(300);
/// Longer than a command of a policy that came to an instance waits there.
const IN_HANDS: Duration = Duration::from_secs(5);
/// Most attempts at one command.
const ATTEMPTS: usize = 60;

/// Everything that a run consists of.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) log: MemoryLog,
    pub(crate) time: Time,
    pub(crate) plan: Plan,
    pub(crate) slots: Vec<Slot>,
    pub(crate) board: Mutex<Board>,
    pub(crate) history: Mutex<History>,
    pub(crate) errands: Arc<Errands>,
    broker: Arc<Broker>,
    started: Mutex<usize>,
}

/// A machine on which one instance after the other runs.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    pub(crate) address: String,
    pub(crate) instance: Mutex<Option<Arc<Instance>>>,
    /// Something is being done to it.
    pub(crate) is_struck: Mutex<bool>,
}

impl World {
    /// A log, and machines on which nothing runs yet.
    pub(crate) async fn create(plan: Plan) -> Arc<Self> {
        let (log, broker) = (MemoryLog::new(), Arc::new(Broker::default()));
        log.create_topics(&manifest(Profile::Small), 1).await.expect("creates topics");
        log.direct(Arc::clone(&broker) as _);
        let slot = |n| Slot { address: format!("http://{n}"), ..Slot::default() };
        let slots = (0..plan.instances).map(slot).collect();
        Arc::new(Self {
            log,
            time: Time::begin(),
            plan,
            slots,
            board: Mutex::default(),
            history: Mutex::new(History { answers_come_in_order: true, ..History::default() }),
            errands: Arc::default(),
            broker,
            started: Mutex::default(),
        })
    }

    /// Starts an instance on each machine.
    pub(crate) async fn begin(&self) {
        for slot in &self.slots {
            self.start(slot).await;
        }
    }

    /// Starts the next instance on a machine.
    pub(crate) async fn start(&self, slot: &Slot) {
        let name = {
            let mut started = self.started.lock();
            *started += 1;
            format!("i{started}")
        };
        let line = Line::new(&name, self.plan.clone(), Arc::clone(&self.errands));
        self.broker.lines.lock().insert(name, Arc::clone(&line));
        let instance = Instance::start(&self.log, line, &slot.address, &self.time).await;
        *slot.instance.lock() = Some(Arc::new(instance));
    }

    /// The instances that run.
    pub(crate) fn running(&self) -> Vec<Arc<Instance>> {
        self.slots.iter().filter_map(|it| it.instance.lock().clone()).filter(|it| it.runs()).collect()
    }

    /// Asks until there is an answer that another attempt would not change, or until it is enough; the last attempt.
    pub(crate) async fn fulfil(&self, wish: &Wish) -> Attempt {
        for _ in 1..ATTEMPTS {
            let attempt = self.attempt(wish).await;
            if attempt.answer.is_final() {
                return attempt;
            }
            sleep(chance::between(Duration::from_millis(20), Duration::from_millis(900))).await;
        }
        self.attempt(wish).await
    }

    /// Asks some instance once, and the owner when that is another one.
    pub(crate) async fn attempt(&self, wish: &Wish) -> Attempt {
        let sent = self.time.elapsed();
        let attempt = |via: &str, answer| Attempt {
            command: wish.id,
            aggregate: wish.target.id.clone(),
            what: wish.what.to_owned(),
            sent,
            at: self.time.elapsed(),
            via: via.to_owned(),
            answer,
        };
        let Some(mut instance) = chance::pick(&self.running()).cloned() else {
            return attempt("nobody", Answer::NotTaken("nobody is there".to_owned()));
        };
        let mut answer = self.ask(&instance, wish).await;
        if let Err(Failure::Elsewhere { address }) = &answer {
            let slot = self.slots.iter().find(|it| it.address == *address);
            let owner = slot.and_then(|it| it.instance.lock().clone());
            if let Some(owner) = owner.filter(|it| it.line.health() != Health::Dead) {
                instance = owner;
                answer = self.ask(&instance, wish).await;
            }
        }
        let attempt = attempt(&instance.line.name, self.told(&instance, wish, answer));
        self.history.lock().attempts.push(attempt.clone());
        attempt
    }

    async fn ask(&self, instance: &Instance, wish: &Wish) -> Result<Executed, Failure> {
        let command = match (wish.making)(&instance.views) {
            Some(command) => command,
            None => {
                instance.views.caught_up(FOLLOWED).await?;
                (wish.making)(&instance.views).ok_or(Failure::Lagging("everything"))?
            }
        };
        let origin = Origin {
            command_id: wish.id,
            fingerprint: [7; 8],
            correlation_id: CorrelationId::from(wish.id),
            actor: Some(Actor::User(wish.by)),
            metadata: Metadata::default(),
            traceparent: None,
            expected_version: wish.expects,
        };
        let submission = Submission { target: wish.target.clone(), command, origin };
        let answered = timeout(PATIENCE, instance.handle.execute(submission)).await;
        answered.unwrap_or(Err(Failure::OutcomeUnknown))
    }

    /// The same wish as of the version that was last told of its aggregate, if any.
    pub(crate) fn as_of_what_was_told(&self, wish: Wish) -> Wish {
        let of_it = |it: &&Attempt| it.aggregate == wish.target.id;
        let version =
            self.history.lock().attempts.iter().rev().filter(of_it).find_map(|it| match it.answer {
                Answer::Appended { version, .. } => Some(version),
                Answer::Unchanged | Answer::Refused(_) | Answer::NotTaken(_) | Answer::Unknown(_) => None,
            });
        Wish { expects: version, ..wish }
    }

    /// An answer shows what was asked for, under the name of whoever asked.
    fn shows_what_was_asked(&self, wish: &Wish, executed: &Executed) {
        let mut faults = Vec::new();
        let before = executed.events.first().map(|it| it.envelope.aggregate_version - 1);
        if wish.expects.is_some() && before.is_some() && wish.expects != before {
            faults.push(format!("{} {} was carried out at {before:?}", wish.what, wish.id));
        }
        let flow = CorrelationId::from(wish.id);
        let is_theirs = |it: &Envelope| it.correlation_id == flow && it.actor == Some(Actor::User(wish.by));
        if !executed.events.iter().all(|it| is_theirs(&it.envelope)) {
            faults.push(format!("events of {} {} name somebody else", wish.what, wish.id));
        }
        self.history.lock().faults.append(&mut faults);
    }

    /// What the client hears of it; nothing of an instance that is not there any more.
    fn told(&self, instance: &Instance, wish: &Wish, answer: Result<Executed, Failure>) -> Answer {
        if !instance.runs() {
            return Answer::Unknown("no answer".to_owned());
        }
        answer.iter().for_each(|it| self.shows_what_was_asked(wish, it));
        match answer {
            Ok(Executed { events, version, position: Some(position), replayed, .. })
                if !events.is_empty() =>
            {
                let events = Some(events.iter().map(|it| it.envelope.event_id).collect());
                Answer::Appended { version, position, events, replayed: Some(replayed) }
            }
            Ok(Executed { version, mut state, position, .. }) => {
                // Nobody destroys a key here.
                let mut sealed = state.iter_mut().flat_map(SealedFields::sealed_fields);
                if sealed.any(|it| it.field.clear_json().is_none()) {
                    let forgotten = format!("{} {}: a personal value is forgotten", wish.what, wish.id);
                    self.history.lock().faults.push(forgotten);
                }
                let Target { aggregate: kind, id } = wish.target.clone();
                let observed = state.map(|state| Observed { kind, aggregate: id, version, position, state });
                self.history.lock().observed.extend(observed);
                Answer::Unchanged
            }
            Err(Failure::Refused(refusal)) => Answer::Refused(refusal.code.to_owned()),
            Err(fault @ Failure::VersionConflict { .. }) if wish.expects.is_some() => {
                Answer::Refused(fault.to_string())
            }
            Err(Failure::OutcomeUnknown) => Answer::Unknown("outcome unknown".to_owned()),
            Err(fault @ (Failure::Fault(_) | Failure::KeyReused | Failure::VersionConflict { .. })) => {
                self.history.lock().faults.push(format!("{} {}: {fault}", wish.what, wish.id));
                Answer::Unknown(fault.to_string())
            }
            Err(
                other @ (Failure::Elsewhere { .. }
                | Failure::Moving
                | Failure::NotTaken
                | Failure::Overloaded
                | Failure::Lagging(_)),
            ) => Answer::NotTaken(other.to_string()),
        }
    }

    /// Nothing goes wrong from here on, and what is gone comes back.
    pub(crate) async fn heal(&self) {
        self.every_plan(|plan| {
            *plan = Plan {
                slow: 0,
                failing: 0,
                aborted: 0,
                fenced: 0,
                lost: 0,
                doubled: 0,
                late_keys: false,
                ..plan.clone()
            };
        });
        for slot in &self.slots {
            let runs = slot.instance.lock().as_ref().is_some_and(|it| it.runs());
            if !runs {
                self.start(slot).await;
            }
        }
    }

    /// Waits until every partition is served, every command of a policy is consumed, and the log stands still.
    pub(crate) async fn rest(&self) {
        let rests = async {
            let mut before = Vec::new();
            loop {
                let ends = self.ends().await;
                if ends == before && self.all_served() && !self.has_backlog().await {
                    return;
                }
                before = ends;
                sleep(Duration::from_millis(700)).await;
            }
        };
        if timeout(REST, rests).await.is_err() {
            self.history.lock().faults.push(format!("no rest after {REST:?}: {}", self.standing()));
        }
    }

    fn all_served(&self) -> bool {
        let all: i32 = Domain::ALL.into_iter().map(|it| partitions(it, Profile::Small)).sum();
        let served: usize = self.running().iter().map(|it| it.handle.serving().count()).sum();
        usize::try_from(all).is_ok_and(|all| all == served)
    }

    /// An id in each partition of each kind of aggregate.
    pub(crate) fn somewhere_in_each_partition(&self) -> Vec<Target> {
        let Some(instance) = self.running().into_iter().next() else { return Vec::new() };
        let in_partition = |kind: AggregateType, number: i32| {
            let mut ids = std::iter::repeat_with(|| chance::id(0).to_string());
            let id = ids.find(|it| instance.handle.partition(kind.domain(), it) == number);
            id.map(|id| Target::new(kind, id))
        };
        let numbers = |kind: AggregateType| 0..partitions(kind.domain(), Profile::Small);
        let all = AggregateType::ALL.into_iter().flat_map(|it| numbers(it).map(move |number| (it, number)));
        all.filter_map(|(kind, number)| in_partition(kind, number)).collect()
    }

    fn standing(&self) -> String {
        let of = |it: &Arc<Instance>| {
            let serving = it.handle.serving();
            format!("{} serves {}, stuck {:?}", it.line.name, serving.count(), serving.stuck_reasons())
        };
        self.running().iter().map(of).collect::<Vec<_>>().join("; ")
    }

    async fn ends(&self) -> Vec<i64> {
        let mut ends = Vec::new();
        for of in all(|it| [it.events_topic(), it.commands_topic()]) {
            ends.push(self.log.high_watermark(&of).await.expect("has an end"));
        }
        ends
    }

    /// Waits until no command of a policy is under way that was carried out before: from here on time makes leaps, and no
    /// ledger would know it any more. Where one still waits after that long the checker will tell why.
    pub(crate) async fn nothing_comes_again(&self) {
        self.every_plan(|it| it.doubled = 0);
        if self.plan.doubled == 0 {
            return;
        }
        // What is on its way to an instance, or in its hands, shows nowhere.
        sleep(IN_HANDS).await;
        let carried_out = async {
            while self.has_backlog().await {
                sleep(Duration::from_millis(700)).await;
            }
        };
        _ = timeout(REST, carried_out).await;
    }

    /// Changes what may go wrong on every line.
    pub(crate) fn every_plan(&self, change: impl Fn(&mut Plan)) {
        self.broker.lines.lock().values().for_each(|it| change(&mut it.plan.lock()));
    }

    /// Whether a command of a policy waits, or may.
    async fn has_backlog(&self) -> bool {
        let members = self.running();
        let Some(member) = members.iter().find_map(|it| it.line.memberships().into_iter().next()) else {
            return true;
        };
        let of = all(|it| [it.commands_topic()]).collect();
        // As long as a transaction holds an offset nobody knows.
        let Ok(committed) = member.committed(of).await else { return true };
        for (of, next) in committed {
            let mut reader = self.log.reader(vec![(of, next)]).await.expect("reads");
            if !reader.next(1, Duration::ZERO).await.expect("reads").is_empty() {
                return true;
            }
        }
        false
    }

    /// Has every instance look at its clock, by a command that changes nothing.
    pub(crate) async fn wake(&self, wishes: &[Wish]) {
        for instance in self.running() {
            let handle: &Handle = &instance.handle;
            if let Some(wish) = wishes.iter().find(|it| handle.owner_of(&it.target) == Owner::Here) {
                let answer = self.ask(&instance, wish).await;
                self.told(&instance, wish, answer);
            }
        }
    }

    /// Stops the instances.
    pub(crate) async fn end(&self) {
        for slot in &self.slots {
            let Some(instance) = slot.instance.lock().take() else { continue };
            let name = instance.line.name.clone();
            let instance = Arc::into_inner(instance).expect("nobody else holds it at the end");
            if !instance.stop().await {
                self.history.lock().faults.push(format!("{name} does not stop"));
            }
        }
    }

    /// What was seen of it, and what stands in the log.
    pub(crate) async fn history(&self) -> History {
        let mut history = std::mem::take(&mut *self.history.lock());
        history.faults.append(&mut self.errands.noticed.lock());
        let read = history.read_log(&self.log, &decoder(), Profile::Small).await;
        read.unwrap_or_else(|fault| history.faults.push(format!("{fault:?}")));
        history
    }
}

/// Partitions of these topics of every domain.
fn all<const N: usize>(topics: impl Fn(Domain) -> [&'static str; N]) -> impl Iterator<Item = TopicPartition> {
    Domain::ALL.into_iter().flat_map(move |domain| {
        let count = partitions(domain, Profile::Small);
        topics(domain).into_iter().flat_map(move |it| (0..count).map(move |n| TopicPartition::new(it, n)))
    })
}

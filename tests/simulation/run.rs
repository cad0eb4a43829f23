//! One seed from beginning to end, and what is printed when it fails.
//!
//! A run that does not end is a fault like any other, and comes in three kinds: nothing comes to rest though time passes,
//! somebody asks the log again and again while no time passes, or a thread never lets go.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Once, OnceLock};
use std::time::Duration;

use event_schemas::AggregateType;
use tests::checker::{History, Rule, Violation, violations};
use tokio::time::{sleep, timeout};

use super::chance;
use super::neighbours::{people, register};
use super::nemesis;
use super::plan::{Mutant, Plan};
use super::settling::{LONG, looks, settle};
use super::world::World;

/// People who want something at the same time.
const CLIENTS: u64 = 3;

/// Longer than faults can keep a partition from being served.
const LONG_WAIT: Duration = Duration::from_secs(180);

/// Longer than a run takes whose faults all end.
const AT_LAST: Duration = Duration::from_secs(3_600);

/// A thousand times what a run takes of our time.
const STUCK: Duration = Duration::from_secs(60);

/// What came of a seed.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) seed: u64,
    pub(crate) history: History,
    pub(crate) violations: Vec<Violation>,
}

impl Outcome {
    /// A number that two runs share when they were the same to the byte.
    pub(crate) fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.history.to_string().hash(&mut hasher);
        for it in &self.history.events {
            format!("{:?}", it.record).hash(&mut hasher);
        }
        hasher.finish()
    }

    /// The violations, each with the history of its aggregate.
    pub(crate) fn report(&self) -> String {
        let mut text = format!("seed {}: {} violations\n", self.seed, self.violations.len());
        for it in &self.violations {
            _ = writeln!(text, "{it}");
        }
        for aggregate in self.violations.iter().map(|it| &it.aggregate).collect::<BTreeSet<_>>() {
            _ = write!(text, "history of {aggregate}\n{}", self.history.of(aggregate));
        }
        text
    }
}

/// Runs a seed on a thread of its own, so that nothing of another run is left there.
pub(crate) fn run(seed: u64, mutant: Option<Mutant>) -> Outcome {
    // What is made once for the process draws from the thread that needs it first: let that be none of the counted runs.
    static WARM: Once = Once::new();
    WARM.call_once(|| drop(on_own_thread(0, None)));
    on_own_thread(seed, mutant)
}

fn on_own_thread(seed: u64, mutant: Option<Mutant>) -> Outcome {
    let (tell, told) = mpsc::sync_channel(1);
    let place = Arc::<OnceLock<Arc<World>>>::default();
    let seen = Arc::clone(&place);
    let thread = std::thread::Builder::new().name(format!("seed {seed}")).spawn(move || {
        chance::seed(seed);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let history = runtime.expect("a runtime starts").block_on(async {
            let world = World::create(Plan::draw(mutant)).await;
            // The first and only one.
            _ = place.set(Arc::clone(&world));
            watched(world).await
        });
        let outcome = Outcome { seed, violations: violations(&history), history };
        // Whoever has stopped waiting has said so.
        _ = tell.send(outcome);
    });
    drop(thread.expect("a thread starts"));
    // In slices: of a process that is stopped meanwhile, or a machine that sleeps, only one of them passes.
    let mut slices = (0..STUCK.as_secs()).map(|_| told.recv_timeout(Duration::from_secs(1)));
    let ended = slices.find(|it| !matches!(it, Err(RecvTimeoutError::Timeout)));
    ended.unwrap_or(Err(RecvTimeoutError::Timeout)).unwrap_or_else(|why| {
        let found = match why {
            // What it said stands above, under the name of its thread.
            RecvTimeoutError::Disconnected => "something panicked".to_owned(),
            RecvTimeoutError::Timeout => {
                format!("something turns round and round without a pause, for {STUCK:?}")
            }
        };
        let history = seen.get().and_then(|it| it.history.try_lock().map(|it| it.clone()));
        let violation = Violation { rule: Rule::NoFault, aggregate: "the run".to_owned(), found };
        Outcome { seed, history: history.unwrap_or_default(), violations: vec![violation] }
    })
}

/// A run to its end, which is cut off when there is none; its history.
async fn watched(world: Arc<World>) -> History {
    let lived = tokio::select! {
        biased;
        restless = world.errands.too_many() => Err(restless),
        lived = timeout(AT_LAST, live(Arc::clone(&world))) => {
            lived.unwrap_or_else(|_| Err(format!("nothing comes to rest for {AT_LAST:?}")))
        }
    };
    world.history.lock().faults.extend(lived.err());
    world.history().await
}

/// A run to its end; the reason why it does not get there.
async fn live(world: Arc<World>) -> Result<(), String> {
    world.begin().await;
    let nemesis = tokio::spawn(nemesis::strike(Arc::clone(&world), world.plan.blows));
    for person in people() {
        // Nobody does anything without an account.
        let wish = register(person);
        let registered = async {
            while !world.attempt(&wish).await.answer.is_final() {
                sleep(Duration::from_millis(300)).await;
            }
        };
        let registered = timeout(LONG_WAIT, registered).await;
        registered.map_err(|_| format!("{person} cannot register for {LONG_WAIT:?}"))?;
    }
    let clients = (0..CLIENTS).map(|_| tokio::spawn(client(Arc::clone(&world)))).collect::<Vec<_>>();
    nemesis.await.expect("the nemesis does not panic");
    for client in clients {
        client.await.expect("a client does not panic");
    }
    if chance::one_in(8) {
        let exchange = world.board.lock().exchange();
        for wish in exchange {
            world.fulfil(&wish).await;
        }
    }
    world.nothing_comes_again().await;
    // Timers fire under blows, too. Nobody repeats an old key after this jump, which no ledger would know any more.
    world.time.jump(LONG);
    world.every_plan(|it| it.doubled = world.plan.doubled);
    world.wake(&looks(&world)).await;
    nemesis::strike(Arc::clone(&world), world.plan.blows / 2).await;
    world.heal().await;
    settle(&world).await;
    world.end().await;
    Ok(())
}

/// Wants one thing after the other; some twice at the same time, some again after the answer.
async fn client(world: Arc<World>) {
    let mut wishes = Vec::new();
    for _ in 0..world.plan.commands / CLIENTS {
        let wish = world.board.lock().next_wish();
        // People's ids are those of three aggregates each.
        let is_alone = matches!(wish.target.aggregate, AggregateType::Community | AggregateType::HelpRequest);
        let wish = if is_alone && chance::one_in(8) { world.as_of_what_was_told(wish) } else { wish };
        if chance::one_in(6) {
            let (other, same) = (Arc::clone(&world), wish.clone());
            let twin = tokio::spawn(async move { other.fulfil(&same).await });
            world.fulfil(&wish).await;
            twin.await.expect("a client does not panic");
        } else {
            world.fulfil(&wish).await;
        }
        wishes.push(wish);
        if chance::one_in(2) {
            // An answer that was lost on the way to them, or a habit.
            world.fulfil(chance::pick(&wishes).expect("there is one")).await;
        }
        sleep(chance::between(Duration::ZERO, Duration::from_millis(1_500))).await;
    }
}

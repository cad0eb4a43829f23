//! One seed from beginning to end, and what is printed when it fails.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Once};
use std::time::Duration;

use event_schemas::topics::Profile;
use tests::checker::{History, Rule, Violation, violations};
use tokio::time::{sleep, timeout};

use super::chance;
use super::instance::decoder;
use super::neighbours::{Wish, people, publish, read_all, register, untag};
use super::nemesis;
use super::plan::{Mutant, Plan};
use super::world::World;

/// People who want something at the same time.
const CLIENTS: u64 = 3;
/// Longer than any timer of a request or an inbox that was armed by then.
const LONG: Duration = Duration::from_secs(400 * 86_400);

/// Longer than faults can keep a partition from being served.
const LONG_WAIT: Duration = Duration::from_secs(180);

/// Longer than a run takes whose faults all end.
const AT_LAST: Duration = Duration::from_secs(3_600);

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
    let name = format!("seed {seed}");
    let thread = std::thread::Builder::new().name(name).spawn(move || {
        chance::seed(seed);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let lived = runtime.expect("a runtime starts").block_on(async {
            let plan = Plan::draw(mutant);
            timeout(AT_LAST, live(plan)).await
        });
        let history = lived.unwrap_or_else(|_| {
            let faults = vec![format!("nothing comes to rest for {AT_LAST:?}")];
            History { faults, ..History::default() }
        });
        Outcome { seed, violations: violations(&history), history }
    });
    thread.expect("a thread starts").join().unwrap_or_else(|_| {
        // What it said stands above, under the name of its thread.
        let panicked = Violation {
            rule: Rule::NoFault,
            aggregate: "the run".to_owned(),
            found: "something panicked".to_owned(),
        };
        Outcome { seed, history: History::default(), violations: vec![panicked] }
    })
}

async fn live(plan: Plan) -> History {
    let world = World::begin(plan).await;
    let nemesis = tokio::spawn(nemesis::strike(Arc::clone(&world), world.plan.blows));
    for person in people() {
        // Nobody does anything without an account.
        let wish = register(person);
        let registered = async {
            while !world.attempt(&wish).await.is_final() {
                sleep(Duration::from_millis(300)).await;
            }
        };
        if timeout(LONG_WAIT, registered).await.is_err() {
            let faults = vec![format!("{person} cannot register for {LONG_WAIT:?}")];
            return History { faults, ..History::default() };
        }
    }
    let clients = (0..CLIENTS).map(|_| tokio::spawn(client(Arc::clone(&world)))).collect::<Vec<_>>();
    nemesis.await.expect("the nemesis does not panic");
    for client in clients {
        client.await.expect("a client does not panic");
    }
    // Timers fire under blows, too. Nobody repeats an old key after this jump, which no ledger would know any more.
    world.time.jump(LONG);
    world.wake(&looks(&world)).await;
    nemesis::strike(Arc::clone(&world), world.plan.blows / 2).await;
    world.heal().await;
    settle(&world).await;
    world.end().await
}

/// Wants one thing after the other; some twice at the same time, some again after the answer.
async fn client(world: Arc<World>) {
    let mut wishes = Vec::new();
    for _ in 0..world.plan.commands / CLIENTS {
        let wish = world.board.lock().next_wish();
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

/// Lets everything fire that is due, twice because one thing leads to another, and has owners show their states.
async fn settle(world: &World) {
    world.rest().await;
    for _ in 0..2 {
        world.time.jump(LONG);
        let due = world.time.now();
        world.wake(&looks(world)).await;
        world.rest().await;
        world.history.lock().settled_at = Some(due - chrono::TimeDelta::hours(1));
    }
    timers_have_fired(world).await;
    // Once to make it so, and once more to see that it is.
    for wish in looks(world).into_iter().chain(looks(world)) {
        world.fulfil(&wish).await;
    }
    world.rest().await;
}

/// Whatever is due has fired by itself: the next command for an aggregate would fire what a successor has forgotten.
async fn timers_have_fired(world: &World) {
    let mut history = History { settled_at: world.history.lock().settled_at, ..History::default() };
    if history.read_log(&world.log, &decoder(), Profile::Small).await.is_ok() {
        let found = violations(&history).into_iter().filter(|it| it.rule == Rule::TimersFireOnTime);
        world.history.lock().faults.extend(found.map(|it| it.to_string()));
    }
}

/// Wishes that change nothing the second time.
fn looks(world: &World) -> Vec<Wish> {
    let board = world.board.lock();
    let communities = board.communities.iter().map(|(id, founder)| untag(*id, *founder));
    let requests = board.requests.iter().map(|it| publish(it.id, it.requester));
    communities.chain(requests).chain(people().into_iter().map(read_all)).collect()
}

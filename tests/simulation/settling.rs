//! The end of a run: nothing goes wrong any more, everything that is due fires, and everybody gets an answer.

use std::time::Duration;

use event_schemas::Timestamp;
use event_schemas::topics::Profile;
use tests::checker::{History, Rule, violations};
use tokio::time::sleep;

use super::chance;
use super::instance::decoder;
use super::neighbours::{Wish, people, publish, question, read_all, rename, untag};
use super::world::World;

/// Longer than any timer of a request or an inbox that was armed by then.
pub(crate) const LONG: Duration = Duration::from_secs(400 * 86_400);

/// How wrong clocks are at most.
const WRONG: Duration = Duration::from_secs(3_600);
/// Longer than an owner goes without a look at its clock: every ten seconds it reports how large it is.
const SLEEP: Duration = Duration::from_secs(11);

/// Lets everything fire that is due, twice because one thing leads to another, and has owners show their states.
pub(crate) async fn settle(world: &World) {
    world.rest().await;
    if chance::one_in(4) {
        around_the_first_timer(world).await;
    }
    for _ in 0..2 {
        world.time.jump(LONG);
        let due = world.time.now();
        world.wake(&looks(world)).await;
        world.rest().await;
        world.history.lock().settled_at = Some(due - chrono::TimeDelta::hours(1));
    }
    timers_have_fired(world).await;
    // Once to make it so, and once more to see that it is.
    let looks = looks(world).into_iter().chain(looks(world));
    for wish in looks.chain(world.somewhere_in_each_partition().into_iter().map(question)) {
        let last = world.fulfil(&wish).await;
        if !last.answer.is_final() {
            world.history.lock().unanswered.push(last);
        }
    }
    world.rest().await;
}

/// The first timer to come does not fire within the hour before it is due, even when somebody asks for something then. It
/// has fired soon after, and so have those behind it: whoever looked at one too early must not have dropped it.
async fn around_the_first_timer(world: &World) {
    let mut history = History::default();
    // What cannot be read now is found at the end.
    if history.read_log(&world.log, &decoder(), Profile::Small).await.is_err() {
        return;
    }
    let now = world.time.now();
    let eve = chance::between(SLEEP * 2, WRONG);
    let until_eve = |due: Timestamp| due.since(now).to_std().ok()?.checked_sub(eve);
    let ahead = history.timers().into_iter().find_map(|(id, due)| Some((id, until_eve(due)?)));
    let Some((id, until_eve)) = ahead else { return };
    world.time.jump(until_eve);
    world.wake(&looks(world)).await;
    if chance::one_in(2) {
        for wish in looks(world).into_iter().filter(|it| it.target.id == id) {
            world.fulfil(&wish).await;
        }
    }
    sleep(SLEEP).await;
    world.time.jump(eve - SLEEP - SLEEP / 2);
    // It becomes due while time goes on.
    sleep(SLEEP).await;
    world.time.jump(WRONG * 2);
    let due = world.time.now() - chrono::TimeDelta::hours(1);
    sleep(SLEEP).await;
    world.rest().await;
    world.history.lock().settled_at = Some(due);
    timers_have_fired(world).await;
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
pub(crate) fn looks(world: &World) -> Vec<Wish> {
    let board = world.board.lock();
    let communities = board.communities.iter().map(|(id, founder)| untag(*id, *founder));
    let requests = board.requests.iter().map(|it| publish(it.id, it.requester));
    let of_people = people().into_iter().flat_map(|it| [read_all(it), rename(it)]);
    communities.chain(requests).chain(of_people).collect()
}

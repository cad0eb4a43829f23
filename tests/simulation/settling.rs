//! The end of a run: nothing goes wrong any more, everything that is due fires, and everybody gets an answer.

use std::time::Duration;

use event_schemas::topics::Profile;
use tests::checker::{History, Rule, violations};

use super::instance::decoder;
use super::neighbours::{Wish, people, publish, question, read_all, untag};
use super::world::World;

/// Longer than any timer of a request or an inbox that was armed by then.
pub(crate) const LONG: Duration = Duration::from_secs(400 * 86_400);

/// Lets everything fire that is due, twice because one thing leads to another, and has owners show their states.
pub(crate) async fn settle(world: &World) {
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
    let looks = looks(world).into_iter().chain(looks(world));
    for wish in looks.chain(world.somewhere_in_each_partition().into_iter().map(question)) {
        let last = world.fulfil(&wish).await;
        if !last.answer.is_final() {
            world.history.lock().unanswered.push(last);
        }
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
pub(crate) fn looks(world: &World) -> Vec<Wish> {
    let board = world.board.lock();
    let communities = board.communities.iter().map(|(id, founder)| untag(*id, *founder));
    let requests = board.requests.iter().map(|it| publish(it.id, it.requester));
    communities.chain(requests).chain(people().into_iter().map(read_all)).collect()
}

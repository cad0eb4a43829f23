//! Looking at what was acknowledged: a read that names the position must show it.

use std::time::Duration;

use event_log::Position;
use tests::checker::Read;
use tokio::time::sleep;

use super::client::Crowd;
use super::wish::Wish;
use crate::chance::Chance;

/// Longer than the service waits for its projections.
const PATIENCE: Duration = Duration::from_secs(12);
/// Tries before somebody gives up: whatever serves reads may be away as long as a fault lasts.
const TRIES: usize = 4;

impl Crowd {
    /// Reads what a command has brought about. "Not yet" is an answer; an older state is none.
    pub(super) async fn look(
        &self,
        wish: &Wish,
        aggregate: &str,
        acknowledged: i64,
        position: &Position,
        chance: &mut Chance,
    ) {
        let Some(path) = wish.shown_at(aggregate) else { return };
        for _ in 0..TRIES {
            let (via, api) = chance.pick(&self.apis).expect("an address");
            let call = api.get(&path).seeing(&position.to_string()).token(&wish.by.token());
            let seen = match call.limit(PATIENCE).try_send().await {
                Ok(answer) if answer.status == 200 => version(answer.header("etag")),
                // A community never goes away; a request may be over, and is not shown then.
                Ok(answer) if answer.status == 404 && path.starts_with("/communities") => None,
                Ok(answer) if answer.status < 500 => return,
                Ok(_) | Err(_) => {
                    sleep(chance.millis(100, 800)).await;
                    continue;
                }
            };
            let (at, aggregate, via) = (self.world.elapsed(), aggregate.to_owned(), via.clone());
            self.world.history().reads.push(Read { aggregate, at, via, acknowledged, seen });
            return;
        }
    }
}

/// `"7"`.
fn version(etag: &str) -> Option<i64> {
    etag.trim_matches('"').parse().ok()
}

//! An open loop: commands are sent at their times, whether or not the ones before are answered.
//!
//! Each client has its own even beat. One that is late sends at once, and its wait counts: latency runs from the time at
//! which a command was to be sent, so that a server that stalls does not hide the commands which it kept from coming.
//! What a client needs before its first command is there before the clock starts.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::closed_loop::{Answer, Carrier, Plan, done};
use super::exchange::{Exchange, Pair};
use super::report::{histogram, note};

/// What a load came to.
#[derive(Clone, Debug)]
pub(super) struct Load {
    /// Commands a second that were sent and answered, be it with a refusal.
    pub(super) sent_per_second: f64,
    /// Commands a second that were carried out.
    pub(super) done_per_second: f64,
    /// Due to be sent until answered, in microseconds, of those that were sent while it counted and carried out, be it later:
    /// whoever is answered last has waited longest.
    pub(super) latency: Histogram<u64>,
    /// Really sent until answered, of the same.
    pub(super) service: Histogram<u64>,
}

/// Clients that ask at once before the clock starts.
const ASK_AT_ONCE: usize = 64;

/// Counts of one client.
struct Counts {
    done: u64,
    overloaded: u64,
    latency: Histogram<u64>,
    service: Histogram<u64>,
}

/// Runs one client per carrier, `per_second` commands in all.
pub(super) async fn run<C: Carrier>(
    carriers: Vec<C>,
    pairs: &[Arc<Pair>],
    per_second: f64,
    plan: Plan,
) -> Result<Load> {
    let count = carriers.len();
    let beat = Duration::from_secs_f64(count as f64 / per_second);
    let ready = prepare(carriers, pairs).await?;
    let (began, mut clients) = (Instant::now(), JoinSet::new());
    let from = began + plan.warm_up;
    let measured = from..from + plan.measured;
    for (number, client) in ready.into_iter().enumerate() {
        let first = began + beat.mul_f64(number as f64 / count as f64);
        clients.spawn(client.run(first, beat, measured.clone()));
    }
    let mut all = Counts::default();
    while let Some(ended) = clients.join_next().await {
        let counts = ended??;
        all.done += counts.done;
        all.overloaded += counts.overloaded;
        all.latency.add(counts.latency)?;
        all.service.add(counts.service)?;
    }
    let seconds = plan.measured.as_secs_f64();
    Ok(Load {
        sent_per_second: (all.done + all.overloaded) as f64 / seconds,
        done_per_second: all.done as f64 / seconds,
        latency: all.latency,
        service: all.service,
    })
}

impl Default for Counts {
    fn default() -> Self {
        Self { done: 0, overloaded: 0, latency: histogram(), service: histogram() }
    }
}

/// A client with a question to edit.
struct Client<C> {
    carrier: C,
    pair: Arc<Pair>,
    exchange: Exchange,
}

/// Has every client ask its question, a few at a time.
async fn prepare<C: Carrier>(carriers: Vec<C>, pairs: &[Arc<Pair>]) -> Result<Vec<Client<C>>> {
    let ready = carriers.into_iter().zip(pairs.iter().cycle()).map(async |(mut carrier, pair)| {
        let mut exchange = Exchange::edited_for_ever();
        exchange.advance(done(carrier.carry(pair, &exchange).await?)?)?;
        Ok(Client { carrier, pair: Arc::clone(pair), exchange })
    });
    stream::iter(ready).buffered(ASK_AT_ONCE).try_collect().await
}

impl<C: Carrier> Client<C> {
    async fn run(mut self, first: Instant, beat: Duration, measured: Range<Instant>) -> Result<Counts> {
        let mut counts = Counts::default();
        let mut due = first;
        loop {
            sleep_until(due).await;
            let sent = Instant::now();
            let answer = self.carrier.carry(&self.pair, &self.exchange).await?;
            let answered = Instant::now();
            let counts_here = u64::from(measured.contains(&answered));
            match answer {
                Answer::Done(created) => {
                    counts.done += counts_here;
                    if measured.contains(&sent) {
                        note(&mut counts.latency, answered - due);
                        note(&mut counts.service, answered - sent);
                    }
                    self.exchange.advance(created)?;
                }
                Answer::Overloaded => counts.overloaded += counts_here,
            }
            if answered >= measured.end {
                return Ok(counts);
            }
            due += beat;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::time::timeout;

    use super::*;
    use crate::api::Person;

    /// How long the server stalls, well beyond the end of the load.
    const STALL: Duration = Duration::from_secs(10);
    const PLAN: Plan = Plan { warm_up: Duration::from_secs(1), measured: Duration::from_secs(2) };

    /// Answers at once what comes before the given call, and then stalls.
    struct Stalling(u32);

    impl Carrier for Stalling {
        async fn carry(&mut self, _pair: &Pair, _exchange: &Exchange) -> Result<Answer> {
            self.0 = self.0.saturating_sub(1);
            if self.0 == 0 {
                timeout(STALL, pending::<()>()).await.unwrap_err();
            }
            Ok(Answer::Done(Some("request".to_owned())))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_answered_after_the_end_has_waited_too() {
        let person = || Person { id: String::new(), name: String::new(), token: String::new() };
        let pair = Pair { community: String::new(), requester: person(), helper: person() };
        // The question, and two edits a second: two while it warms up, two that count, and the one that stalls.
        let load = run(vec![Stalling(6)], &[Arc::new(pair)], 2.0, PLAN).await.unwrap();
        assert_eq!((load.done_per_second, load.latency.len()), (1.0, 3), "{load:?}");
        let longest = Duration::from_micros(load.latency.max());
        assert!(longest.abs_diff(STALL) < STALL / 100, "{longest:?}");
    }
}

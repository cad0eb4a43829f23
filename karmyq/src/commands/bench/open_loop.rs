//! An open loop: commands are sent at their times, whether or not the ones before are answered.
//!
//! Each client has its own even beat. One that is late sends at once, and its wait counts: latency runs from the time at
//! which a command was to be sent, so that a server that stalls does not hide the commands which it kept from coming.
//! What a client needs before its first command is there before the clock starts.

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
    /// Commands a second that were sent.
    pub(super) sent_per_second: f64,
    /// Commands a second that were carried out.
    pub(super) done_per_second: f64,
    /// Due to be sent until answered, of those that were carried out, in microseconds.
    pub(super) latency: Histogram<u64>,
    /// Really sent until answered, of the same.
    pub(super) service: Histogram<u64>,
}

/// Clients that ask at once before the clock starts.
const ASK_AT_ONCE: usize = 64;

/// Counts of one client.
struct Counts {
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
    for (number, client) in ready.into_iter().enumerate() {
        let first = began + beat.mul_f64(number as f64 / count as f64);
        let times = (first, beat, began + plan.warm_up, began + plan.warm_up + plan.measured);
        clients.spawn(client.run(times));
    }
    let mut all = Counts { overloaded: 0, latency: histogram(), service: histogram() };
    while let Some(ended) = clients.join_next().await {
        let counts = ended??;
        all.overloaded += counts.overloaded;
        all.latency.add(counts.latency)?;
        all.service.add(counts.service)?;
    }
    let seconds = plan.measured.as_secs_f64();
    let done = all.latency.len();
    Ok(Load {
        sent_per_second: (done + all.overloaded) as f64 / seconds,
        done_per_second: done as f64 / seconds,
        latency: all.latency,
        service: all.service,
    })
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
    async fn run(
        mut self,
        (first, beat, from, until): (Instant, Duration, Instant, Instant),
    ) -> Result<Counts> {
        let mut counts = Counts { overloaded: 0, latency: histogram(), service: histogram() };
        let mut due = first;
        loop {
            sleep_until(due).await;
            let sent = Instant::now();
            let answer = self.carrier.carry(&self.pair, &self.exchange).await?;
            let answered = Instant::now();
            if answered >= until {
                return Ok(counts);
            }
            let counts_here = answered >= from;
            match answer {
                Answer::Done(created) => {
                    if counts_here {
                        note(&mut counts.latency, answered - due);
                        note(&mut counts.service, answered - sent);
                    }
                    self.exchange.advance(created)?;
                }
                Answer::Overloaded => counts.overloaded += u64::from(counts_here),
            }
            due += beat;
        }
    }
}

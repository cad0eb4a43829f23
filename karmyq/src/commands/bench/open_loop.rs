//! An open loop: commands are sent at their times, whether or not the ones before are answered.
//!
//! Each client has its own even beat. One that is late sends at once, and its wait counts: latency runs from the time at
//! which a command was to be sent, so that a server that stalls does not hide the commands which it kept from coming.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::closed_loop::{Answer, Carrier, Plan};
use super::exchange::{Exchange, Mix, Pair};
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
    mix: Mix,
    per_second: f64,
    plan: Plan,
) -> Result<Load> {
    let (began, count) = (Instant::now(), carriers.len());
    let beat = Duration::from_secs_f64(count as f64 / per_second);
    let mut clients = JoinSet::new();
    for (number, (carrier, pair)) in carriers.into_iter().zip(pairs.iter().cycle()).enumerate() {
        let first = began + beat.mul_f64(number as f64 / count as f64);
        let times = (first, beat, began + plan.warm_up, began + plan.warm_up + plan.measured);
        clients.spawn(client(carrier, Arc::clone(pair), mix.begin(number), times));
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

async fn client(
    mut carrier: impl Carrier,
    pair: Arc<Pair>,
    mut exchanges: Vec<Exchange>,
    (first, beat, from, until): (Instant, Duration, Instant, Instant),
) -> Result<Counts> {
    let mut counts = Counts { overloaded: 0, latency: histogram(), service: histogram() };
    let mut due = first;
    for turn in (0..exchanges.len()).cycle() {
        sleep_until(due).await;
        let (exchange, sent) = (&mut exchanges[turn], Instant::now());
        let answer = carrier.carry(&pair, exchange).await?;
        let answered = Instant::now();
        if answered >= until {
            break;
        }
        let counts_here = answered >= from;
        match answer {
            Answer::Done(created) => {
                if counts_here {
                    note(&mut counts.latency, answered - due);
                    note(&mut counts.service, answered - sent);
                }
                exchange.advance(created)?;
            }
            Answer::Overloaded => counts.overloaded += u64::from(counts_here),
        }
        due += beat;
    }
    Ok(counts)
}

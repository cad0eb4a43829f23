//! A closed loop: each client sends its next command when the one before is answered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use hdrhistogram::Histogram;
use tokio::task::JoinSet;

use super::exchange::{Exchange, Mix, Pair};
use super::report::{histogram, note};

/// How long a load runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// Before anything counts.
    pub(super) warm_up: Duration,
    /// While it counts.
    pub(super) measured: Duration,
}

/// The way of commands to the writer.
pub(super) trait Carrier: Send + 'static {
    /// Carries out the next step of an exchange. Every answer that is neither success nor overload is an error.
    fn carry(&mut self, pair: &Pair, exchange: &Exchange) -> impl Future<Output = Result<Answer>> + Send;
}

/// What came of a step.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// It was carried out; with the id of what it created.
    Done(Option<String>),
    /// It was refused at once, because too much is under way.
    Overloaded,
}

/// What a load came to.
#[derive(Clone, Debug)]
pub(super) struct Load {
    /// Answered commands a second.
    pub(super) commands_per_second: f64,
    /// Command sent to answer read, in microseconds.
    pub(super) latency: Histogram<u64>,
}

/// Runs one client per carrier; fails with the first command that does.
pub(super) async fn run<C: Carrier>(
    carriers: Vec<C>,
    pairs: &[Arc<Pair>],
    mix: Mix,
    plan: Plan,
) -> Result<Load> {
    let from = Instant::now() + plan.warm_up;
    let until = from + plan.measured;
    let mut clients = JoinSet::new();
    for (number, (carrier, pair)) in carriers.into_iter().zip(pairs.iter().cycle()).enumerate() {
        let exchanges = mix.begin(number);
        clients.spawn(client(carrier, Arc::clone(pair), exchanges, from, until));
    }
    let mut latency = histogram();
    while let Some(ended) = clients.join_next().await {
        latency.add(ended??)?;
    }
    let commands_per_second = latency.len() as f64 / plan.measured.as_secs_f64();
    Ok(Load { commands_per_second, latency })
}

async fn client(
    mut carrier: impl Carrier,
    pair: Arc<Pair>,
    mut exchanges: Vec<Exchange>,
    from: Instant,
    until: Instant,
) -> Result<Histogram<u64>> {
    let mut latency = histogram();
    loop {
        for exchange in &mut exchanges {
            let sent = Instant::now();
            let Answer::Done(created) = carrier.carry(&pair, exchange).await? else {
                bail!("overloaded by clients that wait for their answers");
            };
            let answered = Instant::now();
            if answered >= until {
                return Ok(latency);
            }
            if answered >= from {
                note(&mut latency, answered - sent);
            }
            exchange.advance(created)?;
        }
    }
}

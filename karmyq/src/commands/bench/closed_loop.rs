//! A closed loop: each client sends its next command when the one before is answered.

use std::ops::Range;
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

/// Somebody who waits for the answer to a command before sending the next.
pub(super) trait Client: Send + 'static {
    /// Sends the next command and returns when it is answered. Every answer but success is an error.
    fn command(&mut self) -> impl Future<Output = Result<()>> + Send;
}

/// What a load came to.
#[derive(Clone, Debug)]
pub(super) struct Load {
    /// Commands a second that were answered while it counted.
    pub(super) commands_per_second: f64,
    /// Command sent to answer read, in microseconds, of those that were sent while it counted: whoever is answered later has
    /// waited longest.
    pub(super) latency: Histogram<u64>,
    /// All commands that were answered, outside the measured time, too.
    pub(super) answered: u64,
}

/// Runs these clients; fails with the first command that does.
pub(super) async fn run<C: Client>(clients: Vec<C>, plan: Plan) -> Result<Load> {
    let from = Instant::now() + plan.warm_up;
    let measured = from..from + plan.measured;
    let mut running: JoinSet<_> = clients.into_iter().map(|it| repeat(it, measured.clone())).collect();
    let mut all = Counts::default();
    while let Some(ended) = running.join_next().await {
        let counts = ended??;
        all.latency.add(counts.latency)?;
        all.measured += counts.measured;
        all.answered += counts.answered;
    }
    let commands_per_second = all.measured as f64 / plan.measured.as_secs_f64();
    Ok(Load { commands_per_second, latency: all.latency, answered: all.answered })
}

/// Counts of one client, or of all.
struct Counts {
    latency: Histogram<u64>,
    measured: u64,
    answered: u64,
}

impl Default for Counts {
    fn default() -> Self {
        Self { latency: histogram(), measured: 0, answered: 0 }
    }
}

async fn repeat(mut client: impl Client, measured: Range<Instant>) -> Result<Counts> {
    let mut counts = Counts::default();
    loop {
        let sent = Instant::now();
        client.command().await?;
        let answered = Instant::now();
        counts.answered += 1;
        counts.measured += u64::from(measured.contains(&answered));
        if measured.contains(&sent) {
            note(&mut counts.latency, answered - sent);
        }
        if answered >= measured.end {
            return Ok(counts);
        }
    }
}

/// Clients that take a step in each of their exchanges in turn, one per carrier.
pub(super) fn exchanging<C: Carrier>(carriers: Vec<C>, pairs: &[Arc<Pair>], mix: Mix) -> Vec<Exchanging<C>> {
    let clients = carriers.into_iter().zip(pairs.iter().cycle()).enumerate();
    clients
        .map(|(number, (carrier, pair))| Exchanging {
            carrier,
            pair: Arc::clone(pair),
            exchanges: mix.begin(number),
            turn: 0,
        })
        .collect()
}

/// See [`exchanging`].
#[derive(Debug)]
pub(super) struct Exchanging<C> {
    carrier: C,
    pair: Arc<Pair>,
    exchanges: Vec<Exchange>,
    turn: usize,
}

impl<C: Carrier> Client for Exchanging<C> {
    async fn command(&mut self) -> Result<()> {
        let turn = self.turn % self.exchanges.len();
        let exchange = &mut self.exchanges[turn];
        let created = done(self.carrier.carry(&self.pair, exchange).await?)?;
        exchange.advance(created)?;
        self.turn = turn + 1;
        Ok(())
    }
}

/// The id of what was created; clients that wait for their answers overload nothing.
pub(super) fn done(answer: Answer) -> Result<Option<String>> {
    match answer {
        Answer::Done(created) => Ok(created),
        Answer::Overloaded => bail!("overloaded by clients that wait for their answers"),
    }
}

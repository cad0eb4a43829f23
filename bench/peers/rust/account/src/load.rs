//! Clients that send their next command when the one before is answered.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Instant;

use anyhow::Result;
use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::ReadModel;
use crate::plan::Plan;
use crate::report::Load;
use crate::rules::{Action, Command};

/// What every account begins with, in cents: more than the clients can take out.
const OPENING: i64 = 100_000_000;
/// Clients that open the accounts.
const OPENERS: u32 = 8;

/// Carries commands out.
pub trait Bank: Clone + Send + Sync + 'static {
    /// Returns when the event of this command is durable. Conflicts are repeated here; a refusal is an error.
    fn carry(&self, command: &Command) -> impl Future<Output = Result<()>> + Send;
    /// Conflicts so far that made a command be repeated.
    fn conflicts(&self) -> u64;
}

/// What was acknowledged, by all loads together.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    accepted: AtomicU64,
    balance: AtomicI64,
}

impl Tally {
    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::SeqCst)
    }

    /// What a read model of all this must say.
    pub(crate) fn expected(&self, accounts: u32) -> ReadModel {
        let balance = self.balance.load(Ordering::SeqCst);
        ReadModel { accounts: accounts.into(), events: self.accepted(), balance }
    }

    fn add(&self, accepted: u64, balance: i64) {
        self.accepted.fetch_add(accepted, Ordering::SeqCst);
        self.balance.fetch_add(balance, Ordering::SeqCst);
    }
}

/// Opens all accounts.
pub(crate) async fn open(bank: &impl Bank, plan: &Plan, tally: &Tally) -> Result<()> {
    let mut openers = JoinSet::new();
    for opener in 0..OPENERS {
        let (bank, accounts) = (bank.clone(), plan.accounts);
        openers.spawn(async move {
            for account in (opener..accounts).step_by(OPENERS as usize) {
                bank.carry(&command(account.into(), Action::Open, OPENING)).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = openers.join_next().await {
        ended??;
    }
    tally.add(plan.accounts.into(), i64::from(plan.accounts) * OPENING);
    Ok(())
}

/// Runs this many clients.
pub(crate) async fn run(bank: &impl Bank, clients: usize, plan: &Plan, tally: &Tally) -> Result<Load> {
    let conflicts = bank.conflicts();
    let from = Instant::now() + plan.warm_up;
    let until = from + plan.measured;
    let mut running = JoinSet::new();
    for number in 0..clients {
        let client =
            Client { bank: bank.clone(), chance: Chance(number as u64 + 1), accounts: plan.accounts };
        running.spawn(client.run(from, until));
    }
    let mut latency = histogram();
    while let Some(ended) = running.join_next().await {
        let ended = ended??;
        latency.add(&ended.latency)?;
        tally.add(ended.accepted, ended.balance);
    }
    Ok(Load::of(clients, &latency, plan.measured, bank.conflicts() - conflicts))
}

/// A histogram of microseconds up to a minute, three digits.
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000, 3).expect("these bounds are right")
}

struct Client<B> {
    bank: B,
    chance: Chance,
    accounts: u32,
}

/// What a client saw; `accepted` and `balance` count all that was answered, also outside the measured time.
struct Seen {
    latency: Histogram<u64>,
    accepted: u64,
    balance: i64,
}

impl<B: Bank> Client<B> {
    async fn run(mut self, from: Instant, until: Instant) -> Result<Seen> {
        let mut seen = Seen { latency: histogram(), accepted: 0, balance: 0 };
        loop {
            let command = self.next();
            let sent = Instant::now();
            self.bank.carry(&command).await?;
            let answered = Instant::now();
            seen.accepted += 1;
            seen.balance += if command.action == Action::Withdraw { -command.amount } else { command.amount };
            if answered >= until {
                return Ok(seen);
            }
            if answered >= from {
                let micros = u64::try_from((answered - sent).as_micros()).unwrap_or(u64::MAX);
                seen.latency.saturating_record(micros);
            }
        }
    }

    fn next(&mut self) -> Command {
        let account = self.chance.below(self.accounts.into());
        let action = if self.chance.below(2) == 0 { Action::Deposit } else { Action::Withdraw };
        command(account, action, 1 + self.chance.below(100))
    }
}

fn command(account: i64, action: Action, amount: i64) -> Command {
    let memo = format!("Two strong arms for a sofa, {amount} cents");
    Command { id: Uuid::now_v7(), account, action, amount, memo }
}

/// `SplitMix64`: the same choices in every run and for every rival.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: i64) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end.unsigned_abs()).cast_signed()
    }
}

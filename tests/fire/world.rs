//! A run: the ground, what is being done to whom, and everything that was seen.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use event_log::Position;
use parking_lot::{Mutex, MutexGuard};
use tests::checker::History;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock::WallClock;
use crate::ground::Ground;
use crate::meter::Meter;
use crate::network::Link;
use crate::party::Party;
use crate::process::Process;

/// Everything that a run consists of.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) ground: Ground,
    pub(crate) history: Mutex<History>,
    pub(crate) meter: Meter,
    /// Accounts that were acknowledged. Their commands' ids are the server's secret.
    accounts: Mutex<Vec<Account>>,
    /// Nobody wants anything new from here on.
    pub(crate) closing: CancellationToken,
    struck: Mutex<Vec<Blow>>,
    taken: Mutex<HashSet<Subject>>,
    began: Instant,
}

/// An account that was acknowledged.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) version: i64,
    pub(crate) position: Position,
    pub(crate) at: Duration,
}

/// What one fault at a time may be done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    /// A process.
    Process(Party),
    /// The wall clock of a service.
    Clock(Party),
    /// A projection.
    Projection(&'static str),
    /// The way from one to the other.
    Link(Party, Party),
    /// The majority of the brokers: whoever holds it may take one away.
    Majority,
}

/// A fault as it happened.
#[derive(Clone, Debug)]
pub(crate) struct Blow {
    /// Its kind.
    pub(crate) kind: &'static str,
    /// To whom, and how.
    pub(crate) what: String,
    /// When it began, since the beginning of the run.
    pub(crate) began: Duration,
    /// When everything was as before; none while it lasts.
    pub(crate) ended: Option<Duration>,
}

impl fmt::Display for Blow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>9.3} s  ", self.began.as_secs_f64())?;
        match self.ended {
            Some(ended) => write!(f, "for {:>6.3} s  ", (ended - self.began).as_secs_f64())?,
            None => f.write_str("to the end   ")?,
        }
        write!(f, "{}: {}", self.kind, self.what)
    }
}

impl World {
    pub(crate) fn new(ground: Ground) -> Arc<Self> {
        Arc::new(Self {
            ground,
            history: Mutex::default(),
            meter: Meter::default(),
            accounts: Mutex::default(),
            closing: CancellationToken::new(),
            struck: Mutex::default(),
            taken: Mutex::default(),
            began: Instant::now(),
        })
    }

    /// Since the beginning of the run.
    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    pub(crate) fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock()
    }

    /// An account was acknowledged.
    pub(crate) fn registered(&self, id: &str, version: i64, position: Position) {
        let (id, at) = (id.to_owned(), self.elapsed());
        let account = Account { id, version, position, at };
        self.accounts.lock().push(account);
    }

    pub(crate) fn accounts(&self) -> Vec<Account> {
        self.accounts.lock().clone()
    }

    /// Faults so far.
    pub(crate) fn struck(&self) -> Vec<Blow> {
        self.struck.lock().clone()
    }

    /// Takes these for a fault of this kind, all or none; none while another fault has one of them.
    pub(crate) fn take(
        self: &Arc<Self>,
        kind: &'static str,
        subjects: impl IntoIterator<Item = Subject>,
    ) -> Option<Grip> {
        let subjects: HashSet<_> = subjects.into_iter().collect();
        let mut taken = self.taken.lock();
        if !taken.is_disjoint(&subjects) {
            return None;
        }
        taken.extend(&subjects);
        Some(Grip { world: Arc::clone(self), kind, subjects, index: None })
    }

    pub(crate) fn process(&self, party: Party) -> &Arc<Process> {
        &self.ground.processes[&party]
    }

    pub(crate) fn clock(&self, of: Party) -> &WallClock {
        &self.ground.clocks[&of]
    }

    pub(crate) fn link(&self, from: Party, to: Party) -> Arc<Link> {
        self.ground.network.link(from, to)
    }
}

/// Holds what a fault is done to, until that is as before.
#[derive(Debug)]
pub(crate) struct Grip {
    pub(crate) world: Arc<World>,
    kind: &'static str,
    subjects: HashSet<Subject>,
    index: Option<usize>,
}

impl Grip {
    /// Notes that the fault begins now.
    pub(crate) fn begins(&mut self, what: String) {
        let mut struck = self.world.struck.lock();
        self.index = Some(struck.len());
        struck.push(Blow { kind: self.kind, what, began: self.world.elapsed(), ended: None });
    }
}

impl Drop for Grip {
    fn drop(&mut self) {
        let elapsed = self.world.elapsed();
        if let Some(index) = self.index {
            self.world.struck.lock()[index].ended = Some(elapsed);
        }
        let mut taken = self.world.taken.lock();
        taken.retain(|it| !self.subjects.contains(it));
    }
}

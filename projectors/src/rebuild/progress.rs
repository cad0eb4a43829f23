//! How far a rebuild is: told to whoever started it, and by its job to everybody.

use std::fmt;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::replay::Offsets;

/// What a rebuild is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Reading the topics and folding.
    Folding,
    /// Copying rows into the new tables and indexing them.
    Writing,
    /// Folding what came meanwhile.
    CatchingUp,
    /// Putting the new tables in place.
    Swapping,
}

impl Phase {
    /// In the form of the tables and of JSON.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Folding => "folding",
            Self::Writing => "writing",
            Self::CatchingUp => "catching_up",
            Self::Swapping => "swapping",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::CatchingUp => "catching up",
            Self::Folding | Self::Writing | Self::Swapping => self.name(),
        })
    }
}

/// How far one partition is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionProgress {
    /// The topic.
    pub topic: String,
    /// The number of the partition.
    pub partition: i32,
    /// The first offset that is not folded.
    pub next: i64,
    /// The offset to get to in this phase.
    pub goal: i64,
}

/// How far a rebuild is.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// What it is doing.
    pub phase: Phase,
    /// Records folded so far.
    pub records: u64,
    /// Rows copied so far.
    pub rows_written: u64,
    /// Rows to copy; 0 before they are known.
    pub rows_total: u64,
    /// How far each partition is read; none before the first goal is known.
    pub partitions: Vec<PartitionProgress>,
    /// Records or rows a second in this phase.
    pub per_second: f64,
    /// Estimate for this phase.
    pub time_left: Option<Duration>,
    /// What it waits for, when it does not get on.
    pub trouble: Option<String>,
}

impl Progress {
    /// Nothing is read yet.
    pub(crate) const fn beginning() -> Self {
        Self {
            phase: Phase::Folding,
            records: 0,
            rows_written: 0,
            rows_total: 0,
            partitions: Vec::new(),
            per_second: 0.0,
            time_left: None,
            trouble: None,
        }
    }

    /// How much of the phase is done, of how much: offsets when folding (transaction markers have some, too), else rows.
    #[must_use]
    pub fn done_of(&self) -> (u64, u64) {
        if self.phase == Phase::Writing {
            return (self.rows_written, self.rows_total);
        }
        let sum = |of: fn(&PartitionProgress) -> i64| {
            self.partitions.iter().map(|it| u64::try_from(of(it)).unwrap_or(0)).sum()
        };
        (sum(|it| it.next.min(it.goal)), sum(|it| it.goal))
    }
}

/// Measures a rebuild while it goes on.
pub(crate) struct Meter<'a> {
    now: Progress,
    told: watch::Sender<Progress>,
    listener: &'a mut (dyn FnMut(&Progress) + Send),
    /// When the phase began, how much of it was done then, and how many records were folded.
    began: (Instant, u64, u64),
}

impl<'a> Meter<'a> {
    pub(crate) fn new(
        told: watch::Sender<Progress>,
        listener: &'a mut (dyn FnMut(&Progress) + Send),
    ) -> Self {
        Self { now: Progress::beginning(), told, listener, began: (Instant::now(), 0, 0) }
    }

    /// A phase of reading begins.
    pub(crate) fn reading(&mut self, phase: Phase, next: &Offsets, goals: &Offsets) {
        self.now.phase = phase;
        self.now.partitions = goals
            .iter()
            .map(|(of, &goal)| PartitionProgress {
                topic: of.topic.to_string(),
                partition: of.partition,
                next: next.get(of).copied().unwrap_or(0),
                goal,
            })
            .collect();
        self.begin();
    }

    /// The phase of writing begins.
    pub(super) fn writing(&mut self, rows_total: u64) {
        self.now.phase = Phase::Writing;
        (self.now.rows_written, self.now.rows_total) = (0, rows_total);
        self.begin();
    }

    /// The phase of swapping begins.
    pub(crate) fn swapping(&mut self) {
        self.now.phase = Phase::Swapping;
        self.begin();
    }

    /// It has folded up to here.
    pub(crate) fn folded(&mut self, next: &Offsets, records: u64) {
        for it in &mut self.now.partitions {
            let of = event_log::TopicPartition::new(it.topic.as_str(), it.partition);
            it.next = next.get(&of).copied().unwrap_or(it.next);
        }
        self.now.records = records;
        self.now.trouble = None;
        let folded = records.saturating_sub(self.began.2);
        self.estimate(folded);
    }

    /// So many rows are copied.
    pub(super) fn wrote(&mut self, rows: u64) {
        self.now.rows_written = rows;
        self.now.trouble = None;
        self.estimate(rows);
    }

    /// It does not get on, for this reason.
    pub(crate) fn trouble(&mut self, reason: String) {
        self.now.trouble = Some(reason);
        self.tell();
    }

    fn begin(&mut self) {
        self.began = (Instant::now(), self.now.done_of().0, self.now.records);
        (self.now.per_second, self.now.time_left) = (0.0, None);
        self.tell();
    }

    /// The pace, and the time that the rest takes at the pace so far.
    fn estimate(&mut self, counted: u64) {
        let (began, before, _) = self.began;
        let elapsed = began.elapsed();
        self.now.per_second = counted as f64 / elapsed.as_secs_f64().max(0.001);
        let (done, total) = self.now.done_of();
        let covered = done.saturating_sub(before);
        self.now.time_left =
            (covered > 0).then(|| elapsed.mul_f64(total.saturating_sub(done) as f64 / covered as f64));
        self.tell();
    }

    fn tell(&mut self) {
        (self.listener)(&self.now);
        self.told.send_replace(self.now.clone());
    }
}

impl fmt::Debug for Meter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meter").field("now", &self.now).finish_non_exhaustive()
    }
}

//! Finding the records of a flow by their headers, in a stretch of all topics. Bounded in records and in time, because the
//! console must never be what slows the system down.
//!
//! The stretch is looked through in slices of time, each twice as long as the one before: from the start where that is known,
//! else from the end. So whatever bound ends the look, what is left out is what is least likely to be of the flow.

use std::collections::HashMap;
use std::time::Duration;

use event_log::{EventLog, LogError, Reader, Record, TopicPartition};
use event_schemas::Domain;
use event_schemas::topics::{self, Profile};
use futures::{StreamExt as _, TryStreamExt as _};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Length of the first slice, in milliseconds.
const FIRST_MS: i64 = 10_000;

/// Records at once.
const BATCH: usize = 2_000;

/// How long one read waits for the next records.
const WAIT: Duration = Duration::from_millis(500);

/// Partitions whose end is asked for at once.
const AT_ONCE: usize = 8;

/// Looks at a time.
static PLACES: Semaphore = Semaphore::const_new(2);

/// How much may be looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Records that are looked at.
    pub(super) records: usize,
    /// Records of a flow that are kept: a picture of more shows nothing.
    pub(super) kept: usize,
    /// From the first question to the last record.
    pub(super) time: Duration,
}

/// The bounds of the console.
pub(super) const BOUNDS: Bounds = Bounds { records: 200_000, kept: 300, time: Duration::from_secs(8) };

/// A stretch of time, in milliseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) since_ms: i64,
    pub(super) until_ms: i64,
    /// The flow begins with the stretch; if not, the end is looked at first.
    pub(super) from_start: bool,
}

/// Nothing could be found out.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// Looks are few at a time.
    #[error("two others look through the log at the moment: try again in a few seconds")]
    Busy,
    /// The log failed.
    #[error("Kafka did not answer: {0}")]
    Log(#[from] LogError),
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// The records of the flow, in no order.
    pub(super) found: Vec<Record>,
    /// Records that were looked at.
    pub(super) looked_at: usize,
    /// Milliseconds since the epoch between which everything was looked at; none when not even a slice was.
    pub(super) whole: Option<(i64, i64)>,
    /// Which bound ended the look; none when there is no more of the flow in the stretch.
    pub(super) stopped: Option<Bound>,
}

/// What ended a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    /// Enough of the flow.
    Kept,
    /// Enough records.
    Records,
    /// Long enough.
    Time,
}

/// Looks through all event and command topics.
pub(super) async fn find(
    log: &dyn EventLog,
    profile: Profile,
    id: &str,
    range: Range,
    bounds: Bounds,
) -> Result<Scan, Error> {
    let _place = PLACES.try_acquire().map_err(|_| Error::Busy)?;
    let mut scan = Scan::default();
    let ended = timeout(bounds.time, scan.look(log, profile, id, range, bounds)).await;
    match ended {
        Ok(result) => result?,
        Err(_elapsed) => scan.stopped = Some(Bound::Time),
    }
    Ok(scan)
}

impl Scan {
    async fn look(
        &mut self,
        log: &dyn EventLog,
        profile: Profile,
        id: &str,
        range: Range,
        bounds: Bounds,
    ) -> Result<(), LogError> {
        let ends = ends(log, profile, range.since_ms).await?;
        for (since, until) in slices(range) {
            let (from, goals) = stretch(log, &ends, since, until).await?;
            if !from.is_empty() {
                let mut reader = log.reader(from).await?;
                while !is_done(reader.as_ref(), &goals) {
                    if self.looked_at >= bounds.records {
                        self.stopped = Some(Bound::Records);
                    }
                    if self.stopped.is_some() {
                        return Ok(());
                    }
                    let records = reader.next(BATCH.min(bounds.records), WAIT).await?;
                    self.take(records, &goals, id, bounds.kept);
                }
            }
            let (first, last) = self.whole.unwrap_or((since, until));
            self.whole = Some((first.min(since), last.max(until)));
        }
        Ok(())
    }

    fn take(&mut self, records: Vec<Record>, goals: &Goals, id: &str, kept: usize) {
        // Also those behind the goals: they have been read, too.
        self.looked_at += records.len();
        let within = |it: &Record| goals.get(&it.position.of).is_some_and(|goal| it.position.offset < *goal);
        for record in records {
            if within(&record) && record.header("ce_correlationid") == Some(id) {
                if self.found.len() == kept {
                    self.stopped = Some(Bound::Kept);
                    return;
                }
                self.found.push(record);
            }
        }
    }
}

/// The offsets to stop before.
type Goals = HashMap<TopicPartition, i64>;

fn is_done(reader: &dyn Reader, goals: &Goals) -> bool {
    goals.iter().all(|(of, goal)| reader.position(of).is_none_or(|at| at >= *goal))
}

/// The stretch in slices, in the order in which they are looked at.
fn slices(range: Range) -> Vec<(i64, i64)> {
    let length = range.until_ms - range.since_ms;
    let (mut slices, mut done, mut next) = (Vec::new(), 0, FIRST_MS);
    while done < length {
        let end = (done + next).min(length);
        slices.push(match range.from_start {
            true => (range.since_ms + done, range.since_ms + end),
            false => (range.until_ms - end, range.until_ms - done),
        });
        (done, next) = (end, next * 2);
    }
    slices
}

/// The ends of the committed log in all partitions that have anything of this time or later.
async fn ends(
    log: &dyn EventLog,
    profile: Profile,
    since_ms: i64,
) -> Result<Vec<(TopicPartition, i64)>, LogError> {
    let of_domain = |domain: Domain| {
        (0..topics::partitions(domain, profile)).flat_map(move |it| {
            [domain.events_topic(), domain.commands_topic()].map(|topic| TopicPartition::new(topic, it))
        })
    };
    let all: Vec<TopicPartition> = Domain::ALL.into_iter().flat_map(of_domain).collect();
    let begins = log.offsets_since(&all, since_ms).await?;
    let some: Vec<_> = all.into_iter().zip(begins).filter(|it| it.1.is_some()).map(|it| it.0).collect();
    let asks: Vec<_> = some.iter().map(|of| log.last_stable_offset(of)).collect();
    let ends: Vec<i64> = futures::stream::iter(asks).buffered(AT_ONCE).try_collect().await?;
    Ok(some.into_iter().zip(ends).collect())
}

/// Where to begin and where to end, of the partitions that have anything of the slice.
async fn stretch(
    log: &dyn EventLog,
    ends: &[(TopicPartition, i64)],
    since_ms: i64,
    until_ms: i64,
) -> Result<(Vec<(TopicPartition, i64)>, Goals), LogError> {
    let all: Vec<TopicPartition> = ends.iter().map(|it| it.0.clone()).collect();
    let begins = log.offsets_since(&all, since_ms).await?;
    let nexts = log.offsets_since(&all, until_ms).await?;
    let (mut from, mut goals) = (Vec::new(), Goals::new());
    for (((of, end), begin), next) in ends.iter().zip(begins).zip(nexts) {
        let goal = next.map_or(*end, |next| next.min(*end));
        if let Some(begin) = begin.filter(|it| *it < goal) {
            from.push((of.clone(), begin));
            goals.insert(of.clone(), goal);
        }
    }
    Ok((from, goals))
}

#[cfg(test)]
mod tests;

//! Finding the records of a flow by their headers, in a stretch of all topics. Bounded in records and in time, because the
//! console must never be what slows the system down.

use std::time::Duration;

use event_log::{EventLog, LogError, Reader, Record, TopicPartition};
use event_schemas::Domain;
use event_schemas::topics::{self, Profile};
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// Most records that are looked at.
const MOST: usize = 200_000;

/// Longest look.
const LIMIT: Duration = Duration::from_secs(8);

/// Most records of a flow that are kept: a picture of more shows nothing.
const KEPT: usize = 300;

/// Records at once.
const BATCH: usize = 2_000;

/// How long one read waits for the next records.
const WAIT: Duration = Duration::from_millis(500);

/// Looks at a time.
static PLACES: Semaphore = Semaphore::const_new(2);

/// A stretch of time, in milliseconds since the epoch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    pub(super) since_ms: i64,
    pub(super) until_ms: i64,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// The records of the flow, in no order.
    pub(super) found: Vec<Record>,
    /// Records that were looked at.
    pub(super) looked_at: usize,
    stopped: Option<&'static str>,
}

impl Scan {
    /// Why there may be more of the flow in the stretch; empty when there is not.
    pub(super) fn bound(&self) -> String {
        let Some(stopped) = self.stopped else { return String::new() };
        format!("{stopped}, so there may be more of this flow: choose a later start or a shorter span")
    }

    fn take(&mut self, records: Vec<Record>, id: &str) {
        self.looked_at += records.len();
        for record in records.into_iter().filter(|it| it.header("ce_correlationid") == Some(id)) {
            if self.found.len() == KEPT {
                self.stopped = Some("only the first 300 records that were met are shown");
                break;
            }
            self.found.push(record);
        }
    }
}

/// A partition with the offset to stop before.
type Goal = (TopicPartition, i64);

/// Looks through all event and command topics.
pub(super) async fn find(
    log: &dyn EventLog,
    profile: Profile,
    id: &str,
    range: Range,
) -> Result<Scan, LogError> {
    let Ok(_place) = PLACES.acquire().await else { return Ok(Scan::default()) };
    let (from, goals) = stretch(log, profile, range).await?;
    let mut scan = Scan::default();
    if from.is_empty() {
        return Ok(scan);
    }
    let mut reader = log.reader(from).await?;
    let deadline = Instant::now() + LIMIT;
    while scan.stopped.is_none() && !is_done(reader.as_ref(), &goals) {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            scan.stopped = Some("the look was ended after 8 seconds");
        } else if scan.looked_at >= MOST {
            scan.stopped = Some("the look was ended after 200 000 records");
        } else {
            let records = reader.next(BATCH, WAIT.min(left)).await?;
            let within = |it: &Record| {
                goals.iter().any(|(of, goal)| *of == it.position.of && it.position.offset < *goal)
            };
            scan.take(records.into_iter().filter(within).collect(), id);
        }
    }
    Ok(scan)
}

fn is_done(reader: &dyn Reader, goals: &[Goal]) -> bool {
    goals.iter().all(|(of, goal)| reader.position(of).is_none_or(|at| at >= *goal))
}

/// Where to begin and where to end, of the partitions that have anything of that time.
async fn stretch(
    log: &dyn EventLog,
    profile: Profile,
    range: Range,
) -> Result<(Vec<(TopicPartition, i64)>, Vec<Goal>), LogError> {
    let all: Vec<TopicPartition> = Domain::ALL
        .into_iter()
        .flat_map(|domain| {
            let partitions = 0..topics::partitions(domain, profile);
            partitions.flat_map(move |it| {
                [domain.events_topic(), domain.commands_topic()].map(|topic| TopicPartition::new(topic, it))
            })
        })
        .collect();
    let begins = log.offsets_since(&all, range.since_ms).await?;
    let ends = log.offsets_since(&all, range.until_ms).await?;
    let (mut from, mut goals) = (Vec::new(), Vec::new());
    for ((of, begin), end) in all.into_iter().zip(begins).zip(ends) {
        let Some(begin) = begin else { continue };
        let stable = log.last_stable_offset(&of).await?;
        let goal = end.map_or(stable, |end| end.min(stable));
        if begin < goal {
            from.push((of.clone(), begin));
            goals.push((of, goal));
        }
    }
    Ok((from, goals))
}

//! What lies between a checkpoint and the end of the log. Offsets cannot tell: transaction markers have some, too.

use std::sync::Arc;
use std::time::Duration;

use event_log::{EventLog, LogError, Position, Record};
use tokio::time::Instant;

use super::seconds_since;
use crate::hanging::{self, Hanging};

/// Records that are counted one by one.
const COUNTED: usize = 1_000;

/// Longest look for the oldest record that is not folded.
const PEEK: Duration = Duration::from_millis(500);

/// The rest of a partition.
pub(super) struct Lag {
    /// The last stable offset.
    pub(super) end: i64,
    /// The high watermark.
    pub(super) high_watermark: i64,
    /// Records that are not folded; counted as far as they were shown, else the distance of the offsets.
    pub(super) events: i64,
    /// Age of the oldest of them in seconds; 0 without any. None where the broker has not shown it in time.
    pub(super) seconds: Option<f64>,
    /// The transaction that the last stable offset waits for, if it hangs.
    pub(super) hanging: Option<Hanging>,
}

/// Looks from `next` on.
pub(super) async fn of(log: &Arc<dyn EventLog>, next: &Position) -> Result<Lag, LogError> {
    let end = log.last_stable_offset(&next.of).await?;
    let high_watermark = log.high_watermark(&next.of).await?;
    let hanging = hanging::look(log, &next.of, end, high_watermark).await?;
    let mut lag = Lag { end, high_watermark, events: 0, seconds: Some(0.0), hanging };
    if next.offset < end {
        let (records, all) = peek(log, next, end).await?;
        let counted = i64::try_from(records.len()).unwrap_or(i64::MAX);
        lag.events = if all { counted } else { end - next.offset };
        let oldest = records.first().map(|it| seconds_since(it.timestamp_ms));
        // Nothing but markers up to the end is nothing to fold; nothing seen of what is there is not known to be nothing.
        lag.seconds = oldest.or_else(|| all.then_some(0.0));
    }
    Ok(lag)
}

/// The first records from `next` on, up to `end`, and whether those are all; a broker may answer with few of many, or with
/// nothing in time.
async fn peek(log: &Arc<dyn EventLog>, next: &Position, end: i64) -> Result<(Vec<Record>, bool), LogError> {
    let mut reader = log.reader(vec![(next.of.clone(), next.offset)]).await?;
    let (deadline, mut records) = (Instant::now() + PEEK, Vec::new());
    loop {
        let all = reader.position(&next.of).is_none_or(|it| it >= end);
        let left = deadline.saturating_duration_since(Instant::now());
        if all || records.len() >= COUNTED || left.is_zero() {
            return Ok((records, all));
        }
        records.extend(reader.next(COUNTED - records.len(), left).await?);
    }
}

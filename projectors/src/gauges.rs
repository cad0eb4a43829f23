//! Metrics of one worker.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use event_log::TopicPartition;
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use crate::claimed::{ParkedNow, Step};

/// How often the end of the log is asked for until it is reached.
const LAG_INTERVAL: Duration = Duration::from_secs(1);

/// How often, when there is nothing to fold, somebody looks whether that is still so, and whether a transaction hides what
/// there is.
const IDLE_INTERVAL: Duration = Duration::from_secs(10);

/// The instruments of one projection and partition. They live as long as the worker, through all its claims: what is not
/// folded grows old also while it cannot go on.
#[derive(Debug)]
pub(crate) struct Gauges {
    lag_events: Gauge,
    lag_seconds: Gauge,
    stopped: Gauge,
    retrying: Gauge,
    hanging: Gauge,
    progressed_at: Gauge,
    records: Counter,
    rows: Counter,
    parked: Counter,
    retries: Counter,
    parked_keys: Gauge,
    parked_seconds: Gauge,
    batch_records: Histogram,
    decode_seconds: Histogram,
    fold_seconds: Histogram,
    commit_seconds: Histogram,
    visible_seconds: Histogram,
    /// When the oldest record was written that was read and is not folded.
    oldest_ms: Option<i64>,
    /// The first offset that is not folded, as far as it was ever known.
    reached: Option<i64>,
    /// The broker has said that there was nothing left, and nothing was read since.
    at_end: bool,
    lag_asked: Instant,
}

impl Gauges {
    pub(crate) fn new(projection: &'static str, of: &TopicPartition) -> Self {
        let at = [
            ("projection", projection.to_owned()),
            ("topic", of.topic.to_string()),
            ("partition", of.partition.to_string()),
        ];
        let of_projection = [("projection", projection)];
        Self {
            lag_events: gauge!("karmyq_projection_lag_events", &at),
            lag_seconds: gauge!("karmyq_projection_lag_seconds", &at),
            stopped: gauge!("karmyq_projection_stopped", &at),
            retrying: gauge!("karmyq_projection_retrying", &at),
            hanging: gauge!("karmyq_projection_hanging_transaction", &at),
            // Standing still while behind is another state than being behind: compare this with the clock.
            progressed_at: gauge!("karmyq_projection_progress_timestamp_seconds", &at),
            records: counter!("karmyq_projection_records_total", &at),
            rows: counter!("karmyq_projection_rows_total", &of_projection),
            parked: counter!("karmyq_projection_parked_total", &at),
            retries: counter!("karmyq_projection_retries_total", &at),
            parked_keys: gauge!("karmyq_projection_parked_keys", &at),
            parked_seconds: gauge!("karmyq_projection_parked_seconds", &at),
            batch_records: histogram!("karmyq_projection_batch_records", &of_projection),
            decode_seconds: histogram!("karmyq_projection_decode_seconds", &of_projection),
            fold_seconds: histogram!("karmyq_projection_fold_seconds", &of_projection),
            commit_seconds: histogram!("karmyq_projection_commit_seconds", &of_projection),
            visible_seconds: histogram!("karmyq_projection_visible_seconds", &of_projection),
            oldest_ms: None,
            reached: None,
            at_end: false,
            lag_asked: Instant::now(),
        }
    }

    /// Records were read, the first of them written then; or none.
    pub(crate) fn read(&mut self, first_ms: Option<i64>) {
        if first_ms.is_some() {
            self.oldest_ms = first_ms;
            self.at_end = false;
        }
        self.age();
    }

    /// This is the first offset that is not folded.
    pub(crate) fn reached(&mut self, offset: i64) {
        self.reached = Some(offset);
    }

    /// A step was taken: what was read is folded.
    pub(crate) fn step(&mut self, step: &Step) {
        let Some(done) = step.done else { return };
        self.oldest_ms = None;
        let now = now_seconds();
        self.progressed_at.set(now);
        let Some(last_ms) = step.last_ms else { return };
        self.records.increment(step.records as u64);
        self.rows.increment(done.rows);
        self.parked.increment(done.parked);
        self.batch_records.record(step.records as f64);
        self.decode_seconds.record(step.decoding);
        self.fold_seconds.record(done.folding);
        self.commit_seconds.record(done.writing);
        self.visible_seconds.record((now - last_ms as f64 / 1_000.0).max(0.0));
    }

    /// Nothing keeps it from going on.
    pub(crate) fn goes_on(&self) {
        self.retrying.set(0);
        self.stopped.set(0);
    }

    /// It cannot go on, for good or for now.
    pub(crate) fn hindered(&mut self, for_good: bool) {
        self.at_end = false;
        self.retries.increment(1);
        self.retrying.set(if for_good { 0.0 } else { 1.0 });
        self.stopped.set(if for_good { 1.0 } else { 0.0 });
        self.age();
    }

    /// Whether a transaction that nobody ends holds back the end of the log.
    pub(crate) fn hanging(&self, hanging: bool) {
        self.hanging.set(if hanging { 1.0 } else { 0.0 });
    }

    /// So much is parked; none when nothing is.
    pub(crate) fn parked(&self, parked: Option<ParkedNow>) {
        self.parked_keys.set(parked.map_or(0.0, |it| it.keys as f64));
        let seconds = parked.map_or(0.0, |it| now_seconds() - it.since.timestamp_millis() as f64 / 1_000.0);
        self.parked_seconds.set(seconds.max(0.0));
    }

    /// Whether it is time to look at the end of the log again: soon, until it is known that it is reached.
    pub(crate) fn lag_is_due(&mut self, moved: bool) -> bool {
        let interval = if self.at_end && !moved { IDLE_INTERVAL } else { LAG_INTERVAL };
        let due = self.lag_asked.elapsed() >= interval;
        if due {
            self.lag_asked = Instant::now();
        }
        due
    }

    /// So many offsets lie ahead, the broker says, when something was folded, or a read yielded nothing.
    pub(crate) fn behind(&mut self, offsets: i64, moved: bool) {
        self.lag_events.set(offsets.max(0) as f64);
        self.at_end = offsets <= 0;
        if self.at_end {
            self.oldest_ms = None;
            self.lag_seconds.set(0);
            self.progressed_at.set(now_seconds());
        } else if !moved {
            // Nobody has read it yet, so its age is not known, but it is no younger than this.
            self.oldest_ms.get_or_insert_with(|| (now_seconds() * 1_000.0) as i64);
        }
    }

    /// The log ends here now, while nothing is folded.
    pub(crate) fn ends_at(&self, end: i64) {
        if let Some(reached) = self.reached {
            self.lag_events.set((end - reached).max(0) as f64);
        }
    }

    fn age(&self) {
        if let Some(ms) = self.oldest_ms {
            self.lag_seconds.set((now_seconds() - ms as f64 / 1_000.0).max(0.0));
        }
    }
}

impl Drop for Gauges {
    /// The partition is another process's business, or nobody's: what stood here last would be told for ever. When it last
    /// moved stays true.
    fn drop(&mut self) {
        let of_now = [
            &self.lag_events,
            &self.lag_seconds,
            &self.stopped,
            &self.retrying,
            &self.hanging,
            &self.parked_keys,
            &self.parked_seconds,
        ];
        of_now.into_iter().for_each(|it| it.set(0));
    }
}

fn now_seconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |it| it.as_secs_f64())
}

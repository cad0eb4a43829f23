//! Metrics of one worker.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use event_log::TopicPartition;
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use crate::claimed::{ParkedNow, Step};

/// How often the end of the log is asked for while behind.
const LAG_INTERVAL: Duration = Duration::from_secs(1);

/// How often, when there is nothing to fold, somebody looks whether a transaction hides what there is.
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
            lag_asked: Instant::now(),
        }
    }

    /// Records were read, the first of them written then.
    pub(crate) fn read(&mut self, first_ms: Option<i64>) {
        self.oldest_ms = first_ms;
        self.age();
    }

    /// A step was taken: what was read is folded.
    pub(crate) fn step(&mut self, step: &Step) {
        self.oldest_ms = None;
        self.retrying.set(0);
        self.stopped.set(0);
        let Some(done) = step.done else { return };
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

    /// It cannot go on, for good or for now.
    pub(crate) fn hindered(&self, for_good: bool) {
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

    /// There is nothing left to fold.
    pub(crate) fn caught_up(&self) {
        self.lag_events.set(0);
        self.lag_seconds.set(0);
        self.progressed_at.set(now_seconds());
    }

    /// Whether it is time to look at the end of the log again.
    pub(crate) fn lag_is_due(&mut self, idle: bool) -> bool {
        let due = self.lag_asked.elapsed() >= if idle { IDLE_INTERVAL } else { LAG_INTERVAL };
        if due {
            self.lag_asked = Instant::now();
        }
        due
    }

    /// So many offsets lie ahead.
    pub(crate) fn behind(&self, offsets: i64) {
        self.lag_events.set(offsets.max(0) as f64);
    }

    fn age(&self) {
        if let Some(ms) = self.oldest_ms {
            self.lag_seconds.set((now_seconds() - ms as f64 / 1_000.0).max(0.0));
        }
    }
}

fn now_seconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |it| it.as_secs_f64())
}

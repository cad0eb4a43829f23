//! Metrics of one worker.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use event_log::TopicPartition;
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use crate::batch::Done;

/// How often the end of the log is asked for while behind.
const LAG_INTERVAL: Duration = Duration::from_secs(1);

/// The instruments of one projection and partition.
#[derive(Debug)]
pub(crate) struct Gauges {
    lag_events: Gauge,
    lag_seconds: Gauge,
    progressed_at: Gauge,
    records: Counter,
    rows: Counter,
    parked: Counter,
    batch_records: Histogram,
    decode_seconds: Histogram,
    fold_seconds: Histogram,
    commit_seconds: Histogram,
    visible_seconds: Histogram,
    last_record_ms: Option<i64>,
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
            // Standing still while behind is another state than being behind: compare this with the clock.
            progressed_at: gauge!("karmyq_projection_progress_timestamp_seconds", &at),
            records: counter!("karmyq_projection_records_total", &at),
            rows: counter!("karmyq_projection_rows_total", &of_projection),
            parked: counter!("karmyq_projection_parked_total", &at),
            batch_records: histogram!("karmyq_projection_batch_records", &of_projection),
            decode_seconds: histogram!("karmyq_projection_decode_seconds", &of_projection),
            fold_seconds: histogram!("karmyq_projection_fold_seconds", &of_projection),
            commit_seconds: histogram!("karmyq_projection_commit_seconds", &of_projection),
            visible_seconds: histogram!("karmyq_projection_visible_seconds", &of_projection),
            last_record_ms: None,
            lag_asked: Instant::now(),
        }
    }

    /// A batch was committed.
    pub(crate) fn batch(
        &mut self,
        records: usize,
        decoding: Duration,
        done: &Done,
        last_record_ms: Option<i64>,
    ) {
        let now = now_seconds();
        self.progressed_at.set(now);
        let Some(last_ms) = last_record_ms else { return };
        self.last_record_ms = last_record_ms;
        self.records.increment(records as u64);
        self.rows.increment(done.rows);
        self.parked.increment(done.parked);
        self.batch_records.record(records as f64);
        self.decode_seconds.record(decoding);
        self.fold_seconds.record(done.folding);
        self.commit_seconds.record(done.writing);
        self.visible_seconds.record((now - last_ms as f64 / 1_000.0).max(0.0));
    }

    /// There is nothing left to fold.
    pub(crate) fn caught_up(&self) {
        self.lag_events.set(0);
        self.lag_seconds.set(0);
        self.progressed_at.set(now_seconds());
    }

    /// Whether it is time to look at the end of the log again.
    pub(crate) fn lag_is_due(&mut self) -> bool {
        let due = self.lag_asked.elapsed() >= LAG_INTERVAL;
        if due {
            self.lag_asked = Instant::now();
        }
        due
    }

    /// So many offsets lie ahead.
    pub(crate) fn behind(&self, offsets: i64) {
        self.lag_events.set(offsets.max(0) as f64);
        let age = self.last_record_ms.map_or(0.0, |ms| (now_seconds() - ms as f64 / 1_000.0).max(0.0));
        self.lag_seconds.set(if offsets > 0 { age } else { 0.0 });
    }
}

fn now_seconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |it| it.as_secs_f64())
}

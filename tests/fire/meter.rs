//! How long a partition was away, as clients felt it: from the last decision before somebody was turned away until the
//! next decision.

use std::collections::HashMap;
use std::time::Duration;

use event_log::TopicPartition;
use parking_lot::Mutex;

/// Shorter ones are the pauses between two clients.
const NOTABLE: Duration = Duration::from_millis(200);

/// A partition that nobody could use.
#[derive(Clone, Debug)]
pub(crate) struct Outage {
    pub(crate) of: TopicPartition,
    pub(crate) began: Duration,
    pub(crate) ended: Duration,
}

impl Outage {
    pub(crate) fn length(&self) -> Duration {
        self.ended.saturating_sub(self.began)
    }

    /// Whether it has to do with what happened from `began` to `ended`.
    pub(crate) fn overlaps(&self, began: Duration, ended: Duration) -> bool {
        self.began < ended && began < self.ended
    }
}

/// Watches partitions.
#[derive(Debug, Default)]
pub(crate) struct Meter(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    partitions: HashMap<TopicPartition, Standing>,
    outages: Vec<Outage>,
}

#[derive(Debug, Default)]
struct Standing {
    decided: Duration,
    away_since: Option<Duration>,
}

impl Meter {
    /// A command of this partition was decided.
    pub(crate) fn decided(&self, of: &TopicPartition, at: Duration) {
        let mut seen = self.0.lock();
        let standing = seen.partitions.entry(of.clone()).or_default();
        standing.decided = at;
        let away_since = standing.away_since.take();
        if let Some(began) = away_since.filter(|began| at.saturating_sub(*began) >= NOTABLE) {
            seen.outages.push(Outage { of: of.clone(), began, ended: at });
        }
    }

    /// A command of this partition that was sent at `sent` was not decided.
    pub(crate) fn turned_away(&self, of: &TopicPartition, sent: Duration) {
        let mut seen = self.0.lock();
        let standing = seen.partitions.entry(of.clone()).or_default();
        let began = sent.max(standing.decided);
        standing.away_since.get_or_insert(began);
    }

    /// What has ended, in order.
    pub(crate) fn outages(&self) -> Vec<Outage> {
        let mut outages = self.0.lock().outages.clone();
        outages.sort_by_key(|it| it.began);
        outages
    }
}

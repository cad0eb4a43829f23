//! What an instance tells of itself at `/metrics`, in the text format of Prometheus.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Partition;

/// The figures of one instance.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    samples: Vec<Sample>,
}

/// How an instance commits, since its process began. One window holds commands of all its partitions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WindowFigures {
    /// Windows committed, or tried to.
    pub windows: u64,
    /// Median of a commit in milliseconds, to the width of a bucket.
    pub commit_p50_ms: f64,
    /// The same of the slowest hundredth.
    pub commit_p99_ms: f64,
    /// Mean of the records in a window.
    pub records_mean: f64,
}

#[derive(Clone, Debug)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

impl Figures {
    /// Reads the text; lines that are no samples are left out.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self { samples: text.lines().filter_map(sample).collect() }
    }

    /// The process that tells, new at each start; none when it has no writer.
    #[must_use]
    pub fn instance(&self) -> Option<&str> {
        self.info("instance")
    }

    /// Whether it may own partitions of this domain.
    #[must_use]
    pub fn runs(&self, domain: &str) -> bool {
        self.info("domains").is_some_and(|it| it.split(' ').any(|it| it == domain))
    }

    fn info(&self, label: &str) -> Option<&str> {
        let info = self.samples.iter().find(|it| it.name == "karmyq_writer_info")?;
        info.labels.get(label).map(String::as_str)
    }

    /// Aggregates that it holds of a partition; none until it has counted them.
    #[must_use]
    pub fn aggregates(&self, of: &Partition) -> Option<u64> {
        self.of_partition("karmyq_partition_aggregates", of)
    }

    /// Commands that the ledger of a partition remembers; none until it has counted them.
    #[must_use]
    pub fn ledger_entries(&self, of: &Partition) -> Option<u64> {
        self.of_partition("karmyq_ledger_commands", of)
    }

    /// Its windows; none before the first.
    #[must_use]
    pub fn windows(&self) -> Option<WindowFigures> {
        let windows = self.value("karmyq_window_commit_seconds_count")?;
        (windows > 0.0).then_some(())?;
        let batches = self.value("karmyq_window_records_count")?;
        Some(WindowFigures {
            windows: whole(windows),
            commit_p50_ms: self.commit_quantile(0.5)? * 1e3,
            commit_p99_ms: self.commit_quantile(0.99)? * 1e3,
            records_mean: self.value("karmyq_window_records_sum")? / batches.max(1.0),
        })
    }

    fn of_partition(&self, name: &str, (domain, number): &Partition) -> Option<u64> {
        self.labelled(name, &[("partition", &format!("{domain}/{number}"))]).map(whole)
    }

    /// The first value of this name with at least these labels; none while there is no such one.
    #[must_use]
    pub fn labelled(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let has =
            |it: &Sample, (label, value): &(&str, &str)| it.labels.get(*label).is_some_and(|it| it == value);
        let found =
            self.samples.iter().find(|it| it.name == name && labels.iter().all(|label| has(it, label)));
        found.map(|it| it.value)
    }

    fn value(&self, name: &str) -> Option<f64> {
        self.labelled(name, &[])
    }

    /// The duration, in seconds, that this share of the commits did not exceed: interpolated within its bucket, and the
    /// highest bound for what lies beyond.
    fn commit_quantile(&self, share: f64) -> Option<f64> {
        let name = "karmyq_window_commit_seconds_bucket";
        let bound = |it: &Sample| it.labels.get("le").and_then(|le| le.parse::<f64>().ok());
        let buckets = self.samples.iter().filter(|it| it.name == name);
        let mut buckets: Vec<(f64, f64)> = buckets.filter_map(|it| Some((bound(it)?, it.value))).collect();
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        let rank = buckets.last()?.1 * share;
        let (mut lower, mut below) = (0.0, 0.0);
        for (upper, so_far) in buckets {
            if upper.is_infinite() {
                break;
            }
            if so_far >= rank {
                let within = if so_far > below { (rank - below) / (so_far - below) } else { 0.0 };
                return Some(lower + (upper - lower) * within);
            }
            (lower, below) = (upper, so_far);
        }
        Some(lower)
    }
}

/// `name{label="value",…} number`; label values of ours have no quotes in them.
fn sample(line: &str) -> Option<Sample> {
    let (series, value) = line.rsplit_once(' ').filter(|_| !line.starts_with('#'))?;
    let value = value.parse().ok()?;
    let Some((name, labels)) = series.split_once('{') else {
        return Some(Sample { name: series.to_owned(), labels: BTreeMap::new(), value });
    };
    let pairs = labels.strip_suffix('}')?.split(',').filter_map(|it| it.split_once('='));
    let labels = pairs.map(|(label, value)| (label.to_owned(), value.trim_matches('"').to_owned()));
    Some(Sample { name: name.to_owned(), labels: labels.collect(), value })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts are whole and not negative"
)]
fn whole(count: f64) -> u64 {
    count as u64
}

#[cfg(test)]
mod tests {
    use super::{Figures, WindowFigures};

    const TEXT: &str = r#"# TYPE karmyq_partition_aggregates gauge
karmyq_partition_aggregates{partition="community/1"} 12
karmyq_partition_aggregates{partition="community/0"} 7
karmyq_ledger_commands{partition="community/1"} 40
karmyq_writer_info{instance="command-api-1",domains="user community"} 1
# TYPE karmyq_window_commit_seconds histogram
karmyq_window_commit_seconds_bucket{le="0.005"} 40
karmyq_window_commit_seconds_bucket{le="0.01"} 80
karmyq_window_commit_seconds_bucket{le="0.025"} 98
karmyq_window_commit_seconds_bucket{le="+Inf"} 100
karmyq_window_commit_seconds_sum 0.9
karmyq_window_commit_seconds_count 100

karmyq_window_records_sum 700
karmyq_window_records_count 100
"#;

    #[test]
    fn the_figures_of_a_partition_are_its_own() {
        let figures = Figures::parse(TEXT);
        let partition = |number| ("community".to_owned(), number);
        assert_eq!(figures.instance(), Some("command-api-1"));
        assert!(figures.runs("user") && figures.runs("community") && !figures.runs("request"));
        assert_eq!(figures.aggregates(&partition(1)), Some(12));
        assert_eq!(figures.ledger_entries(&partition(1)), Some(40));
        assert_eq!(figures.aggregates(&partition(0)), Some(7));
        assert_eq!(figures.ledger_entries(&partition(0)), None, "not counted yet");
        assert_eq!(figures.labelled("karmyq_window_commit_seconds_bucket", &[("le", "0.01")]), Some(80.0));
    }

    #[test]
    fn quantiles_lie_within_their_bucket() {
        let windows = Figures::parse(TEXT).windows();
        let expected =
            WindowFigures { windows: 100, commit_p50_ms: 6.25, commit_p99_ms: 25.0, records_mean: 7.0 };
        assert_eq!(windows, Some(expected));
    }

    #[test]
    fn before_the_first_window_there_is_nothing_to_tell() {
        assert_eq!(Figures::parse("").windows(), None);
        assert_eq!(Figures::parse("karmyq_window_commit_seconds_count 0").windows(), None);
    }
}

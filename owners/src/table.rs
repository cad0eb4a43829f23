//! The table of all partitions: a line each for people, a list for programs.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use event_log::LogError;
use event_schemas::state::PartitionOwner;
use futures::future::{join_all, try_join_all};
use serde::Serialize;

use crate::figures::{Figures, WindowFigures};
use crate::{Owners, Partition};

/// Whoever does not answer for this long counts as unreachable.
const PATIENCE: Duration = Duration::from_secs(2);

/// A partition, whose it is, and how large.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The domain.
    pub domain: String,
    /// The number of the partition.
    pub partition: i32,
    /// Whether somebody has it.
    pub state: State,
    /// Who.
    pub owner: Option<Owner>,
    /// When its owner took it over or let it go, RFC 3339; none when it was never owned.
    pub since: Option<String>,
    /// Offset of its next event.
    pub log_end: i64,
    /// Aggregates in its owner's memory.
    pub aggregates: Option<u64>,
    /// Commands that its owner's ledger remembers.
    pub ledger_entries: Option<u64>,
    /// How its owner commits, all of the owner's partitions together.
    pub window: Option<WindowFigures>,
}

/// Whether somebody has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Its owner answers.
    Owned,
    /// It was announced as owned by a process that does not answer, or that another one has followed at its address.
    Unreachable,
    /// It was let go, and nobody has taken it over.
    Released,
    /// Nobody ever had it.
    Unowned,
}

impl State {
    /// In the form of JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Owned => "owned",
            Self::Unreachable => "unreachable",
            Self::Released => "released",
            Self::Unowned => "unowned",
        }
    }
}

/// Who has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Owner {
    /// The process, new at each start.
    pub instance: String,
    /// Its base address.
    pub address: String,
}

/// What each address tells of itself; those that do not answer are not in it.
pub type Answers = BTreeMap<String, Figures>;

/// Looks at every partition, and asks every owner.
///
/// # Errors
/// When the log does not answer, or no HTTP client can be made.
pub async fn rows(owners: &Owners) -> Result<Vec<Row>, LogError> {
    let told = owners.told();
    let answers = answers(told.addresses()).await?;
    let partitions = owners.partitions();
    let ends: Vec<_> = partitions.iter().map(|it| owners.log_end(it)).collect();
    let ends = try_join_all(ends).await?;
    let rows = partitions.iter().zip(ends).map(|(it, end)| row(it, told.last(it), end, &answers));
    Ok(rows.collect())
}

/// Asks whoever is at these addresses.
///
/// # Errors
/// When no HTTP client can be made.
pub async fn answers(addresses: BTreeSet<String>) -> Result<Answers, LogError> {
    let client = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build();
    let client = client.map_err(|error| LogError::Refused(format!("no HTTP client can be made: {error}")))?;
    let asked = addresses.into_iter().map(|address| ask(client.clone(), address));
    Ok(join_all(asked).await.into_iter().flatten().collect())
}

/// The figures of whoever is at this address; none when nobody answers in time.
async fn ask(client: reqwest::Client, address: String) -> Option<(String, Figures)> {
    let answer = client.get(format!("{}/metrics", address.trim_end_matches('/'))).send().await;
    let text = answer.and_then(reqwest::Response::error_for_status).ok()?.text().await.ok()?;
    Some((address, Figures::parse(&text)))
}

/// The row of a partition, from its last announcement and what its owner tells.
fn row(partition: &Partition, last: Option<&PartitionOwner>, log_end: i64, answers: &Answers) -> Row {
    let owner = last.filter(|it| it.is_owned());
    // Another process at the same address is not the owner.
    let figures =
        owner.and_then(|it| answers.get(&it.address).filter(|by| by.instance() == Some(&it.instance)));
    let state = match (last, owner, figures) {
        (None, _, _) => State::Unowned,
        (Some(_), None, _) => State::Released,
        (_, Some(_), None) => State::Unreachable,
        (_, Some(_), Some(_)) => State::Owned,
    };
    Row {
        domain: partition.0.clone(),
        partition: partition.1,
        state,
        owner: owner.map(|it| Owner { instance: it.instance.clone(), address: it.address.clone() }),
        since: last.map(|it| it.at.to_string()),
        log_end,
        aggregates: figures.and_then(|it| it.aggregates(partition)),
        ledger_entries: figures.and_then(|it| it.ledger_entries(partition)),
        window: figures.and_then(Figures::windows),
    }
}

/// The rows as lines, under a heading.
#[must_use]
pub fn lines(rows: &[Row]) -> Vec<String> {
    let owner = |row: &Row| match (&row.owner, row.state) {
        (Some(owner), State::Unreachable) => format!("{} (does not answer)", owner.address),
        (Some(owner), _) => owner.address.clone(),
        (None, _) => "nobody".to_owned(),
    };
    let wide = rows.iter().map(|it| owner(it).len()).max().unwrap_or_default().max("owner".len());
    let heading = format!(
        "{:<16} {:<wide$} {:<20} {:>10} {:>10} {:>8} {:>7} {:>7} {:>8}  {}",
        "partition",
        "owner",
        "since",
        "log end",
        "aggregates",
        "ledger",
        "p50 ms",
        "p99 ms",
        "records",
        "instance"
    );
    let line = |row: &Row| {
        let name = format!("{}/{}", row.domain, row.partition);
        let since = row.since.as_ref().map_or_else(|| "-".to_owned(), |it| whole_seconds(it));
        let window = |figure: fn(&WindowFigures) -> f64| {
            row.window.as_ref().map_or_else(|| "-".to_owned(), |it| format!("{:.1}", figure(it)))
        };
        let count = |it: Option<u64>| it.map_or_else(|| "-".to_owned(), |it| it.to_string());
        let instance = row.owner.as_ref().map_or("-", |it| it.instance.as_str());
        format!(
            "{name:<16} {:<wide$} {since:<20} {:>10} {:>10} {:>8} {:>7} {:>7} {:>8}  {instance}",
            owner(row),
            row.log_end,
            count(row.aggregates),
            count(row.ledger_entries),
            window(|it| it.commit_p50_ms),
            window(|it| it.commit_p99_ms),
            window(|it| it.records_mean),
        )
    };
    std::iter::once(heading).chain(rows.iter().map(line)).collect()
}

/// RFC 3339 without the fraction of the second.
fn whole_seconds(at: &str) -> String {
    at.split_once('.').map_or_else(|| at.to_owned(), |(seconds, _)| format!("{seconds}Z"))
}

#[cfg(test)]
mod tests {
    use event_schemas::state::PartitionOwner;
    use serde_json::json;

    use super::{Answers, Figures, Row, lines, row};
    use crate::tests::{announcement, told};

    fn shown(announcements: Vec<PartitionOwner>, answers: &Answers) -> Row {
        let partition = ("community".to_owned(), 1);
        row(&partition, told(announcements).last(&partition), 42, answers)
    }

    fn answers(instance: &str) -> Answers {
        let text = format!(
            "karmyq_writer_info{{instance=\"{instance}\"}} 1\nkarmyq_partition_aggregates{{partition=\"community/1\"}} 9\n"
        );
        [("http://one".to_owned(), Figures::parse(&text))].into()
    }

    #[test]
    fn an_owner_that_answers_tells_its_figures() {
        let row = shown(vec![announcement(1, "owned", "http://one", 5)], &answers("instance of http://one"));
        let expected = json!({
            "domain": "community", "partition": 1, "state": "owned",
            "owner": {"instance": "instance of http://one", "address": "http://one"},
            "since": "1970-01-01T00:00:05.000000Z", "logEnd": 42,
            "aggregates": 9, "ledgerEntries": null, "window": null,
        });
        assert_eq!(serde_json::to_value(&row).expect("JSON"), expected);
        let lines = lines(&[row]);
        assert!(
            lines[1].starts_with("community/1      http://one 1970-01-01T00:00:05Z         42          9"),
            "{lines:?}"
        );
    }

    #[test]
    fn an_owner_that_does_not_answer_or_was_followed_by_another_process_is_shown_as_such() {
        let owned = || vec![announcement(1, "owned", "http://one", 5)];
        for answers in [Answers::new(), answers("a later process")] {
            let row = shown(owned(), &answers);
            let json = serde_json::to_value(&row).expect("JSON");
            assert_eq!((&json["state"], &json["aggregates"]), (&json!("unreachable"), &json!(null)));
            assert!(lines(&[row])[1].contains("http://one (does not answer)"));
        }
    }

    #[test]
    fn what_was_let_go_or_never_owned_is_nobodys() {
        let released = shown(vec![announcement(1, "released", "http://one", 7)], &Answers::new());
        let unowned = shown(Vec::new(), &Answers::new());
        let json = serde_json::to_value([&released, &unowned]).expect("JSON");
        assert_eq!(json[0]["state"], "released");
        assert_eq!(json[0]["since"], "1970-01-01T00:00:07.000000Z");
        assert_eq!(json[1]["state"], "unowned");
        for it in [0, 1] {
            assert_eq!(json[it]["owner"], json!(null));
        }
        let lines = lines(&[released, unowned]);
        assert!(lines[1].contains("nobody 1970-01-01T00:00:07Z"), "{lines:?}");
        assert!(lines[2].contains("nobody - "), "{lines:?}");
    }
}

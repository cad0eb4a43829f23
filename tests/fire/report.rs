//! What came of a run: one JSON object, or a page for people.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};
use tests::checker::{Answer, History, Violation};

use crate::meter::Outage;
use crate::party::Party;
use crate::world::{Blow, World};

/// Outages that are listed one by one.
const LISTED: usize = 8;
/// Violations whose history is printed.
const TOLD: usize = 20;

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) seed: u64,
    pub(crate) minutes: f64,
    pub(crate) history: History,
    pub(crate) violations: Vec<Violation>,
    pub(crate) blows: Vec<Blow>,
    pub(crate) outages: Vec<Outage>,
    endings: BTreeMap<Party, Vec<String>>,
}

/// What clients were told, counted.
#[derive(Debug, Default)]
struct Counts {
    acknowledged: usize,
    unchanged: usize,
    refused: usize,
    not_taken: usize,
    unknown: usize,
    repeats: usize,
    by_code: BTreeMap<String, usize>,
}

impl Report {
    pub(crate) fn new(
        world: &World,
        seed: u64,
        minutes: f64,
        history: History,
        violations: Vec<Violation>,
    ) -> Self {
        let endings = world.ground.processes.iter().filter_map(|(party, process)| {
            let endings: Vec<_> = process.endings().iter().map(ToString::to_string).collect();
            (!endings.is_empty()).then_some((*party, endings))
        });
        Self {
            seed,
            minutes,
            history,
            violations,
            blows: world.struck(),
            outages: world.meter.outages(),
            endings: endings.collect(),
        }
    }

    fn counts(&self) -> Counts {
        let (mut counts, mut acknowledged) = (Counts::default(), HashSet::new());
        for attempt in &self.history.attempts {
            match &attempt.answer {
                Answer::Appended { replayed, .. } => {
                    acknowledged.insert(attempt.command);
                    counts.repeats += usize::from(*replayed == Some(true));
                }
                Answer::Unchanged => counts.unchanged += 1,
                Answer::Refused(code) => {
                    counts.refused += 1;
                    *counts.by_code.entry(format!("refused {code}")).or_default() += 1;
                }
                Answer::NotTaken(why) => {
                    counts.not_taken += 1;
                    *counts.by_code.entry(format!("not taken: {why}")).or_default() += 1;
                }
                Answer::Unknown(why) => {
                    counts.unknown += 1;
                    // What a transport says differs in addresses and the like.
                    let why = why.split(['(', ':']).next().unwrap_or_default().trim();
                    *counts.by_code.entry(format!("unknown: {why}")).or_default() += 1;
                }
            }
        }
        counts.acknowledged = acknowledged.len();
        counts
    }

    /// Everything as one object.
    pub(crate) fn json(&self) -> Value {
        let counts = self.counts();
        let mut kinds = BTreeMap::<_, usize>::new();
        for blow in &self.blows {
            *kinds.entry(blow.kind).or_default() += 1;
        }
        let endings: BTreeMap<_, _> =
            self.endings.iter().map(|(party, it)| (party.to_string(), it)).collect();
        json!({
            "seed": self.seed,
            "minutes": self.minutes,
            "faults": { "count": self.blows.len(), "kinds": kinds },
            "acknowledged": counts.acknowledged,
            "repeated": counts.repeats,
            "unchanged": counts.unchanged,
            "refused": counts.refused,
            "not_taken": counts.not_taken,
            "unknown": counts.unknown,
            "answers": counts.by_code,
            "reads": self.history.reads.len(),
            "events": self.history.events.len(),
            "policy_commands": self.history.commands.len(),
            "tables": self.history.tables.len(),
            "availability": self.availability(),
            "ended_by_themselves": endings,
            "violations": self.violations.iter().enumerate().map(|it| self.violation(it)).collect::<Vec<_>>(),
        })
    }

    fn violation(&self, (number, violation): (usize, &Violation)) -> Value {
        let history = if number < TOLD { self.history.of(&violation.aggregate) } else { String::new() };
        json!({
            "rule": format!("{:?}", violation.rule),
            "aggregate": violation.aggregate,
            "found": violation.found,
            "history": history.lines().map(str::trim).collect::<Vec<_>>(),
        })
    }

    fn availability(&self) -> Value {
        let mut longest: Vec<_> = self.outages.iter().collect();
        longest.sort_by_key(|it| std::cmp::Reverse(it.length()));
        let listed = longest.iter().take(LISTED).map(|it| {
            json!({
                "partition": it.of.to_string(),
                "began_s": seconds(it.began),
                "length_s": seconds(it.length()),
                "meanwhile": self.meanwhile(it).map(|it| it.kind).collect::<BTreeSet<_>>(),
            })
        });
        json!({
            "outages": self.outages.len(),
            "longest_s": longest.first().map_or(0.0, |it| seconds(it.length())),
            "longest": listed.collect::<Vec<_>>(),
            "by_kind": self.by_kind(),
        })
    }

    fn meanwhile(&self, outage: &Outage) -> impl Iterator<Item = &Blow> {
        self.blows.iter().filter(|it| outage.overlaps(it.began, it.ended.unwrap_or(Duration::MAX)))
    }

    /// Per kind: how often, the longest outage while one lasted (and while it alone lasted), and after how long the last
    /// partition was back when it was over.
    fn by_kind(&self) -> BTreeMap<&'static str, Value> {
        #[derive(Default)]
        struct Of {
            count: usize,
            outage: Duration,
            alone: Duration,
            recovered: Duration,
        }
        let mut kinds = BTreeMap::<_, Of>::new();
        for blow in &self.blows {
            let of = kinds.entry(blow.kind).or_default();
            of.count += 1;
            let ended = blow.ended.unwrap_or(Duration::MAX);
            for outage in self.outages.iter().filter(|it| it.overlaps(blow.began, ended)) {
                of.outage = of.outage.max(outage.length());
                of.recovered = of.recovered.max(outage.ended.saturating_sub(ended));
                if self.meanwhile(outage).count() == 1 {
                    of.alone = of.alone.max(outage.length());
                }
            }
        }
        let shown = |of: Of| {
            json!({
                "count": of.count,
                "longest_outage_s": seconds(of.outage),
                "longest_outage_alone_s": seconds(of.alone),
                "recovered_after_s": seconds(of.recovered),
            })
        };
        kinds.into_iter().map(|(kind, of)| (kind, shown(of))).collect()
    }

    /// The same as a page.
    pub(crate) fn page(&self) -> String {
        let (counts, mut text) = (self.counts(), String::new());
        _ = writeln!(text, "\nseed {}, {} minutes, {} faults", self.seed, self.minutes, self.blows.len());
        _ = writeln!(
            text,
            "{} commands acknowledged ({} repeats answered again), {} unchanged, {} refused",
            counts.acknowledged, counts.repeats, counts.unchanged, counts.refused
        );
        _ = writeln!(
            text,
            "{} attempts not taken, {} with an unknown outcome",
            counts.not_taken, counts.unknown
        );
        for (code, count) in &counts.by_code {
            _ = writeln!(text, "  {count:>8}  {code}");
        }
        _ = writeln!(
            text,
            "{} events, {} commands of policies, {} reads after a write, {} tables compared with a replay",
            self.history.events.len(),
            self.history.commands.len(),
            self.history.reads.len(),
            self.history.tables.len()
        );
        for (party, endings) in &self.endings {
            for ending in endings {
                _ = writeln!(text, "{party} ended by itself: {ending}");
            }
        }
        self.write_kinds(&mut text);
        self.write_outages(&mut text);
        self.write_violations(&mut text);
        text
    }

    fn write_kinds(&self, text: &mut String) {
        _ = writeln!(
            text,
            "\n{:<34}{:>6}{:>18}{:>10}{:>18}",
            "kind of fault", "count", "longest outage s", "alone s", "recovered after s"
        );
        for (kind, of) in self.by_kind() {
            let number = |name: &str| of[name].as_f64().unwrap_or_default();
            _ = writeln!(
                text,
                "{:<34}{:>6}{:>18.1}{:>10.1}{:>18.1}",
                kind.replace('_', " "),
                of["count"],
                number("longest_outage_s"),
                number("longest_outage_alone_s"),
                number("recovered_after_s")
            );
        }
    }

    fn write_outages(&self, text: &mut String) {
        let mut longest: Vec<_> = self.outages.iter().collect();
        longest.sort_by_key(|it| std::cmp::Reverse(it.length()));
        _ = writeln!(text, "\n{} outages of a partition; the longest:", longest.len());
        for it in longest.into_iter().take(LISTED) {
            let meanwhile: BTreeSet<_> = self.meanwhile(it).map(|it| it.kind.replace('_', " ")).collect();
            let meanwhile = meanwhile.into_iter().collect::<Vec<_>>().join(", ");
            _ = writeln!(text, "{:>8.1} s  {} during: {meanwhile}", seconds(it.length()), it.of);
        }
    }

    fn write_violations(&self, text: &mut String) {
        if self.violations.is_empty() {
            _ = writeln!(text, "\nno violation");
            return;
        }
        _ = writeln!(text, "\n{} VIOLATIONS", self.violations.len());
        for violation in self.violations.iter().take(TOLD) {
            _ = writeln!(text, "{violation}");
        }
        let aggregates: BTreeSet<_> = self.violations.iter().take(TOLD).map(|it| &it.aggregate).collect();
        for aggregate in aggregates {
            _ = write!(text, "\nhistory of {aggregate}\n{}", self.history.of(aggregate));
        }
    }
}

/// Rounded to milliseconds.
fn seconds(of: Duration) -> f64 {
    (of.as_secs_f64() * 1_000.0).round() / 1_000.0
}

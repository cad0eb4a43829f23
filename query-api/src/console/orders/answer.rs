//! What came of an order, said as the command line says it.

use serde_json::Value;

use super::super::words;
use super::Row;

/// A table that was compared with the log.
pub(super) struct Compared {
    pub(super) table: String,
    pub(super) equal: bool,
    pub(super) live: String,
    pub(super) replayed: String,
    pub(super) differences: Vec<String>,
    pub(super) more: i64,
}

/// A parked record.
pub(super) struct Shown {
    pub(super) position: String,
    pub(super) kind: String,
    pub(super) reason: String,
    /// All of it, as JSON over several lines.
    pub(super) text: String,
}

impl Row {
    fn result(&self) -> &Value {
        self.answer.as_ref().map_or(&Value::Null, |it| &it.0)
    }

    /// The outcome in a sentence; empty while there is none.
    pub(in crate::console) fn sentence(&self) -> String {
        if let Some(error) = &self.error {
            return error.clone();
        }
        let it = self.result();
        if it.is_null() {
            return String::new();
        }
        match self.kind.as_str() {
            "rebuild" => format!("{}. The one before is kept: a rollback brings it back", rebuilt(it)),
            "rebuild_all" => rebuilt_all(it),
            "rollback" => rolled_back(it),
            "drop" => match it["version"].as_i64() {
                Some(version) => format!("version {version} is dropped"),
                None => "no version was kept".to_owned(),
            },
            "retire" => retired(it),
            "cancel" => cancelled(it),
            "heal" if it["rows"] == 0 => {
                "no row bears the id, and by the log none should: is it the right one?".to_owned()
            }
            "heal" => format!(
                "{} rows bear the id or belong to one that does; {} of them were wrong and are corrected",
                number(&it["rows"]),
                number(&it["healed"])
            ),
            "verify" if it["equal"] == true => {
                format!("the rows are what the log says{}", but_for_parked(it))
            }
            "verify" if it["version"].is_null() && it.get("version").is_some() => {
                "nobody has ever folded it: there is nothing to compare".to_owned()
            }
            "verify" if it["foldable"].as_i64() > Some(0) => format!(
                "some rows are not what the log says; {} record(s) are parked that this code can fold: redrive them, and \
                 verify again",
                number(&it["foldable"])
            ),
            "verify" => "some rows are not what the log says; a rebuild makes them so".to_owned(),
            "redrive" => redriven(&it["redriven"]),
            "redrive_all" => redriven_all(it),
            "discard" => {
                format!("{} record(s) discarded; {}", number(&it["discarded"]), redriven(&it["redriven"]))
            }
            _ => String::new(),
        }
    }

    /// What is reached by an order that was carried out. Nobody must take for healed what is still held back.
    pub(super) fn reached(&self) -> &'static str {
        let it = self.result();
        match self.kind.as_str() {
            "redrive" | "discard" if it["redriven"]["stoppedAt"].is_object() => "still parked",
            "redrive_all" if it["stoppedKeys"].as_i64() > Some(0) => "still parked",
            "verify" if it["equal"] == false => "different",
            _ => "done",
        }
    }

    /// The tables that were compared; none of other orders.
    pub(super) fn compared(&self) -> Vec<Compared> {
        let tables = self.result()["tables"].as_array().into_iter().flatten();
        tables.map(compared).collect()
    }

    /// The records that were shown; none of other orders.
    pub(super) fn records(&self) -> Vec<Shown> {
        let records = self.result()["records"].as_array().into_iter().flatten();
        records.map(shown).collect()
    }

    /// The keys that still cannot be folded, with the reasons; none of other orders.
    pub(super) fn stopped(&self) -> Vec<String> {
        let stopped = self.result()["stopped"].as_array().into_iter().flatten();
        stopped
            .map(|it| format!("{}: {}", text(&it["key"]["key"]), text(&it["stoppedAt"]["reason"])))
            .collect()
    }

    /// How many records of the key were not shown.
    pub(super) fn not_shown(&self) -> i64 {
        let all = self.result()["key"]["records"].as_i64().unwrap_or(0);
        (all - i64::try_from(self.records().len()).unwrap_or(i64::MAX)).max(0)
    }
}

fn text(it: &Value) -> String {
    it.as_str().unwrap_or_default().to_owned()
}

fn number(it: &Value) -> String {
    words::count(it.as_i64().unwrap_or(0))
}

fn rebuilt(it: &Value) -> String {
    let seconds: f64 = ["foldingSeconds", "writingSeconds", "swappingSeconds"]
        .iter()
        .filter_map(|name| it[*name].as_f64())
        .sum();
    format!(
        "version {} is live: {} records, {} rows, {}{}",
        it["version"],
        number(&it["records"]),
        number(&it["rows"]),
        words::seconds(seconds),
        but_for_parked(it),
    )
}

fn rebuilt_all(it: &Value) -> String {
    let each = |it: &Value| format!("{}: {}", text(&it["projection"]), rebuilt(it));
    match it["rebuilt"].as_array().map_or(&[][..], Vec::as_slice) {
        [] => "all rows were made by this code".to_owned(),
        all => all.iter().map(each).collect::<Vec<_>>().join("; "),
    }
}

/// What a fold of the whole log leaves out.
fn but_for_parked(it: &Value) -> String {
    match it["parked"].as_i64() {
        None | Some(0) => String::new(),
        Some(parked) => format!(", but for {} record(s) that are parked", words::count(parked)),
    }
}

fn rolled_back(it: &Value) -> String {
    let missed = number(&it["records"]);
    let live = format!("version {} is live again, after {missed} records that it had missed", it["version"]);
    if it["sameCode"] == true {
        return format!("{live}. A second rollback undoes this");
    }
    format!(
        "{live}. Its rows were made by other code than folds now: what is folded from now on may not fit them, until a rebuild"
    )
}

fn retired(it: &Value) -> String {
    let tables = it["tables"].as_array().into_iter().flatten().filter_map(Value::as_str);
    format!("gone with its consumer group and its tables {}", tables.collect::<Vec<_>>().join(", "))
}

fn cancelled(it: &Value) -> String {
    let (became, orders) = (&it["became"], it["orders"].as_i64().unwrap_or(0));
    if became == "nothing_ran" && orders > 0 {
        return format!("{orders} order(s) are told to stop");
    }
    match (became.as_str(), became["ended"].as_str()) {
        (Some("nothing_ran"), _) => "nothing ran",
        (Some("cleaned_up"), _) => "its process was gone; what it had left is removed",
        (Some("stopping"), _) => "it is told, and has not stopped yet",
        (_, Some("done")) => "too late, the new version is live",
        _ => "cancelled, nothing is left of it",
    }
    .to_owned()
}

fn redriven(it: &Value) -> String {
    let folded = number(&it["folded"]);
    match it["stoppedAt"].as_object() {
        None => format!("{folded} record(s) folded, nothing of the key is parked any more"),
        Some(at) => format!(
            "{folded} record(s) folded; then offset {} still cannot be: {}",
            at.get("offset").unwrap_or(&Value::Null),
            at.get("reason").and_then(Value::as_str).unwrap_or_default(),
        ),
    }
}

fn redriven_all(it: &Value) -> String {
    let healed = it["keys"].as_i64().unwrap_or(0) - it["stoppedKeys"].as_i64().unwrap_or(0);
    let all = format!("{} record(s) of {} key(s) folded", number(&it["folded"]), number(&it["keys"]));
    match it["stoppedKeys"].as_i64() {
        Some(0) | None => format!("{all}, nothing of them is parked any more"),
        Some(stopped) => format!("{all}: {healed} are healed, {stopped} still cannot be folded"),
    }
}

fn compared(it: &Value) -> Compared {
    let differences = it["differences"].as_array().cloned().unwrap_or_default();
    let more = it["differing"].as_i64().unwrap_or(0) - i64::try_from(differences.len()).unwrap_or(0);
    Compared {
        table: text(&it["table"]),
        equal: it["equal"] == true,
        live: number(&it["live"]["rows"]),
        replayed: number(&it["replayed"]["rows"]),
        differences: differences.iter().map(difference).collect(),
        more: more.max(0),
    }
}

fn difference(it: &Value) -> String {
    let what = match it["kind"].as_str() {
        Some("missing") => "is missing".to_owned(),
        Some("surplus") => "should not be there".to_owned(),
        _ => {
            let columns = it["columns"].as_array().into_iter().flatten().filter_map(Value::as_str);
            format!("differs in {}", columns.collect::<Vec<_>>().join(", "))
        }
    };
    format!("{} {what}", it["key"])
}

fn shown(it: &Value) -> Shown {
    Shown {
        position: text(&it["position"]),
        kind: text(&it["kind"]),
        reason: text(&it["reason"]),
        text: format!("{it:#}"),
    }
}

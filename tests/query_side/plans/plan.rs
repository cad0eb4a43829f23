//! What is wrong with a plan.

use std::collections::HashMap;

use serde_json::Value;

use super::calls::Call;

/// Most rows of a growing table that a part of a plan may look at, most look-ups of one that find nothing, and most
/// executions of a function of ours, for one call. A page has a hundred, a community 150 members; the fullest inbox has two
/// thousand. Tables that are no larger are held to the other rules alone.
const MOST_ROWS: f64 = 3_000.0;

/// The one catalogue: routes that search, count or rank all communities look at each of them.
const CATALOGUE: &str = "community.communities";
const OF_THE_CATALOGUE: [&str; 3] = ["/communities", "/communities/tags", "/feed"];

/// Tables of the write side that query-api sees a part of.
const BESIDE_READ_MODELS: [&str; 1] = ["auth.sessions"];

/// All faults of the statements of a call.
pub(super) fn faults(call: &Call, statements: &[Value]) -> Vec<String> {
    let mut found = Vec::new();
    let mut executed = HashMap::<&str, u32>::new();
    for statement in statements {
        let text = statement["Query Text"].as_str().unwrap_or_default();
        *executed.entry(text).or_default() += 1;
        Judge { call, text, found: &mut found }.node(&statement["Plan"]);
    }
    for (text, times) in executed {
        if f64::from(times) > MOST_ROWS {
            found.push(told(call, text, &format!("is executed {times} times")));
        }
    }
    found
}

fn told(call: &Call, text: &str, what: &str) -> String {
    let text: Vec<_> = text.split_whitespace().collect();
    let text: String = text.join(" ").chars().take(220).collect();
    format!("{call}: {what}\n    in {text}")
}

struct Judge<'a> {
    call: &'a Call,
    text: &'a str,
    found: &'a mut Vec<String>,
}

impl Judge<'_> {
    fn node(&mut self, node: &Value) {
        self.scan(node);
        for condition in ["Filter", "Join Filter"] {
            let text = node[condition].as_str().unwrap_or_default();
            if text.contains("current_setting(") || text.contains("caller") {
                self.fault(&format!("asks for every row who calls: {text}"));
            }
        }
        for child in node["Plans"].as_array().into_iter().flatten() {
            self.node(child);
        }
    }

    /// What reads a table.
    fn scan(&mut self, node: &Value) {
        let Some(table) = growing_table(node) else { return };
        if table == CATALOGUE && OF_THE_CATALOGUE.contains(&self.call.route.as_str()) {
            return;
        }
        if node["Node Type"] == "Seq Scan" {
            self.fault(&format!("reads all of {table}"));
        }
        let counted = |name: &str| node[name].as_f64().unwrap_or_else(|| panic!("{name} of {node}"));
        let removed = ["Rows Removed by Filter", "Rows Removed by Index Recheck"].map(|it| node[it].as_f64());
        let a_time = counted("Actual Rows") + removed.into_iter().flatten().sum::<f64>();
        // An average that is rounded: a look-up that finds something now and then counts as none.
        let rows = counted("Actual Loops") * a_time.max(1.0);
        if rows > MOST_ROWS {
            self.fault(&format!("looks at {rows:.0} rows of {table}"));
        }
    }

    fn fault(&mut self, what: &str) {
        self.found.push(told(self.call, self.text, what));
    }
}

/// The table that a node reads, when it is one that grows. A read table's rows are in a partition of its own name and
/// version.
fn growing_table(node: &Value) -> Option<String> {
    let (schema, name) = (node["Schema"].as_str()?, node["Relation Name"].as_str()?);
    let unversioned = name.rsplit_once("_v").filter(|(_, version)| version.parse::<u32>().is_ok());
    let table = format!("{schema}.{}", unversioned.map_or(name, |(of, _)| of));
    let read = projectors::registry::PROJECTIONS.iter().any(|it| it.tables().contains(&table));
    (read || BESIDE_READ_MODELS.contains(&table.as_str())).then_some(table)
}

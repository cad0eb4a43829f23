//! The table in ARCHITECTURE.md that says where the code does what the steps of the model stand for.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;

use model::{Rules, Scenario, World, WriteSide};
use stateright::Model;

/// A row: names of steps, and what does them.
struct Row {
    steps: Vec<String>,
    by: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate is a folder of the repository")
}

/// What stands between backticks.
fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The rows of the table.
fn table() -> Vec<Row> {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("it is there");
    let (_, section) = text.split_once("\n## Proof: the model\n").expect("there is such a section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter(|it| it.starts_with("| `"));
    let row = |line: &str| {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").collect();
        Row { steps: quoted(cells[0]), by: (*cells.last().expect("a row has cells")).to_owned() }
    };
    rows.map(row).collect()
}

/// The names of all steps that happen in these scenarios.
fn steps_of(scenarios: &[&str]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for name in scenarios {
        let Scenario { bounds, .. } = Scenario::named(name).expect("the scenario is one of the list");
        let model = WriteSide { rules: Rules::all(), bounds };
        let (mut seen, mut waiting): (HashSet<World>, _) = (HashSet::new(), model.init_states());
        let mut steps = Vec::new();
        while let Some(world) = waiting.pop() {
            model.actions(&world, &mut steps);
            for step in steps.drain(..) {
                names.insert(step.name());
                let next = model.after(&world, step);
                if seen.insert(next.clone()) {
                    waiting.push(next);
                }
            }
        }
    }
    names
}

#[test]
fn every_step_stands_in_the_table_once_and_happens() {
    let mut listed: Vec<String> = table().into_iter().flat_map(|it| it.steps).collect();
    listed.sort();
    let happen: Vec<String> = steps_of(&["crash", "abort", "unknown", "overdue"]).into_iter().collect();
    assert_eq!(listed, happen);
}

#[test]
fn every_function_of_the_table_stands_in_its_file() {
    for Row { steps, by } in table() {
        let names = quoted(&by);
        let mut file = None;
        // `function`, `function` in `file`, `function` in `file`: read from the end, each file goes with those before it.
        for name in names.iter().rev() {
            if name.contains('/') {
                file = Some(name);
                continue;
            }
            let file = file.unwrap_or_else(|| panic!("{steps:?}: no file for {name}"));
            let text =
                std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
            let found = [format!("fn {name}("), format!("fn {name}<")].iter().any(|it| text.contains(it));
            assert!(found, "{steps:?}: there is no function {name} in {file}");
        }
        assert!(
            !names.is_empty() || by.contains("Kafka") || by.contains("nobody"),
            "{steps:?}: who does it? {by}"
        );
    }
}

//! Explores the model of the write side: `model`, or `model --without fence` for a counter-example.
#![expect(clippy::print_stdout, reason = "a command line prints")]

use std::process::ExitCode;
use std::time::Instant;

use model::{Exploration, Rule, Rules, SCENARIOS, Scenario, WriteSide, counter_example, explore};

fn main() -> ExitCode {
    match Asked::parse(std::env::args().skip(1)) {
        Ok(asked) => asked.answer(),
        Err(reason) => {
            println!("{reason}\n\n{}", usage());
            ExitCode::from(2)
        }
    }
}

/// What the command line asks for.
struct Asked {
    rules: Rules,
    scenarios: Vec<Scenario>,
}

impl Asked {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut rules, mut scenarios) = (Rules::all(), Vec::new());
        while let Some(argument) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{argument} what?"))?;
            match argument.as_str() {
                "--without" => {
                    let rule: Rule = value.parse()?;
                    rules = rules.without(rule);
                    scenarios.extend(Scenario::named(rule.missed_in()));
                }
                "--scenario" => {
                    scenarios = vec![Scenario::named(&value).ok_or_else(|| format!("no scenario {value}"))?];
                }
                _ => return Err(format!("what is {argument}?")),
            }
        }
        if scenarios.is_empty() {
            scenarios.extend(SCENARIOS);
        }
        Ok(Self { rules, scenarios })
    }

    /// Explores and prints; success when everything holds.
    fn answer(self) -> ExitCode {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let mut holds = true;
        for Scenario { name, about, bounds } in self.scenarios {
            let model = WriteSide { rules: self.rules, bounds };
            let began = Instant::now();
            let Exploration { worlds, depth, violated, .. } = explore(model, threads);
            let took = began.elapsed().as_secs_f64();
            println!("{name}: {worlds} worlds, {depth} deep, {took:.1} s ({about})");
            if let Some(found) = (!violated.is_empty()).then(|| counter_example(model)).flatten() {
                println!("\n{found}");
                holds = false;
            }
        }
        if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

fn usage() -> String {
    let rules = Rule::ALL.map(Rule::name).join(", ");
    let scenarios: Vec<&str> = SCENARIOS.iter().map(|it| it.name).collect();
    format!(
        "usage: model [--without RULE] [--scenario SCENARIO]\nrules: {rules}\nscenarios: {}",
        scenarios.join(", ")
    )
}

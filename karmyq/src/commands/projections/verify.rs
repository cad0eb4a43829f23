//! `karmyq projections verify`: the live rows against the log.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use projectors::verify::{self, Comparison, Difference, DifferenceKind};
use serde_json::json;
use sqlx::PgPool;

use super::Asked;
use crate::engine::Engine;
use crate::terminal::say;

/// What to compare, and how much to show of it.
#[derive(Args, Clone, Debug)]
pub(crate) struct Verify {
    #[command(flatten)]
    asked: Asked,
    /// Show rows that differ with all their values, personal texts included
    #[arg(long)]
    values: bool,
}

impl Verify {
    /// Compares what was asked for; exits with 1 when something differs.
    pub(super) async fn run(self, engine: &Engine, owner: &PgPool) -> Result<ExitCode> {
        let mut all = Vec::new();
        for name in self.asked.names() {
            let verified = verify::verify(&engine.source(), owner, &name, self.values).await?;
            if !self.asked.json {
                verified.tables.iter().for_each(tell);
            }
            all.push(verified);
        }
        let equal = all.iter().all(|it| it.equal);
        let parked: Vec<_> = all.iter().filter(|it| it.parked > 0).collect();
        if self.asked.json {
            say(json!(all));
        } else {
            say(verdict(equal, parked.is_empty()));
            parked.iter().for_each(|it| say(super::parked_line(it.projection, it.parked)));
        }
        Ok(if equal { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// In a sentence. What is parked is in no row, live or replayed, and yet the log says it.
fn verdict(equal: bool, nothing_parked: bool) -> &'static str {
    match (equal, nothing_parked) {
        (true, true) => "the rows are what the log says",
        (true, false) => "the rows are what the log says, but for what is parked:",
        (false, _) => "some rows are not what the log says; `karmyq projections rebuild` makes them so",
    }
}

fn tell(of: &Comparison) {
    let verdict = if of.equal { "equal" } else { "DIFFERENT" };
    let figures = format!("{} rows live, {} replayed", of.live.rows, of.replayed.rows);
    say(format_args!("{:<36} {verdict:<9}  {figures}", of.table));
    of.differences.iter().for_each(|it| say(format_args!("    {}", named(it))));
    let more = of.differing - i64::try_from(of.differences.len()).unwrap_or(0);
    if more > 0 {
        say(format_args!("    and {more} more"));
    }
}

fn named(it: &Difference) -> String {
    let what = match it.kind {
        DifferenceKind::Missing => "is missing".to_owned(),
        DifferenceKind::Surplus => "should not be there".to_owned(),
        DifferenceKind::Changed => format!("differs in {}", it.columns.join(", ")),
    };
    let side = |name: &str, row: &Option<serde_json::Value>| {
        row.as_ref().map_or_else(String::new, |row| format!("\n      {name} {row}"))
    };
    format!("{} {what}{}{}", it.key, side("live    ", &it.live), side("replayed", &it.replayed))
}

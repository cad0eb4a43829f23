//! `karmyq projections verify`: the live rows against the log.

use std::process::ExitCode;

use clap::Args;
use projectors::rebuild::Progress;
use projectors::verify::{self, Comparison, Difference, DifferenceKind, Verified};
use serde_json::json;
use service_kit::config::Reader;
use sqlx::PgPool;

use super::Asked;
use super::bar::Bar;
use crate::engine::Engine;
use crate::terminal::{error, mention, say};

/// Exit code when nothing differs of what could be compared, and something could not be.
const NOT_COMPARED: u8 = 2;

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
    /// Compares what was asked for; exits with 1 when something differs, with 2 when something could not be compared and
    /// nothing of the rest differs.
    pub(super) async fn run(self) -> ExitCode {
        let compared = async {
            let owner = super::owner()?;
            let engine = Engine::connect(Reader::from_environment()).await?;
            Ok(self.compare(&engine, &owner).await)
        };
        compared.await.unwrap_or_else(|failed: anyhow::Error| {
            error(&failed);
            ExitCode::from(NOT_COMPARED)
        })
    }

    async fn compare(&self, engine: &Engine, owner: &PgPool) -> ExitCode {
        let (mut all, mut told, mut failed) = (Vec::new(), Vec::new(), false);
        for name in self.asked.names() {
            let mut bar = Bar::of(&name);
            let progress = |it: &Progress| bar.tell(it);
            let verified = verify::verify(&engine.source(), owner, &name, self.values, progress).await;
            bar.end();
            match verified {
                Ok(verified) => {
                    if !self.asked.json {
                        verified.tables.iter().for_each(tell);
                    }
                    failed |= verified.version.is_none();
                    told.push(json!(verified));
                    all.push(verified);
                }
                Err(reason) => {
                    failed = true;
                    mention(format_args!("karmyq: {name} could not be compared: {reason}"));
                    told.push(json!({ "projection": name, "error": reason.to_string() }));
                }
            }
        }
        if self.asked.json {
            say(json!(told));
        } else {
            verdict(&all, failed).into_iter().for_each(say);
        }
        match (all.iter().any(|it| it.version.is_some() && !it.equal), failed) {
            (true, _) => ExitCode::FAILURE,
            (false, true) => ExitCode::from(NOT_COMPARED),
            (false, false) => ExitCode::SUCCESS,
        }
    }
}

/// In sentences. What is parked is in no row, live or replayed, and yet the log says it.
fn verdict(all: &[Verified], failed: bool) -> Vec<String> {
    let folded = || all.iter().filter(|it| it.version.is_some());
    let equal = folded().all(|it| it.equal);
    let mut lines = Vec::new();
    if folded().next().is_some() {
        lines.push(match (equal, folded().all(|it| it.parked == 0), failed) {
            (true, true, false) => "the rows are what the log says".to_owned(),
            (true, true, true) => "the rows that were compared are what the log says".to_owned(),
            (true, false, _) => "the rows are what the log says, but for what is parked:".to_owned(),
            (false, ..) => {
                "some rows are not what the log says; `karmyq projections rebuild` makes them so".to_owned()
            }
        });
    }
    for it in all {
        let name = it.projection;
        if it.version.is_none() {
            lines.push(format!("  nobody has ever folded {name}: there is nothing to compare"));
        }
        if it.foldable > 0 {
            lines.push(format!(
                "  {} record(s) of {name} are parked that this code can fold, which alone makes a difference: \
                 karmyq dead-letters redrive-all {name}, and verify again",
                it.foldable
            ));
        }
        if it.parked > 0 {
            lines.push(super::parked_line(name, it.parked));
        }
    }
    lines
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

#[cfg(test)]
mod tests {
    use projectors::verify::Verified;

    use super::verdict;

    #[test]
    fn a_verdict_names_what_helps() {
        let equal = Verified {
            projection: "feed",
            version: Some(1),
            equal: true,
            rows: 2,
            parked: 0,
            foldable: 0,
            tables: Vec::new(),
        };
        assert_eq!(verdict(std::slice::from_ref(&equal), false), ["the rows are what the log says"]);
        let never = Verified { version: None, equal: false, ..equal.clone() };
        assert_eq!(verdict(&[never], true), ["  nobody has ever folded feed: there is nothing to compare"]);
        let foldable = verdict(&[Verified { equal: false, foldable: 3, ..equal }], false);
        assert!(foldable[1].contains("karmyq dead-letters redrive-all feed"), "{foldable:?}");
    }
}

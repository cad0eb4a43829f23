//! `karmyq projections rebuild`: one projection after the other, with progress, cancelled by a signal.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;
use projectors::rebuild::{Phase, Progress, rebuild};
use serde_json::json;
use service_kit::shutdown;
use sqlx::PgPool;

use super::Asked;
use crate::engine::Engine;
use crate::terminal::{mention, say};

/// How often progress is told.
const EVERY: Duration = Duration::from_secs(2);

/// Rebuilds what was asked for. Cancelling leaves the live tables as they are.
pub(super) async fn run(engine: &Engine, owner: &PgPool, asked: &Asked) -> Result<ExitCode> {
    let cancelled = shutdown::on_signal();
    let mut reports = Vec::new();
    for name in asked.names() {
        let mut progress = Telling::of(&name);
        let report = rebuild(&engine.source(), owner, &name, |it| progress.tell(it), &cancelled).await?;
        if !asked.json {
            let seconds = report.folding_seconds + report.writing_seconds + report.swapping_seconds;
            let what = format!("version {} of {name} is live", report.version);
            say(format_args!("{what}: {} records, {} rows, {seconds:.1} s", report.records, report.rows));
        }
        reports.push(report);
    }
    if asked.json {
        say(json!({ "rebuilt": reports }));
    }
    Ok(ExitCode::SUCCESS)
}

/// Tells progress on standard error: at the start of each phase, and every two seconds.
struct Telling<'a> {
    name: &'a str,
    last: Option<(Phase, Instant)>,
}

impl<'a> Telling<'a> {
    const fn of(name: &'a str) -> Self {
        Self { name, last: None }
    }

    fn tell(&mut self, progress: Progress) {
        let Progress { phase, done, total, time_left } = progress;
        if self.last.is_some_and(|(before, at)| before == phase && at.elapsed() < EVERY) {
            return;
        }
        self.last = Some((phase, Instant::now()));
        let what = match phase {
            Phase::Folding => "folding",
            Phase::Writing => "writing",
            Phase::Swapping => "swapping",
        };
        let percent = (done * 100).checked_div(total).unwrap_or(100);
        let left = time_left.map_or_else(String::new, |it| format!(", {} s left", it.as_secs()));
        mention(format_args!("{}: {what} {percent} %{left}", self.name));
    }
}
